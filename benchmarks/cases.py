"""The graphs that attention is measured on, by name: what each hears, and its mask as FlexAttention wants it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.graph import Graph
from edgewise.patterns import parse

MaskMod = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Case:
    """A graph and its name; `mask_mod` says the same of a pair of positions, where a formula does."""

    name: str
    build: Callable[[], Graph]
    mask_mod: MaskMod | None = None


def band(before: int, after: int) -> MaskMod:
    return lambda b, h, i, j: (j - i >= -before) & (j - i <= after)


def window(nodes: int, before: int, after: int) -> Case:
    name = f"causal window {before}" if after == 0 else f"window ±{before}"
    text = f"window({before}, {after})"
    return Case(f"{name} of {nodes:,}", lambda: parse(text).build(nodes), band(before, after))


def hubs(nodes: int, width: int, count: int) -> Case:
    near = band(width, width)
    text = f"window({width}, {width}) | hubs({', '.join(map(str, range(count)))})"

    def mask_mod(b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        return near(b, h, i, j) | (i < count) | (j < count)

    return Case(f"window ±{width} and {count} hubs, {nodes:,}", lambda: parse(text).build(nodes), mask_mod)


def whole(kind: str, nodes: int) -> Case:
    """The complete or the causal graph."""
    return Case(f"{kind}, {nodes:,}", lambda: parse(kind).build(nodes))


def random(nodes: int, degree: int) -> Case:
    return Case(f"{nodes:,} × {degree} random", lambda: random_graph(nodes, degree))


def random_graph(nodes: int, degree: int, seed: int = 0) -> Graph:
    """Each node draws `degree` senders with repetition; what is drawn twice is one edge."""
    generator = torch.Generator().manual_seed(seed)
    senders = torch.randint(nodes, (nodes, degree), generator=generator)
    key = torch.unique(torch.arange(nodes)[:, None] * nodes + senders)
    return Graph.from_edges(key % nodes, key // nodes, num_senders=nodes)


def share(nodes: int, percent: float, seed: int = 0) -> Graph:
    """Every pair is an edge with this chance, whatever the others are."""
    if percent >= 100:
        return Graph.from_mask(torch.ones(nodes, nodes, dtype=torch.bool))
    generator = torch.Generator().manual_seed(seed)
    return Graph.from_mask(torch.rand(nodes, nodes, generator=generator) < percent / 100)


def document_lengths(nodes: int, mean: int, seed: int = 0) -> Tensor:
    """Lengths from 1 to 2 · mean - 1, as many as fill the nodes; the last one is cut."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 2 * mean, (4 * nodes // mean + 4,), generator=generator)
    ends = lengths.cumsum(0).clamp(max=nodes)
    lengths = ends.diff(prepend=ends.new_zeros(1))
    return lengths[lengths > 0]


def documents(nodes: int, mean: int) -> Case:
    lengths = document_lengths(nodes, mean)
    document = torch.repeat_interleave(lengths)
    return Case(
        f"documents of {mean} on average, {nodes:,}",
        lambda: parse("complete").build_batch(lengths),
        lambda b, h, i, j: document[i] == document[j],
    )


def clusters(nodes: int, size: int, shuffled: bool) -> Case:
    """Complete clusters of one size, in order or with the nodes shuffled."""
    place = torch.randperm(nodes, generator=torch.Generator().manual_seed(0)) if shuffled else torch.arange(nodes)
    cluster = place // size
    name = f"clusters of {size}{', shuffled' if shuffled else ''}, {nodes:,}"
    return Case(
        name,
        lambda: Graph.from_mask(cluster[:, None] == cluster),
        lambda b, h, i, j: cluster[i] == cluster[j],
    )


def partitions(tokens: int, near: int) -> Case:
    """Tokens and the spans of a binary partition of them: 2 · tokens - 1 nodes, spans after tokens, small ones first.

    A span hears its tokens. A token hears itself, and to each side `near` nodes (or one more, to end where a larger
    one begins) of every size, the larger the farther: Ye et al. 2019, https://arxiv.org/abs/1911.04070
    """
    return Case(f"binary partition of {tokens:,}, {near} near", lambda: partition_graph(tokens, near))


def partition_graph(tokens: int, near: int) -> Graph:
    if tokens & (tokens - 1):
        raise ValueError(f"partition_graph: tokens must be a power of two, got {tokens}")
    token = torch.arange(tokens)
    senders, receivers = [token], [token]
    first, count = 0, tokens  # the nodes of this size, and how many they are
    left, right = token - 1, token + 1  # the next node of this size to each side
    while count:
        if count < tokens:
            senders.append(token)
            receivers.append(first + token // (tokens // count))
        # An odd step more where the nodes of the next size would otherwise overlap these.
        for place, step in ((left, -1), (right, 1)):
            odd = (place + step * near) % 2 != (step < 0)
            for k in range(near + 1):
                node = place + step * k
                here = (node >= 0) & (node < count) & ((k < near) | odd)
                senders.append(first + node[here])
                receivers.append(token[here])
        left, right = ((left - near - ((left - near) % 2 != 1).long()) // 2, (right + near + (right + near) % 2) // 2)
        first, count = first + count, count // 2
    return Graph.from_edges(torch.cat(senders), torch.cat(receivers), num_senders=2 * tokens - 1)
