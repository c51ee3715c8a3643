"""Networks whose images have their channels last, as exports of TensorFlow do."""

from compiler.diagnostic import CompressError, Diagnostic
from compiler.frontends.onnx_codes import CHANNELS_FIRST, NO_CHANNELS_LAST
from compiler.frontends.onnx_file import Loaded
from compiler.recipe import LoadedRecipe
from compiler.rewrites.channels_first import images_with_channels_last, put_channels_first


def with_channels_first(loaded: LoadedRecipe, found: Loaded) -> Loaded:
    """Let images come in with the channels first, where the recipe says that the network has them last."""
    span = loaded.at("model", "input_layout")
    if loaded.recipe.model.input_layout == "nchw":
        return found
    program = found.program.clone()
    names = images_with_channels_last(program)
    if not names:
        held = ", ".join(f"{name} is {program.type(name)}" for name in program.inputs)
        said = f"no input of the network holds an image with the channels last: {held}"
        raise CompressError(Diagnostic(NO_CHANNELS_LAST, said, "leave `input_layout` out", span))
    before = {name: program.shape(name) for name in names}
    put_channels_first(program, names)
    advice = "give the artifact its images with the channels first"
    notes = [
        Diagnostic(
            CHANNELS_FIRST, f"{name} takes {_dims(program.shape(name))}, not {_dims(before[name])}", advice, span
        )
        for name in names
    ]
    return Loaded(program, (*found.findings, *notes))


def _dims(shape: tuple[int, ...] | None) -> str:
    """Write a shape as 1x3x64x64."""
    return "x".join(map(str, shape or ()))
