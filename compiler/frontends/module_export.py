"""Write a torch module as an ONNX graph in inference form, with every layer kept and named after its module."""

import contextlib
import functools
import io
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import onnx

from compiler.diagnostic import CompressError, Diagnostic
from compiler.frontends.codes import EXPORT_UNSUPPORTED, INPUT_REFUSED, OUTPUT_NAMES_WRONG
from compiler.frontends.module_names import module_path, name_after_modules, strip_notes
from compiler.frontends.user_code import blamed_on_user, reason

OPSET = 13


def export_module(module: Any, inputs: Mapping[str, tuple[int, ...]], source: Path) -> onnx.ModelProto:
    """Run the module once on random inputs, then export it; `source` is where faults are looked for."""
    import torch

    samples = tuple(torch.rand(shape) for shape in inputs.values())
    names = _output_names(module, _count_outputs(module, samples, inputs, source), inputs)
    buffer = io.BytesIO()
    try:
        cast(Any, torch.onnx.export)(
            module,
            samples,
            buffer,
            dynamo=False,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=names,
            # Else the exporter joins tensors of equal value, and the graph would depend on the weights.
            keep_initializers_as_inputs=True,
        )
    except Exception as error:
        raise _export_fault(error, module, samples) from error
    model = onnx.load_from_string(buffer.getvalue())
    del model.graph.input[len(inputs) :]
    strip_notes(model)
    name_after_modules(model)
    _refuse_training(model)
    return model


def _count_outputs(module: Any, samples: tuple[Any, ...], inputs: Mapping[str, tuple[int, ...]], source: Path) -> int:
    """Run the module once and count its output tensors."""
    import torch

    shapes = ", ".join(f"{name} {list(shape)}" for name, shape in inputs.items())
    with _running_layer(module) as running:
        what = f"the module does not take {shapes}"
        with blamed_on_user(INPUT_REFUSED, what, source, lambda: running[-1] if running else None), torch.no_grad():
            result = module(*samples)
    leaves = list(_leaves(result))
    foreign = next((leaf for leaf in leaves if not isinstance(leaf, torch.Tensor)), None)
    if foreign is None and leaves:
        return len(leaves)
    found = "nothing" if foreign is None else f"a {type(foreign).__name__}"
    raise CompressError(
        Diagnostic(
            EXPORT_UNSUPPORTED,
            f"the module returns {found} where an ONNX graph has tensors",
            help="return a tensor, or a tuple of tensors, from forward",
        )
    )


@contextlib.contextmanager
def _running_layer(module: Any) -> Generator[list[str]]:
    """Keep the names of the layers that are running; after a failure the last one is the layer that failed."""
    running: list[str] = []

    def enter(name: str, *_: object) -> None:
        running.append(name)

    def leave(*_: object) -> None:
        running.pop()

    layers = [(name, layer) for name, layer in module.named_modules() if name]
    handles = [layer.register_forward_pre_hook(functools.partial(enter, name)) for name, layer in layers]
    handles += [layer.register_forward_hook(leave) for _, layer in layers]
    try:
        yield running
    finally:
        for handle in handles:
            handle.remove()


def _leaves(result: object) -> Iterator[object]:
    if isinstance(result, Mapping):
        result = list(cast(Mapping[object, object], result).values())
    if isinstance(result, list | tuple):
        for item in cast(Sequence[object], result):
            yield from _leaves(item)
    else:
        yield result


def _output_names(module: Any, count: int, inputs: Mapping[str, tuple[int, ...]]) -> list[str]:
    given = getattr(module, "output_names", None)
    if given is None:
        return [f"output{index}" for index in range(count)]
    names = [str(name) for name in given]
    if len(names) == count == len({*names, *inputs} - {*inputs}):
        return names
    raise CompressError(
        Diagnostic(
            OUTPUT_NAMES_WRONG,
            f"output_names is {', '.join(names)}, and the module has {count} output tensors",
            help="give each output one name that no other output or input has",
        )
    )


def _export_fault(error: Exception, module: Any, samples: tuple[Any, ...]) -> CompressError:
    found = re.search(r"'((?:aten|prim|torchvision)::\w+)'", str(error))
    operator = found[1] if found else None
    layer = None if operator is None else _layer_of(operator, module, samples)
    what = reason(error) if operator is None else f"ONNX opset {OPSET} has no counterpart of the operator {operator}"
    return CompressError(
        Diagnostic(
            EXPORT_UNSUPPORTED,
            f"the module cannot be exported: {what}",
            help="replace the operation, or leave it to the code around the model",
            layer=layer,
        )
    )


def _layer_of(operator: str, module: Any, samples: tuple[Any, ...]) -> str | None:
    """Trace once more and return the path of the first module that uses the operator."""
    import torch

    traced: Any = cast(Any, torch.jit.trace)(module, samples, check_trace=False, strict=False)
    scopes = (node.scopeName() for node in traced.inlined_graph.nodes() if node.kind() == operator)
    scope = cast(str, next(scopes, ""))
    return module_path([part.removeprefix("__module.") for part in scope.split("/")]) or None


def _refuse_training(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        # Up to opset 13 there is no training_mode: a norm that trains has more outputs than one.
        if node.op_type == "BatchNormalization" and len(node.output) > 1:
            raise CompressError(
                Diagnostic(
                    EXPORT_UNSUPPORTED,
                    f"{node.op_type} takes its statistics from the input, even after eval()",
                    help="keep running statistics, and let the layer follow module.training",
                    layer=node.name,
                )
            )
