"""More validation pictures for the quickstart than it has itself: 40 hold a hundred digits, too few to rank by."""

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

QUICKSTART = Path(__file__).parents[2] / "recipes" / "quickstart"


def digits(count: int) -> list[Mapping[str, object]]:
    """Draw pictures as the quickstart's own, with another seed."""
    sys.path.insert(0, str(QUICKSTART))
    drawing: Any = importlib.import_module("drawing")
    pictures = drawing.draw(drawing.validation_material(), 1009, count)
    return [
        {"image": picture.pixels, "boxes": list(map(list, picture.boxes)), "classes": [0] * len(picture.boxes)}
        for picture in pictures
    ]
