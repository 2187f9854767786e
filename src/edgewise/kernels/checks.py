"""The door of the operations: every tensor is held against the graph before anything is computed."""

import torch
from torch import Tensor

from edgewise.graph import Graph
from edgewise.graph.materialise import check_size
from edgewise.kernels.aggregation import Aggregation
from edgewise.kernels.attention import Attention
from edgewise.kernels.edge_term import EdgeTerm
from edgewise.kernels.offset_table import OffsetTable
from edgewise.kernels.scores import KINDS, Additive, GATv2, Score

DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def check_graph(where: str, graph: Graph) -> None:
    """The graph is a Graph, not an edge list or a mask."""
    if not isinstance(graph, Graph):
        raise TypeError(
            f"{where}: graph must be a Graph, got {type(graph).__name__}; Graph.from_edges and Graph.from_mask make one"
        )


def check_nodes(where: str, name: str, x: Tensor, num_nodes: int, side: str, graph: Graph) -> None:
    """x is [..., nodes, heads, dim] with one row for each receiver or sender of the graph."""
    if x.dim() < 3:
        raise ValueError(
            f"{where}: {name} must be [..., nodes, heads, dim], got shape {list(x.shape)}; add a heads dimension of 1"
        )
    check_like(where, name, x, graph)
    if x.shape[-3] != num_nodes:
        raise ValueError(
            f"{where}: {name} has {x.shape[-3]} nodes (dimension -3 of {list(x.shape)}) "
            f"but the graph has {num_nodes} {side}"
        )


def check_like(where: str, name: str, x: Tensor, graph: Graph) -> None:
    """x is of a dtype that is computed with, and lives where the graph lives."""
    if x.dtype not in DTYPES:
        listed = ", ".join(str(dtype).removeprefix("torch.") for dtype in DTYPES)
        raise TypeError(f"{where}: {name} must be one of {listed}, got {str(x.dtype).removeprefix('torch.')}")
    if x.device != graph.device:
        raise ValueError(
            f"{where}: {name} is on {x.device} but the graph is on {graph.device}; "
            f"move one: graph.to({str(x.device)!r})"
        )


def check_query_key(where: str, query: Tensor | None, key: Tensor | None, graph: Graph, score: Score) -> None:
    """Query and key fit the graph, each other and the score."""
    # A protocol is asked member by member, which takes longer than all else here; its own kinds are known.
    if not isinstance(score, KINDS) and not isinstance(score, Score):
        raise TypeError(
            f"{where}: score must be Dot(), Additive(), GATv2(vector), Given(scores) or Constant(), got {score!r}"
        )
    if not score.reads_nodes:
        if query is not None or key is not None:
            kind = type(score).__name__
            raise ValueError(f"{where}: the score {kind} reads no query or key, so both must be None")
        return
    if query is None or key is None:
        raise ValueError(
            f"{where}: the score {type(score).__name__} needs a query and a key, got None; "
            "Constant() and Given(scores) need none"
        )
    check_nodes(where, "query", query, graph.num_receivers, "receivers", graph)
    check_nodes(where, "key", key, graph.num_senders, "senders", graph)
    if query.dtype != key.dtype:
        raise TypeError(f"{where}: query and key must have one dtype, got {query.dtype} and {key.dtype}")
    if query.shape[-1] != key.shape[-1]:
        raise ValueError(f"{where}: query and key must have one head dim, got {query.shape[-1]} and {key.shape[-1]}")
    if isinstance(score, Additive) and query.shape[-1] != 1:
        raise ValueError(
            f"{where}: the score Additive takes one scalar per node and head (head dim 1), "
            f"got head dim {query.shape[-1]}; sum over it first"
        )
    if isinstance(score, GATv2):
        check_like(where, "the vector of GATv2", score.vector, graph)
        if score.vector.shape != query.shape[-2:]:
            raise ValueError(
                f"{where}: the vector of GATv2 must be [heads, dim] = {list(query.shape[-2:])}, "
                f"got {list(score.vector.shape)}"
            )


def check_heads(where: str, num_heads: int, name: str, num_shared: int) -> None:
    """Each key or value head serves a whole number of query heads."""
    if num_shared == 0 or num_heads % num_shared:
        raise ValueError(
            f"{where}: {num_heads} heads cannot share the {num_shared} heads of {name}; give a divisor of {num_heads}"
        )


def check_per_edge(where: str, name: str, x: Tensor, num_heads: int, graph: Graph, batched: bool) -> None:
    """x is [E] or [E, heads], or [..., E, heads] where it may have batch dimensions."""
    check_like(where, name, x, graph)
    E, before = graph.num_edges, "..., " if batched else ""
    if x.shape != (E,) and (x.shape[-2:] != (E, num_heads) or (x.dim() > 2 and not batched)):
        raise ValueError(
            f"{where}: {name} must be [{E}] or [{before}{E}, {num_heads}] (edges, heads), got {list(x.shape)}"
        )


def check_bias(where: str, bias: Tensor | OffsetTable, num_heads: int, graph: Graph) -> None:
    """A bias is per edge, per edge and head, or a table by offset with a column per head."""
    if isinstance(bias, OffsetTable):
        check_like(where, "the bias table", bias.table, graph)
        if bias.table.dim() != 2 or bias.table.shape[0] == 0 or bias.table.shape[1] != num_heads:
            raise ValueError(
                f"{where}: the bias table must be [offsets >= 1, {num_heads} heads], got {list(bias.table.shape)}"
            )
    else:
        check_per_edge(where, "bias", bias, num_heads, graph, batched=False)


def check_edge_term(where: str, name: str, term: EdgeTerm, x: Tensor, graph: Graph) -> None:
    """Features are [E, F] and their weight brings F to the heads and dim of the key or value x."""
    features, weight = term
    check_like(where, f"{name}.features", features, graph)
    check_like(where, f"{name}.weight", weight, graph)
    if features.dim() != 2 or features.shape[0] != graph.num_edges:
        raise ValueError(
            f"{where}: {name}.features must be [{graph.num_edges} edges, features], got {list(features.shape)}"
        )
    wanted = (features.shape[1], *x.shape[-2:])
    if weight.shape != wanted:
        raise ValueError(
            f"{where}: {name}.weight must be [features, heads, dim] = {list(wanted)}, got {list(weight.shape)}"
        )


def check_dropout(where: str, dropout: float, seed: int | Tensor | None = None) -> None:
    """A probability that leaves something, and a seed that is a whole number."""
    if not 0 <= dropout < 1:
        raise ValueError(f"{where}: dropout must be at least 0 and below 1, got {dropout}")
    if seed is None or isinstance(seed, int):
        return
    if not isinstance(seed, Tensor) or seed.is_floating_point():
        raise TypeError(f"{where}: seed must be an int, an integer tensor or None, got {seed!r}")


def check_aggregation(where: str, aggregation: Aggregation, graph: Graph) -> None:
    """Everything that one aggregation brings fits the graph."""
    a = aggregation
    check_graph(where, graph)
    check_nodes(where, "value", a.value, graph.num_senders, "senders", graph)
    check_heads(where, a.num_heads, "value", a.value.shape[-2])
    if a.weights is not None:
        check_per_edge(where, "weights", a.weights, a.num_heads, graph, batched=True)
    check_batch(where, a)
    if a.edge_value is not None:
        check_edge_term(where, "edge_value", a.edge_value, a.value, graph)


def check_attention(where: str, attention: Attention, graph: Graph) -> None:
    """Everything that one attention brings fits the graph."""
    a = attention
    check_graph(where, graph)
    if a.value is not None:
        check_nodes(where, "value", a.value, graph.num_senders, "senders", graph)
    check_query_key(where, a.query, a.key, graph, a.score)
    H = a.num_heads
    if a.scores is not None:
        check_per_edge(where, "the scores given", a.scores, H, graph, batched=True)
    check_batch(where, a)
    if a.key is not None:
        check_heads(where, H, "key", a.key.shape[-2])
    if a.value is not None:
        check_heads(where, H, "value", a.value.shape[-2])
        if a.key is not None and a.key.shape[-2] != a.value.shape[-2]:
            raise ValueError(
                f"{where}: key and value must have one number of heads, got {a.key.shape[-2]} and {a.value.shape[-2]}"
            )
    if a.bias is not None:
        check_bias(where, a.bias, H, graph)
    if a.edge_key is not None:
        if a.key is None:
            raise ValueError(f"{where}: edge_key is added to the key, but the score reads no key; leave edge_key out")
        check_edge_term(where, "edge_key", a.edge_key, a.key, graph)
    if a.edge_value is not None and a.value is not None:
        check_edge_term(where, "edge_value", a.edge_value, a.value, graph)


def check_weights(where: str, attention: Attention, graph: Graph) -> None:
    """The weights of every edge and head fit in memory."""
    heads = attention.num_heads * attention.batch.numel()
    size = graph.num_edges * heads * attention.dtype.itemsize
    check_size(size, f"{where}: the weights of {graph.num_edges} edges and {heads} heads")


def check_batch(where: str, brought: Attention | Aggregation) -> None:
    """The leading batch dimensions broadcast."""
    try:
        brought.batch  # noqa: B018  (asking is the check)
    except RuntimeError as error:
        own = {"query": 3, "key": 3, "value": 3, "scores": 2, "weights": 2}
        tensors = ((name, getattr(brought, name, None), dims) for name, dims in own.items())
        listed = ", ".join(f"{name} {list(x.shape[:-dims])}" for name, x, dims in tensors if x is not None)
        raise ValueError(f"{where}: the leading batch dimensions differ: {listed}") from error
