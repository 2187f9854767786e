"""Modules that only some users need: imported when asked for, and named with their extra when missing."""

from importlib import import_module
from typing import Any


def require(module: str, extra: str) -> Any:
    """Import `module`, or say which extra brings it.

    >>> require("json", extra="graph").dumps(1)
    '1'
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        top = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != top:
            raise
        raise ImportError(f"{top} is needed here and not installed: pip install 'edgewise[{extra}]'") from error
