"""Attention and message passing are one thing: sums over the neighbours in a graph.

The face of the library. Names are looked up when first used, so that `import edgewise` alone costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_ROOMS = {
    "graph": ["Graph"],
    "patterns": ["Pattern", "parse"],
    "kernels": ["attend", "aggregate", "plan"],
    "layers": ["MessagePassing", "Hearing", "Block", "BlockConfig"],
    "models": ["Network", "NetworkConfig"],
    "pretrained": ["rewire", "restore"],
    "generation": ["generate"],
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = ["__version__", *_HOME, *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"edgewise.{name}")
    if name in _HOME:
        return getattr(import_module(f"edgewise.{_HOME[name]}"), name)
    raise AttributeError(f"module 'edgewise' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
