"""Run a user's factory: import its file by itself, call it, and turn what it raises into a diagnostic."""

import contextlib
import importlib
import importlib.util
import inspect
import random
import sys
import traceback
from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from compiler.diagnostic import Code, CompressError, Diagnostic, Span, did_you_mean
from compiler.frontends.codes import (
    FACTORY_ARGS_WRONG,
    FACTORY_FUNCTION_MISSING,
    FACTORY_RAISES,
    FACTORY_RETURNS_NO_MODULE,
)
from compiler.frontends.factory_spec import FactorySpec

_MODULE_NAME = "_compress_factory"
_LONGEST_REASON = 300


@contextlib.contextmanager
def importing_beside(source: Path) -> Generator[None]:
    """Let a file import its neighbours, and forget them afterwards: two folders may both have a blocks.py."""
    folder = source.parent.resolve()
    neighbours = {path.stem for path in folder.glob("*.py")} | {
        path.parent.name for path in folder.glob("*/__init__.py")
    }
    neighbours -= sys.stdlib_module_names
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in neighbours}
    path = list(sys.path)
    writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    _forget(name for name, module in before.items() if not _is_below(getattr(module, "__file__", None), folder))
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = path
        sys.dont_write_bytecode = writes_bytecode
        _forget(name for name in sys.modules if name.partition(".")[0] in {*neighbours, _MODULE_NAME})
        sys.modules.update(before)


@contextlib.contextmanager
def repeatable(seed: int) -> Generator[None]:
    """Seed Python's, NumPy's and torch's global generators, and put them back as they were."""
    import numpy as np
    import torch

    python_state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        try:
            random.seed(seed)
            np.random.seed(seed)
            torch.manual_seed(seed)
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)


def call_factory(spec: FactorySpec, source: Path, args: Mapping[str, object]) -> Any:
    """Import the factory, call it, and return the torch module that it builds."""
    import torch

    module = call_function(spec, source, args)
    if isinstance(module, torch.nn.Module):
        return module
    raise CompressError(
        Diagnostic(
            FACTORY_RETURNS_NO_MODULE,
            f"{spec.function} returns a {type(module).__name__}, not a torch.nn.Module",
            help="return the module alone",
            span=Span(shown_path(source)),
        )
    )


def call_function(spec: FactorySpec, source: Path, args: Mapping[str, object]) -> object:
    """Import a function of the user's, call it, and return what it returns."""
    function = find_function(spec, source)
    _check_args(spec, function, args)
    with blamed_on_user(FACTORY_RAISES, f"{spec.function} failed", source):
        return function(**args)


@contextlib.contextmanager
def blamed_on_user(
    code: Code, what: str, source: Path, layer: Callable[[], str | None] = lambda: None
) -> Generator[None]:
    """Turn any exception inside into a diagnostic at the last line of the user's own code that was reached."""
    try:
        yield
    except CompressError:
        raise
    except (Exception, SystemExit) as error:
        raise CompressError(
            Diagnostic(
                code,
                f"{what}: {reason(error)}",
                help="see the line shown, and run it alone in Python for the whole traceback",
                span=_user_span(error, source),
                layer=layer(),
            )
        ) from error


def reason(error: BaseException) -> str:
    """Return an exception's type and the first line of its message."""
    first = str(error).strip().partition("\n")[0].strip()[:_LONGEST_REASON].removesuffix(".")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def shown_path(path: Path) -> str:
    """Return a path as a person would write it from the current folder."""
    absolute, here = path.absolute(), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else path)


def find_function(spec: FactorySpec, source: Path) -> Callable[..., object]:
    """Import a file or module of the user's and return its function."""
    with blamed_on_user(FACTORY_RAISES, f"{source.name} cannot be imported", source):
        module = _import_file(source) if spec.is_file else importlib.import_module(spec.where)
    function = getattr(module, spec.function, None)
    if callable(function):
        return function
    known = [name for name, value in vars(module).items() if callable(value)]
    fault = "has no function" if function is None else f"has a {type(function).__name__}, not a function, called"
    raise CompressError(
        Diagnostic(
            FACTORY_FUNCTION_MISSING,
            f"{source.name} {fault} {spec.function}",
            help=did_you_mean(spec.function, known) or "name a function of that file after the colon",
            span=Span(shown_path(source)),
        )
    )


def _import_file(source: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(_MODULE_NAME, source)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE_NAME] = module
    spec.loader.exec_module(module)
    return module


def _check_args(spec: FactorySpec, function: Callable[..., object], args: Mapping[str, object]) -> None:
    try:
        signature = inspect.signature(function)
    except ValueError:  # a few callables written in C have none
        return
    try:
        signature.bind(**args)
    except TypeError as error:
        unknown = next((name for name in args if name not in signature.parameters), None)
        near = None if unknown is None else did_you_mean(unknown, signature.parameters)
        message = f"{spec.function}{signature} does not take the arguments of the recipe: {error}"
        help_text = near or "write one key under args for each parameter"
        raise CompressError(Diagnostic(FACTORY_ARGS_WRONG, message, help=help_text)) from error


def _forget(names: Iterable[str]) -> None:
    for name in list(names):
        del sys.modules[name]


def _is_below(file: str | None, folder: Path) -> bool:
    return file is not None and Path(file).resolve().is_relative_to(folder)


def _user_span(error: BaseException, source: Path) -> Span:
    if isinstance(error, SyntaxError) and error.filename is not None:
        line = (error.text or "").rstrip("\n") or None
        return Span(shown_path(Path(error.filename)), error.lineno, error.offset, line)
    folder = source.parent.resolve()
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_below(frame.filename, folder)]
    if not own:
        return Span(shown_path(source))
    return Span(shown_path(Path(own[-1].filename)), own[-1].lineno, None, own[-1].line or None)
