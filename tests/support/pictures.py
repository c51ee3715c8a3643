"""Small images and label files, made where a test needs them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from compiler.diagnostic import CompressError, Diagnostic


def pictures(folder: Path, *names: str, size: tuple[int, int] = (20, 10)) -> Path:
    """Write plain images of a size (width, height)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", size, (9, 9, 9)).save(folder / name)
    return folder


def texts(folder: Path, files: Mapping[str, str]) -> Path:
    """Write text files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """Make an image of random colours."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def only(fault: CompressError) -> Diagnostic:
    """Return the one diagnostic of an error."""
    (found,) = fault.diagnostics
    return found
