"""Image files: found in a folder, opened whole, and refused where their pixels would be taken for something else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compiler.data.codes import FOLDER_MISSING, IMAGE_UNREADABLE
from compiler.data.faults import data_fault
from compiler.data.label_codes import IMAGE_DEPTH, ROTATION_MARK

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES: tuple[str, ...] = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
_ORIENTATION = 0x0112
_DEEP = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


def image_files(folder: Path, key: str) -> list[Path]:
    """List the images of a folder by name, not those of its subfolders; `key` is what the recipe calls the folder."""
    try:
        return sorted(path for path in folder.iterdir() if is_image(path))
    except OSError as fault:
        reason = "is not a folder" if not folder.is_dir() else (fault.strerror or "cannot be read").lower()
        advice = f"correct `{key}`; it counts from the recipe's folder"
        raise data_fault(FOLDER_MISSING, f"{folder} {reason}", advice, folder) from fault


def is_image(path: Path) -> bool:
    """Tell whether a file ends as images do."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def load_image(path: Path, orientation: str | None) -> Image:
    """Read and decode the whole file now, so that it is closed again and a fault shows here.

    `orientation` says what a camera's rotation mark means: "stored" pixels stay, "upright" turns them; None refuses.
    """
    import PIL.Image
    from PIL.ImageOps import exif_transpose

    try:
        with PIL.Image.open(path) as image:
            image.load()
            turn = image.getexif().get(_ORIENTATION, 1)
            upright = exif_transpose(image) if orientation == "upright" else image.copy()
    except (OSError, SyntaxError, ValueError, EOFError, PIL.Image.DecompressionBombError) as fault:
        raise data_fault(
            IMAGE_UNREADABLE, f"{path} cannot be read as an image", "replace or remove it", path
        ) from fault
    if turn in range(2, 9) and orientation is None:
        message = f"{path} carries a rotation mark (EXIF orientation {turn})"
        raise data_fault(ROTATION_MARK, message, "say `orientation: upright` or `stored` under `preprocess`", path)
    return eight_bit(upright, path)


def eight_bit(image: Image, path: Path) -> Image:
    """Return an image of 8 bits a channel, or refuse it."""
    if image.mode in _DEEP:
        message = f"{path} has more than 8 bits a channel (mode {image.mode})"
        raise data_fault(IMAGE_DEPTH, message, "convert it to 8 bits, or give prepared arrays as .npz", path)
    if 0 in image.size:
        raise data_fault(IMAGE_UNREADABLE, f"{path} has no pixels", "replace or remove it", path)
    return image
