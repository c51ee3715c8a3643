"""The manifest: what an artifact's network takes and gives, and the digest of each of its files."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from compiler.codes.artifact import MANIFEST_INVALID, MANIFEST_MISSING, NOT_A_PLAIN_FILE, UNSAFE_NAME
from compiler.diagnostic import CompressError, Diagnostic, Span

MANIFEST = "manifest.json"
MODEL = "model.onnx"


def _safe_name(name: str) -> str:
    """Insist on a relative name that stays inside the folder and says nothing in two ways."""
    parts = name.split("/")
    is_plain = name.isprintable() and "\\" not in name and not name.startswith("/")
    if not is_plain or any(part in {"", ".", ".."} for part in parts) or parts[0] == MANIFEST:
        raise PydanticCustomError(
            "unsafe_name", "{name} is no name of a file inside the artifact", {"name": ascii(name)}
        )
    return name


FileName = Annotated[str, AfterValidator(_safe_name)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class TensorSpec(_Frozen):
    """An input or output of the network, as the board's program has to allocate it."""

    name: str
    dtype: str
    shape: tuple[Annotated[int, Field(ge=0)], ...]


class Manifest(_Frozen):
    """All that a program on the board has to know. Names of tensors live here only, never in a path or a script."""

    schema_version: Literal[1] = 1
    product: str
    target: str
    runtime: str
    precision: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    preprocess: Mapping[str, JsonValue]
    versions: Mapping[str, str]
    tolerance: Mapping[str, Share]
    """By precision, the largest difference from the expected output, as a share of that output's range."""
    makes: tuple[FileName, ...] = ()
    """Files, and folders of files, that the kit's scripts add on the board; they carry no digest."""
    files: Mapping[FileName, Sha256] = {}
    """Digest of every other file, the manifest and the reports excepted."""

    @model_validator(mode="after")
    def _has_own_tolerance(self) -> Self:
        if self.precision not in self.tolerance:
            raise PydanticCustomError("no_tolerance", "there is no tolerance for the precision in use")
        return self


def expected_input(index: int) -> str:
    """Name the file that holds an input of the self-test."""
    return f"expected/input_{index}.npy"


def expected_output(index: int) -> str:
    """Name the file that holds an output of the self-test."""
    return f"expected/output_{index}.npy"


def read_manifest(folder: Path) -> Manifest:
    """Read an artifact's manifest; whatever is wrong with it raises CompressError."""
    path = folder / MANIFEST
    span = Span(str(path))
    if path.is_symlink():
        raise CompressError(Diagnostic(NOT_A_PLAIN_FILE, "the manifest is a symbolic link", span=span))
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CompressError(Diagnostic(MANIFEST_MISSING, f"{folder} holds no {MANIFEST}")) from error
    except OSError as error:
        raise CompressError(Diagnostic(MANIFEST_INVALID, error.strerror or "cannot be read", span=span)) from error
    try:
        return Manifest.model_validate_json(data)
    except ValidationError as error:
        raise CompressError(*(_finding(item, span) for item in error.errors())) from error


def seal(folder: Path, manifest: Manifest) -> Manifest:
    """Write the manifest with the digests of all files that are in the folder now."""
    files = {name: digest_of(folder / name) for name in each_file(folder) if is_vouched_for(name, manifest)}
    sealed = Manifest.model_validate(manifest.model_dump() | {"files": files})
    text = json.dumps(sealed.model_dump(mode="json"), indent=2, sort_keys=True, allow_nan=False)
    (folder / MANIFEST).write_text(f"{text}\n", encoding="ascii")
    return sealed


def reseal(folder: Path) -> Manifest:
    """Bring the manifest up to date after files were added to the folder."""
    return seal(folder, read_manifest(folder))


def each_file(folder: Path) -> Iterator[str]:
    """Yield the names of all that is in the folder and is no folder itself, in order; links are not followed."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_dir():
            yield PurePosixPath(path.relative_to(folder)).as_posix()


def is_vouched_for(name: str, manifest: Manifest) -> bool:
    """Tell whether a file of this name has to have a digest."""
    is_report = name.startswith("report.") and "/" not in name
    is_made = any(name == made or name.startswith(f"{made}/") for made in manifest.makes)
    return not is_report and name != MANIFEST and not is_made


def digest_of(path: Path) -> str:
    """Compute a file's SHA-256 without holding the file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _finding(item: ErrorDetails, span: Span) -> Diagnostic:
    """Turn one of pydantic's findings into a diagnostic."""
    code = UNSAFE_NAME if item["type"] == "unsafe_name" else MANIFEST_INVALID
    place = ".".join(ascii(part)[1:-1] if isinstance(part, str) else str(part) for part in item["loc"])
    return Diagnostic(code, f"{place}: {item['msg']}" if place else item["msg"], span=span)
