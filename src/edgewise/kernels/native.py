"""The compiled kernels: attention edge by edge over runs, exact, at the price of its edges.

Forward keeps the output and the log-sum-exp; backward recomputes the weights, once by receiver and once by sender.
Nothing grows with edges × channels. Tensors are [nodes, heads, dim], batch dimensions folded into heads by the door.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from edgewise import native
from edgewise.graph import Graph
from edgewise.kernels.attention import Attention
from edgewise.kernels.blocks import product
from edgewise.kernels.edge_term import EdgeTerm
from edgewise.kernels.native_autograd import Memory, Problem, run
from edgewise.kernels.native_call import SCORE, Tensors, attend_numbers, unit_stride
from edgewise.kernels.offset_table import OffsetTable
from edgewise.kernels.scores import Additive, GATv2
from edgewise.kernels.transforms import transformed


def hindrance(attention: Attention, graph: Graph) -> str | None:
    """What keeps an attention from the compiled kernels, as the end of a sentence; None where nothing does."""
    score, nodes = attention.score, [x for x in attention[:3] if x is not None]
    if native.module() is None:
        return "needs the compiled part, which this installation lacks"
    if graph.device.type != "cpu":
        return f"runs on the CPU, and the graph is on {graph.device}"
    if type(score) not in SCORE:
        return f"knows no score {type(score).__name__}"
    stored = nodes[0].dtype
    if nodes[-1].dtype != stored:  # query and key have one: the door has checked
        return "takes query, key and value of one dtype"
    if stored != torch.float64 and attention.dtype == torch.float64:
        return "takes scores and biases no wider than the value"
    if transformed(attention):
        return "works outside of torch.func's transforms and forward-mode differentiation"
    if graph.num_edges == 0 or 0 in [x.numel() for x in nodes]:
        return "has no empty tensors to work on"
    return None


def attend(
    attention: Attention, graph: Graph, return_weights: bool, memory: Memory | None
) -> tuple[Tensor, Tensor | None]:
    """The folded attention by the compiled kernels, and its weights where they are asked for."""
    a, exact, score = attention, attention.dtype, attention.score
    assert a.value is not None  # the door has checked
    logit = None if a.scores is None else a.scores.to(exact)
    if isinstance(a.bias, Tensor):
        logit = a.bias.to(exact) if logit is None else logit + a.bias.to(exact)
    inner = query_edge = key_edge = inner_weight = None
    if a.edge_key is not None:
        features, weight = a.edge_key.features.to(exact), _per_head(a.edge_key.weight.to(exact), a.num_heads)
        if isinstance(score, Additive):
            inner = EdgeTerm(features, weight).along_edges(exact).squeeze(-1)
        elif isinstance(score, GATv2):
            key_edge, inner_weight = features, weight.transpose(0, 1)
        elif a.query is not None:
            query_edge, key_edge = product(a.query.to(exact), weight.permute(1, 2, 0)), features
    tensors = Tensors(
        None if a.query is None else unit_stride(a.query),
        None if a.key is None else unit_stride(a.key),
        unit_stride(a.value),
        _exact(logit, exact),
        _exact(inner, exact),
        _exact(a.bias.table, exact) if isinstance(a.bias, OffsetTable) else None,
        _exact(query_edge, exact),
        _exact(key_edge, exact),
        None if a.edge_value is None else _exact(a.edge_value.features, exact),
        _exact(score.vector, exact) if isinstance(score, GATv2) else None,
        _exact(inner_weight, exact),
    )
    problem = Problem(attend_numbers(a, graph, tensors), graph, return_weights, memory)
    out, heard_edge, weights = run(problem, tensors)
    if a.edge_value is not None and heard_edge is not None:
        weight = _per_head(a.edge_value.weight.to(exact), a.num_heads)
        out = (out.to(exact) + product(heard_edge, weight.transpose(0, 1))).to(a.value.dtype)
    return out, weights


def plain(attention: Attention, graph: Graph) -> Callable[[Attention, Graph], Tensor]:
    """What computes attentions of this one's score and shapes that bring query, key and value alone."""
    a = attention
    assert a.query is not None and a.key is not None and a.value is not None  # the caller has looked
    numbers = attend_numbers(a, graph, Tensors(a.query, a.key, a.value))

    def attend(attention: Attention, graph: Graph) -> Tensor:
        query, key, value, *_ = attention
        assert query is not None and key is not None and value is not None  # calls of one signature bring the same
        given = unit_stride(query), unit_stride(key), unit_stride(value)
        return run(Problem(numbers, graph), given)[0]

    return attend


def _exact(x: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    return None if x is None else x.to(dtype).contiguous()


def _per_head(weight: Tensor, num_heads: int) -> Tensor:
    return weight.repeat_interleave(num_heads // weight.shape[1], dim=1)
