"""Random graphs of every shape that some kernel has a way of its own for, as masks [receivers, senders]."""

import numpy as np
import torch
from numpy.random import Generator

from edgewise.graph import Graph


def scattered(rng: Generator, receivers: int, senders: int) -> np.ndarray:
    return rng.random((receivers, senders)) < rng.random()


def sparse(rng: Generator, receivers: int, senders: int) -> np.ndarray:
    return rng.random((receivers, senders)) < 2 / max(senders, 1)


def complete(rng: Generator, receivers: int, senders: int) -> np.ndarray:
    return np.ones((receivers, senders), bool)


def causal(rng: Generator, receivers: int, senders: int) -> np.ndarray:
    return np.tri(receivers, senders, senders - receivers, dtype=bool)


def window(rng: Generator, receivers: int, senders: int) -> np.ndarray:
    before, after = rng.integers(0, 9, 2)
    offset = np.arange(senders) - (np.arange(receivers)[:, None] + senders - receivers)
    return (-before <= offset) & (offset <= after)


def documents(rng: Generator, receivers: int, senders: int) -> np.ndarray:
    """Stretches of receivers, each of which hears its own stretch of senders; half of them only up to themselves."""
    ends = rng.integers(0, 10**6, 1 + rng.integers(0, 5))
    of_receiver, of_sender = (
        np.searchsorted(np.sort(ends % (n + 1)), np.arange(n), "right") for n in (receivers, senders)
    )
    same = of_receiver[:, None] == of_sender
    return same & causal(rng, receivers, senders) if rng.random() < 0.5 else same


def hubs(rng: Generator, receivers: int, senders: int) -> np.ndarray:
    """A window, and a few who hear everybody or are heard by everybody."""
    return window(rng, receivers, senders) | (rng.random((receivers, 1)) < 0.1) | (rng.random(senders) < 0.1)


def clustered(rng: Generator, receivers: int, senders: int) -> np.ndarray:
    """Neighbouring receivers share most of what they hear."""
    cluster = np.sort(rng.integers(0, 1 + receivers // 8, receivers))
    heard = np.repeat(rng.random((1 + receivers // 8, 1 + senders // 4)) < 0.4, 4, axis=1)[:, :senders]
    return heard[cluster] ^ (rng.random((receivers, senders)) < 0.03 * rng.integers(0, 2))


def mixture(rng: Generator, receivers: int, senders: int) -> np.ndarray:
    """The upper receivers hear in one way, the lower ones in another."""
    one, other = (PLAIN[name](rng, receivers, senders) for name in rng.choice([*PLAIN], 2))
    return np.where(np.arange(receivers)[:, None] < rng.integers(0, receivers + 1), one, other)


PLAIN = {shape.__name__: shape for shape in (scattered, sparse, complete, causal, window, documents, hubs, clustered)}
SHAPES = PLAIN | {"mixture": mixture}


def random_graph(shape: str, receivers: int, senders: int, num_graphs: int, rng: Generator) -> Graph:
    """A graph of this shape, or a batch of several, the first of these sizes and each other one smaller."""
    graphs = []
    for n in range(num_graphs):
        graphs.append(Graph.from_mask(torch.from_numpy(SHAPES[shape](rng, receivers // (n + 1), senders // (n + 1)))))
    return graphs[0] if num_graphs == 1 else Graph.batch(graphs)
