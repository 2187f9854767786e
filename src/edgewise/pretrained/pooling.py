"""From the states of tokens to one vector a text."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from edgewise.extras import require
from edgewise.names import lookup


@dataclass(frozen=True)
class Pooling:
    """y = Σ_i m_i x_i / Σ_i m_i, m_i 1 for a token and 0 for padding; or the first, last or greatest of the x_i.

    kind: "mean", "first", "last" or "max" (of each channel).
    unit: whether y is divided by its length, so that products of vectors are cosines.

    >>> import torch
    >>> states, real = torch.tensor([[[1.0, 2.0], [3.0, 2.0], [9.0, 9.0]]]), torch.tensor([[1, 1, 0]])
    >>> Pooling("mean")(states, real), Pooling("last")(states, real)
    (tensor([[2., 2.]]), tensor([[3., 2.]]))

    Sentence-BERT, Reimers and Gurevych 2019, section 3, https://arxiv.org/abs/1908.10084
    """

    kind: str = "mean"
    unit: bool = False

    def __call__(
        self, states: Float[Tensor, "examples tokens channels"], real: Int[Tensor, "examples tokens"]
    ) -> Float[Tensor, "examples channels"]:
        """A vector for each example; `real` is 1 for tokens and 0 for padding."""
        there = real.bool()
        pooled: Tensor = lookup(self.kind, KINDS, "pooling")(states, there)
        return torch.nn.functional.normalize(pooled, dim=-1) if self.unit else pooled

    @classmethod
    def of(cls, source: str | Path, kind: str | None = None) -> "Pooling":
        """What a checkpoint of sentence-transformers says, or this `kind` instead; the mean where it says nothing.

        Raises:
            ValueError: an unknown kind, or a checkpoint that says something that is none of these.
        """
        if kind is not None:
            lookup(kind, KINDS, "pooling")
        types = [str(module["type"]).rpartition(".")[2] for module in _read(source, "modules.json") or ()]
        unit = "Normalize" in types
        if kind is not None or not types:
            return cls(kind or "mean", unit)
        if set(types) - {"Transformer", "Pooling", "Normalize"} or types.count("Pooling") != 1:
            raise ValueError(
                f"{source}: modules.json puts {', '.join(types)} one after another, and edgewise knows a Transformer, "
                f"one Pooling and Normalize; say which of {', '.join(KINDS)} to take"
            )
        path = str(_read(source, "modules.json")[types.index("Pooling")]["path"])
        said = _read(source, f"{path}/config.json") or {}
        names = {"cls_token": "first", "mean_tokens": "mean", "max_tokens": "max", "lasttoken": "last"}
        chosen = [name.removeprefix("pooling_mode_") for name, on in said.items() if on is True]
        if len(chosen) != 1 or chosen[0] not in names:
            told = ", ".join(chosen) or "nothing"
            raise ValueError(f"{source}: {path}/config.json pools by {told}; say which of {', '.join(KINDS)} to take")
        return cls(names[chosen[0]], unit)


def _mean(states: Tensor, there: Tensor) -> Tensor:
    weight = there.unsqueeze(-1).to(states.dtype)
    return (states * weight).sum(1) / weight.sum(1)


def _first(states: Tensor, there: Tensor) -> Tensor:
    return _at(states, there.int().argmax(1))


def _last(states: Tensor, there: Tensor) -> Tensor:
    return _at(states, (there * torch.arange(there.shape[1], device=there.device)).argmax(1))


def _max(states: Tensor, there: Tensor) -> Tensor:
    return states.masked_fill(~there.unsqueeze(-1), -torch.inf).amax(1)


def _at(states: Tensor, place: Tensor) -> Tensor:
    return states[torch.arange(len(states), device=states.device), place]


KINDS = {"mean": _mean, "first": _first, "last": _last, "max": _max}


def _read(source: str | Path, name: str) -> Any:
    """A JSON file of a checkpoint, in a folder or on the hub; None where there is none."""
    hub = require("transformers.utils", extra="text")
    allowed = {f"_raise_exceptions_for_{what}": False for what in ("missing_entries", "connection_errors")}
    file = None if Path(source).suffix == ".gguf" else hub.cached_file(str(source), name, **allowed)
    return None if file is None else json.loads(Path(file).read_text(encoding="utf-8"))
