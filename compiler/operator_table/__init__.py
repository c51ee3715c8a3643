"""Operator tables: what a runtime does with each ONNX operator, and the restrictions that a table can state."""

from compiler.operator_table.limits import (
    AbsentInput,
    AnyLimit,
    AttributeLimit,
    ComputedInput,
    ConstantInput,
    CountLimit,
    Frozen,
    Limit,
    RankLimit,
    Scalar,
    StaticLimit,
    SymmetryLimit,
    ValueLimit,
    VersionLimit,
    attribute_values,
    one_of,
)
from compiler.operator_table.table import Advice, Operator, OperatorTable, Opsets

__all__ = [
    "AbsentInput",
    "Advice",
    "AnyLimit",
    "AttributeLimit",
    "ComputedInput",
    "ConstantInput",
    "CountLimit",
    "Frozen",
    "Limit",
    "Operator",
    "OperatorTable",
    "Opsets",
    "RankLimit",
    "Scalar",
    "StaticLimit",
    "SymmetryLimit",
    "ValueLimit",
    "VersionLimit",
    "attribute_values",
    "one_of",
]
