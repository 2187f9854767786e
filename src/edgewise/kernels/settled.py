"""What its shapes settle about a plain call: that its tensors fit the graph, the way it goes, and the numbers of it.

To check, to choose and to list takes longer than to compute a small graph. A call that brings query, key and value and
nothing else is told by its score, shapes and dtypes, so a graph keeps the answer for the calls that follow.
"""

from collections.abc import Callable, Hashable

import torch
from torch import Tensor
from torch.nn import Parameter

from edgewise.graph import Graph
from edgewise.kernels.attention import Attention
from edgewise.kernels.scores import Additive, Dot
from edgewise.kernels.transforms import looked_through

Way = Callable[[Attention, Graph], Tensor]
"""What computes a plain attention. It holds no graph: the graph holds it."""

MOST = 32
"""So many ways are kept with a graph; a model has a few."""

_TENSORS = (Tensor, Parameter)


def signature(attention: Attention, graph: Graph, impl: str) -> Hashable | None:
    """What tells a plain call from others on its graph; None for a call that is not plain."""
    q, k, v, score, bias, edge_key, edge_value, dropout, _ = attention
    kind = type(score)
    if (
        q is None
        or k is None
        or v is None
        or type(graph) is not Graph
        or type(q) not in _TENSORS
        or type(k) not in _TENSORS
        or type(v) not in _TENSORS
        or (kind is not Dot and kind is not Additive)
        or not isinstance(score.number, float | int)
        or bias is not None
        or edge_key is not None
        or edge_value is not None
        or dropout > 0
        or looked_through()
    ):
        return None
    shapes, dtypes, devices = (q.shape, k.shape, v.shape), (q.dtype, k.dtype, v.dtype), (q.device, k.device, v.device)
    return impl, score, shapes, dtypes, devices, torch.get_num_threads()


def settled(graph: Graph) -> dict[Hashable, Way]:
    """The ways that calls on this graph have gone, by signature."""
    return graph.remember("settled", dict)


def settle(graph: Graph, signature: Hashable | None, way: Way | None) -> None:
    """Keep a way, if there is one, for the calls that follow."""
    if signature is None or way is None:
        return
    ways = settled(graph)
    if len(ways) >= MOST:
        ways.clear()
    ways[signature] = way
