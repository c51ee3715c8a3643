"""Class folders: one subfolder of images for each class, as torchvision's ImageFolder reads them."""

from __future__ import annotations

from itertools import chain, pairwise, zip_longest
from pathlib import Path

from compiler.data.faults import data_fault
from compiler.data.image_file import image_files, is_image
from compiler.data.label_codes import CLASS_FOLDERS
from compiler.data.records import Listing, Record, records_listing
from compiler.data.source import DataSource
from compiler.diagnostic import did_you_mean


def list_class_folders(source: DataSource) -> Listing:
    """List the images of every class folder; a limit takes from each class in turn."""
    root = source.classes
    assert root is not None
    strays = image_files(root, "classes")
    folders = sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not folders:
        advice = "give each class a subfolder of images, or use `images` for images without classes"
        raise data_fault(CLASS_FOLDERS, f"{root} holds no subfolders", advice, root)
    if strays:
        advice = "move it into the folder of its class; correct `classes` if that is one level too deep"
        raise data_fault(CLASS_FOLDERS, f"{strays[0]} lies beside the class folders, in none", advice, strays[0])
    names = _order(root, folders, source.names)
    by_class = [
        [(label, path) for path in sorted(path for path in (root / name).iterdir() if is_image(path))]
        for label, name in enumerate(names)
    ]
    turns = (pair for pair in chain.from_iterable(zip_longest(*by_class)) if pair is not None)
    taken = sorted([pair for _, pair in zip(range(source.limit), turns, strict=False)] if source.limit else turns)
    records = [Record(place, path, path, label=label) for place, (label, path) in enumerate(taken, start=1)]
    files = tuple((f"{path.parent.name}/{path.name}", path) for _, path in taken)
    return records_listing(records, files=files, names=names)


def _order(root: Path, folders: list[str], names: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the folders in the order of the network's classes."""
    if names is None:
        if all(name.isdecimal() for name in folders) and sorted(folders, key=int) != folders:
            one, other = next(pair for pair in pairwise(folders) if int(pair[0]) > int(pair[1]))
            message = f"{root} holds folders named by numbers, and as text {one} comes before {other}"
            advice = "state the order of the network's classes: `names: ['0', '1', '2', ...]`"
            raise data_fault(CLASS_FOLDERS, message, advice, root)
        return tuple(folders)
    unknown = next((name for name in names if name not in folders), None)
    if unknown is not None:
        advice = did_you_mean(unknown, folders) or f"folders there: {', '.join(folders[:5])}"
        raise data_fault(CLASS_FOLDERS, f"{root} has no folder for the class {unknown!r}", advice, root)
    extra = next((name for name in folders if name not in names), None)
    if extra is not None:
        raise data_fault(CLASS_FOLDERS, f"{root / extra} is not among `names`", "add it, or remove it", root / extra)
    return names
