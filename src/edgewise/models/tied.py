"""Tied weights: one tensor that a state knows under two names."""

from collections.abc import MutableMapping
from typing import Any

from jaxtyping import Shaped
from torch import Tensor, nn


def tied_names(module: nn.Module) -> dict[str, str]:
    """Each further name of a tensor -> its first.

    >>> layer = nn.Linear(2, 2)
    >>> tied_names(nn.ModuleList([layer, layer]))
    {'1.weight': '0.weight', '1.bias': '0.bias'}
    """
    first: dict[int, str] = {}
    named = module.state_dict(keep_vars=True).items()
    return {name: first[id(x)] for name, x in named if first.setdefault(id(x), name) != name}


def give_both_names(module: nn.Module, state: MutableMapping[str, Shaped[Tensor, "..."]], prefix: str, *_: Any) -> None:
    """Before a state is loaded: a tied tensor that comes under one of its names stands under the other as well."""
    for further, first in tied_names(module).items():
        for name, other in ((prefix + further, prefix + first), (prefix + first, prefix + further)):
            if other in state:
                state.setdefault(name, state[other])
