"""Findings that every format must show, some of them hostile."""

import pytest

from compiler.diagnostic import Code, Diagnostic, Severity, Span

STRIDE = Code("T012", "stride-too-large", Severity.ERROR, "A convolution strides further than the kernels can.")
TYPE = Code("R002", "wrong-type", Severity.WARNING, "A value is of another kind than its key takes.")
NOTE = Code("P001", "pass-is-alone", Severity.NOTE)
HOSTILE = "stem\n::error::\x1b[31m50%\u202e\x9b0m\r,:"


@pytest.fixture
def findings() -> tuple[Diagnostic, ...]:
    return (
        Diagnostic(STRIDE, "stride 4 is more than the 3 that tx2 allows", "stride at most 3 here", layer="stem (Conv)"),
        Diagnostic(
            TYPE, "`seed` takes a whole number, found 100%", span=Span("my recipes/a,b:c.yaml", 5, 7, "seed: x")
        ),
        Diagnostic(NOTE, "found here", span=Span("--set 1", None, 3, "a=1"), layer="head"),
        Diagnostic(STRIDE, HOSTILE, HOSTILE, Span(HOSTILE, 1, 2, HOSTILE), HOSTILE),
        Diagnostic(NOTE, "nowhere"),
        Diagnostic(NOTE, "a whole file", span=Span("net.onnx")),
    )
