"""The artifact: a folder with a model, the kit that deploys it, and a manifest that vouches for both."""

from compiler.artifact.check import verify_artifact
from compiler.artifact.folder import check_place, write_artifact
from compiler.artifact.manifest import (
    MANIFEST,
    MODEL,
    Manifest,
    TensorSpec,
    expected_input,
    expected_output,
    read_manifest,
    reseal,
    seal,
)

__all__ = [
    "MANIFEST",
    "MODEL",
    "Manifest",
    "TensorSpec",
    "check_place",
    "expected_input",
    "expected_output",
    "read_manifest",
    "reseal",
    "seal",
    "verify_artifact",
    "write_artifact",
]
