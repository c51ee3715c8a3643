"""A program's identity: a digest of its structure and of every constant's bytes."""

import hashlib

import numpy as np

from compiler.ir.onnx_io import to_skeleton
from compiler.ir.program import Program


def digest(program: Program) -> str:
    """Hash a program; linear in its bytes, one constant at a time."""
    sha = hashlib.sha256(to_skeleton(program, largest=0).SerializeToString(deterministic=True))
    for name in sorted(program.constants):
        value = program.const(name)
        assert value is not None
        sha.update(f"{name}\0{value.dtype}\0{value.shape}\0".encode())
        sha.update(np.ascontiguousarray(value).tobytes())
    return sha.hexdigest()
