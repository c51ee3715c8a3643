"""What `ptq` decides: which layers compute in integers, in which grids, and what that costs in noise and in time."""

from passes.integers.choosing import Calibrate, choose, learned, prepare
from passes.integers.decision import Quantized, Way
from passes.integers.making import Making, put_in
from passes.integers.measuring import costed, measured, spared

__all__ = [
    "Calibrate",
    "Making",
    "Quantized",
    "Way",
    "choose",
    "costed",
    "learned",
    "measured",
    "prepare",
    "put_in",
    "spared",
]
