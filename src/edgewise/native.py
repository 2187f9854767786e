"""The compiled part of the library: loaded once, and missed once, aloud."""

import warnings
from functools import cache
from importlib import import_module
from types import ModuleType

MISSING = (
    "edgewise: no compiled part (edgewise._native) on this machine, so everything runs on the reference, which is "
    "slower and gives the same numbers. To mend it, install a C++17 compiler and Python's headers "
    "(Debian: apt-get install g++ python3-dev), then install edgewise again."
)


@cache
def _load() -> ModuleType | None:
    # Torch first: two OpenMP runtimes in a process fight, and whichever loads first serves both.
    import_module("torch")
    try:
        return import_module("edgewise._native")
    except ImportError:
        return None


def available() -> bool:
    """Whether the compiled part is here. Never warns."""
    return _load() is not None


def module() -> ModuleType | None:
    """The compiled part, or None after one `RuntimeWarning` a process that says how to mend it."""
    loaded = _load()
    if loaded is None:
        _warn_once()
    return loaded


@cache
def _warn_once() -> None:
    warnings.warn(MISSING, RuntimeWarning, stacklevel=3)
