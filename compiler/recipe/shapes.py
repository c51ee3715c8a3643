"""The shorthands that a recipe allows, and the names that it refuses."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic_core import PydanticCustomError

from compiler.codes.recipe import BAD_VALUE, MODEL_SOURCE, PRODUCT_NAME, WRONG_TYPE

_PRODUCT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_MAX_PRODUCT = 100
PRODUCT_SCHEMA: dict[str, Any] = {"pattern": f"^{_PRODUCT.pattern}$", "maxLength": _MAX_PRODUCT}
_STEP_FORM = "write `- fp16`, or `- level-prune: {level: 0.7}`"


def split_step(value: Any) -> tuple[str, dict[str, Any]]:
    """Return the pass and the options of an entry of `passes`: a bare name, or a name with options."""
    if isinstance(value, str) and value:
        return value, {}
    if not isinstance(value, Mapping):
        raise _fault(WRONG_TYPE.slug, "a pass is a name, or a name with options", _STEP_FORM)
    entries = cast("Mapping[str, Any]", value)
    if len(entries) != 1:
        fault = f"one entry of `passes` holds one pass, here it holds {', '.join(entries) or 'none'}"
        raise _fault(WRONG_TYPE.slug, fault, "start each pass with its own hyphen, and indent its options under it")
    ((name, options),) = entries.items()
    if not isinstance(options, Mapping | None):
        raise _fault(WRONG_TYPE.slug, f"the options of `{name}` are not a mapping", _STEP_FORM, key=name)
    return name, dict(cast("Mapping[str, Any]", options or {}))


def one_is_many(value: Any) -> Any:
    """Take a single target for a list of one."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value:
        return tuple(cast("list[Any]", value))
    raise _fault(WRONG_TYPE.slug, "`target` takes a name or a list of names", "write `target: tx2`")


def safe_product(product: str) -> str:
    """Refuse a product name that some file system could not take as a folder, or that leads out of one."""
    if not product:
        fault = "the product's name is empty"
    elif _PRODUCT.match(product) is None:
        fault = f"the product's name starts with {product[0]!r}, it must start with a letter or digit"
    elif _PRODUCT.fullmatch(product) is None:
        strange = product[cast("re.Match[str]", _PRODUCT.match(product)).end()]
        fault = f"the product's name holds {strange!r}, it takes only letters, digits, dots, underscores and hyphens"
    elif len(product) > _MAX_PRODUCT:
        fault = f"the product's name has {len(product)} characters, it takes at most {_MAX_PRODUCT}"
    elif product.endswith(".") or _RESERVED.fullmatch(product) is not None:
        fault = f"{product} is not a name that every file system takes for a folder"
    else:
        return product
    raise _fault(PRODUCT_NAME.slug, fault, "use a name like barn-camera")


def not_blank(text: str) -> str:
    """Refuse a reason that gives none."""
    if not text.strip():
        raise _fault(BAD_VALUE.slug, "the reason is blank", "say why this finding is accepted")
    return text


def budget_fault() -> PydanticCustomError:
    """Say that there is nothing to stop for."""
    help_ = "add a limit such as `parameters: 600_000`, or remove `stop_when_met`"
    return _fault(BAD_VALUE.slug, "`stop_when_met` has no limit to meet", help_, key="stop_when_met")


def model_fault(
    onnx: Path | None, torch: str | None, args: Mapping[str, Any], checkpoint: Path | None, inputs: Mapping[str, Any]
) -> PydanticCustomError | None:
    """Return what is wrong with the model's source, or None."""
    kind = MODEL_SOURCE.slug
    if (onnx is None) == (torch is None):
        if onnx is None:
            return _fault(kind, "the model has neither `onnx` nor `torch`", "add one of them")
        help_ = "remove one of them; set it to null where an extended recipe names it"
        return _fault(kind, "the model has both `onnx` and `torch`", help_)
    if torch is None:
        stray = "args" if args else "checkpoint" if checkpoint is not None else None
        return (
            None if stray is None else _fault(kind, f"`{stray}` belongs to torch, this model is onnx", None, key=stray)
        )
    module, _, function = torch.rpartition(":")
    if not module or not function.isidentifier():
        fault = "`torch` takes file.py:function or package.module:function"
        return _fault(kind, fault, "write `torch: models/net.py:build`", key="torch")
    if not inputs:
        help_ = "add `inputs: {images: [1, 3, 640, 640]}` with the network's own names and shapes"
        return _fault(kind, "a torch model needs `inputs`", help_, key="torch")
    return None


def _fault(kind: str, message: str, help_: str | None, *, key: str | None = None) -> PydanticCustomError:
    """Make an error that recipe_check turns into the code of that slug."""
    context: dict[str, Any] = {"fault": message, "help": help_, "key": key}
    return PydanticCustomError(cast("Any", kind), "{fault}", context)
