"""The intermediate representation: a program of named nodes and tensors, hiding graphsurgeon and ONNX."""

from compiler.ir.digest import digest
from compiler.ir.inference import refresh_types
from compiler.ir.onnx_io import from_model, model_bytes, runnable_bytes, to_model, to_skeleton
from compiler.ir.ops import (
    STEERED,
    BatchNorm,
    Concat,
    Conv,
    ConvTranspose,
    Dropout,
    Gemm,
    Identity,
    MatMul,
    Op,
    Pad,
    Pool,
)
from compiler.ir.order import CycleError
from compiler.ir.program import Program
from compiler.ir.program_view import ProgramView
from compiler.ir.text import dump, parse_program
from compiler.ir.types import Array, Attribute, Edit, TensorType
from compiler.ir.verifier import settle, verify

__all__ = [
    "STEERED",
    "Array",
    "Attribute",
    "BatchNorm",
    "Concat",
    "Conv",
    "ConvTranspose",
    "CycleError",
    "Dropout",
    "Edit",
    "Gemm",
    "Identity",
    "MatMul",
    "Op",
    "Pad",
    "Pool",
    "Program",
    "ProgramView",
    "TensorType",
    "digest",
    "dump",
    "from_model",
    "model_bytes",
    "parse_program",
    "refresh_types",
    "runnable_bytes",
    "settle",
    "to_model",
    "to_skeleton",
    "verify",
]
