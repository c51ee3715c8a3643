"""The intermediate representation: a program of named nodes and tensors, hiding graphsurgeon and ONNX."""

from compiler.ir.ops import (
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
from compiler.ir.types import Array, Attribute, Edit, TensorType

__all__ = [
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
]
