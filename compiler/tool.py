"""Which compiler this is, and on which libraries it runs."""

from importlib.metadata import PackageNotFoundError, version

_LIBRARIES = ("numpy", "onnx", "onnx-graphsurgeon", "onnxruntime", "onnxsim", "pydantic", "scikit-learn", "torch")


def tool_version() -> str:
    """Tell the installed version of the compiler."""
    return _version("compress") or "0"


def library_versions() -> dict[str, str]:
    """Tell the installed version of every library that can change a result, without importing any."""
    return {name: found for name in _LIBRARIES if (found := _version(name)) is not None}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
