"""Half precision: which tensors have room in it, and which layers can compute in it."""

from compiler.analysis.half.layout import HalfLayout, find_half, half_tensors
from compiler.analysis.half.ranges import LARGEST, Rounding, gather_roundings, rounded, rounding_of
from compiler.analysis.half.slots import INDIFFERENT, is_bound, may_be_half

__all__ = [
    "INDIFFERENT",
    "LARGEST",
    "HalfLayout",
    "Rounding",
    "find_half",
    "gather_roundings",
    "half_tensors",
    "is_bound",
    "may_be_half",
    "rounded",
    "rounding_of",
]
