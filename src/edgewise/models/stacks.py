"""Blocks in a row, as the citation graph papers stack them, and what answers after the last."""

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgewise.layers import BlockConfig, Hearing
from edgewise.models.config import NetworkConfig
from edgewise.models.embedding import EmbedConfig
from edgewise.models.heads import HEADS
from edgewise.part import Part

Head = str | Part | Mapping[str, Any]  # a name in HEADS, or with options: {name = "links", num_heads = 4}


def node_classifier(
    in_dim: int,
    hidden: int,
    out_dim: int,
    num_layers: int,
    hearing: Hearing,
    block: BlockConfig,
    last: Hearing | None = None,
    head: Head | None = None,
) -> NetworkConfig:
    """num_layers blocks, in_dim -> hidden -> … -> out_dim; the last without activation, dropout or residual.

    The last block's numbers are the answer: there is no embedding and no head. `last` is its hearing, where it differs.
    With a `head` the last block has `hidden` channels, and the head answers of them.
    """
    inner = replace(block, hears=(hearing,), out_dim=hidden, residual=False)
    width = out_dim if head is None else hidden
    final = replace(inner, hears=(last or hearing,), out_dim=width, activation=None, dropout=0.0, norm=None)
    embed = EmbedConfig(dim=in_dim, features=in_dim, project=False)
    answer = None if head is None else answering(head, out_dim)
    return NetworkConfig({"nodes": embed}, (*[inner] * (at_least_one(num_layers) - 1), final), head=answer)


def answering(head: Head, out_dim: int, **usual: Any) -> Part:
    """The head with its `out_dim`; `usual` options are those of a page's own head, unless the head says otherwise.

    >>> answering({"name": "links", "num_heads": 4}, 1)
    Part('links', out_dim=1, num_heads=4)
    """
    part = Part.of(head)
    return Part(part.name, {"out_dim": out_dim, **usual, **part.options})


def answer_to(asks: str, out_dim: int | None, head: Head | None, tokens: int, tied: bool = False) -> Part | None:
    """What answers a question about words ("tokens", "nodes") or texts ("graph"): the head of that name, or `head`.

    None where nothing is asked: the states are the answer.

    >>> answer_to("graph", 2, None, tokens=100)
    Part('graph', out_dim=2, graph='words')
    """
    part = Part.of(head or asks)
    if part.name == "tokens":
        if out_dim not in (None, tokens):
            raise ValueError(f"tokens: answers with a logit for each of {tokens} tokens, got out_dim = {out_dim}")
        return Part("tokens", {"tokens": tokens, "tied": tied, **part.options})
    if head is None and out_dim is None:
        return None
    usual = {"graph": "words"} if "graph" in inspect.signature(part.found(HEADS, "head")).parameters else {}
    options = {} if out_dim is None else {"out_dim": out_dim}
    return Part(part.name, {**options, **usual, **part.options})


def stacked(block: BlockConfig, num_layers: int) -> tuple[BlockConfig, ...]:
    """The same block, num_layers times."""
    return (block,) * at_least_one(num_layers)


def at_least_one(num_layers: int) -> int:
    """num_layers, refused where there would be none."""
    if num_layers < 1:
        raise ValueError(f"num_layers must be at least 1, got {num_layers}")
    return num_layers
