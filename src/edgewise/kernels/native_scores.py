"""The compiled scores of edges: what `score_edges` hands out, and its derivative, at the price of its edges.

Biases are added to what comes out. Edge features enter as in attention: folded for Dot, q·(k + e W) = q·k + (W q)·e,
and edge by edge for GATv2.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from edgewise import native
from edgewise.graph import Graph
from edgewise.kernels import segments
from edgewise.kernels.attention import Attention
from edgewise.kernels.blocks import product
from edgewise.kernels.native_call import EXACT, SCORE, VECTOR_BLOCKS, Tensors, call, edge_numbers, items, unit_stride
from edgewise.kernels.offset_table import OffsetTable
from edgewise.kernels.once import once
from edgewise.kernels.scores import Dot, GATv2, Score
from edgewise.kernels.transforms import check_plain, transformed


def hindrance(attention: Attention, graph: Graph) -> str | None:
    """What keeps scores from the compiled kernels, as the end of a sentence; None where nothing does."""
    if native.module() is None:
        return "needs the compiled part, which this installation lacks"
    if graph.device.type != "cpu":
        return f"runs on the CPU, and the graph is on {graph.device}"
    if type(attention.score) not in SCORE:
        return f"knows no score {type(attention.score).__name__}"
    if not isinstance(attention.score, Dot | GATv2):
        # One number a head and edge: gathered and added, nothing is larger than what comes out.
        return f"gains nothing over the reference for the score {type(attention.score).__name__}"
    assert attention.query is not None and attention.key is not None  # the door has checked
    if transformed(attention):
        return "works outside of torch.func's transforms and forward-mode differentiation"
    if graph.num_edges == 0 or 0 in attention.query.shape or 0 in attention.key.shape:
        return "has no empty tensors to work on"
    return None


def score_edges(attention: Attention, graph: Graph) -> Tensor:
    """s_ij + b_ij for every edge and head of the folded attention."""
    a, exact, score = attention, attention.dtype, attention.score
    query, key = a.query, a.key
    assert query is not None and key is not None  # the door has checked
    if exact == torch.float64:
        query, key = query.double(), key.double()
    query_edge = features = inner_weight = None
    if a.edge_key is not None:
        features, weight = (x.to(exact) for x in a.edge_key)
        weight = weight.repeat_interleave(a.num_heads // weight.shape[1], dim=1)
        if isinstance(score, GATv2):
            inner_weight = weight.transpose(0, 1)
        else:
            query_edge = product(query.to(exact), weight.permute(1, 2, 0))
    vector = score.vector.to(exact) if isinstance(score, GATv2) else None
    out: Tensor = _Scores.apply(score, graph, query, key, query_edge, features, vector, inner_weight)  # type: ignore[no-untyped-call]
    if isinstance(a.bias, OffsetTable):
        senders, receivers = segments.edges(graph)
        return out + a.bias.at(senders - graph.position()[receivers], exact)
    return out if a.bias is None else out + a.bias.to(exact)


_NAMES = ("query", "key", "query_edge", "key_edge", "vector", "inner_weight")


class _Scores(Function):
    @staticmethod
    def forward(ctx: Any, score: Score, graph: Graph, query: Tensor, key: Tensor, *exact: Tensor | None) -> Tensor:
        query, key = unit_stride(query), unit_stride(key)
        edge = [None if x is None else x.contiguous() for x in exact]
        ctx.score, ctx.graph = score, graph
        ctx.save_for_backward(query, key, *edge)
        out = query.new_empty(graph.num_edges, query.shape[1], dtype=EXACT[query.dtype])
        call("scores_forward", graph, graph, *_problem(score, query, key, *edge), [out])
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        check_plain("score_edges", grad)
        given = dict(zip(_NAMES, ctx.saved_tensors, strict=True))
        need = {name for name, needed in zip(_NAMES, ctx.needs_input_grad[2:], strict=True) if needed}
        problem, grad = _problem(ctx.score, *given.values()), grad.contiguous()
        grads = _of_receivers_and_edges(problem, ctx.graph, need, grad) if need - {"key"} else {}
        if "key" in need:
            grads["key"] = _of_senders(problem, ctx.graph, grad)
        found = [grads[name].to(x.dtype) if name in need else None for name, x in given.items()]
        return (None, None, *once("score_edges", found, [grad, *given.values()]))


def _of_receivers_and_edges(
    problem: tuple[Attention, Tensors], graph: Graph, need: set[str], grad: Tensor
) -> dict[str, Tensor]:
    x = problem[1]
    assert x.query is not None
    (R, H, D), F, cut = x.query.shape, x.key_features, items(graph)
    grads = {}
    if "query" in need:
        grads["query"] = grad.new_empty(R, H, D)
    if "query_edge" in need:
        grads["query_edge"] = grad.new_empty(R, H, F)
    if x.key_edge is not None and "key_edge" in need:
        grads["key_edge"] = torch.zeros_like(x.key_edge)
    if "vector" in need:
        grads["vector"] = grad.new_zeros(VECTOR_BLOCKS, H, D)
    if "inner_weight" in need:
        grads["inner_weight"] = grad.new_zeros(VECTOR_BLOCKS, H, F, D)
    partial = None if cut is None else grad.new_empty(len(cut.row), H, D + F)
    order = _NAMES[:1] + _NAMES[2:]
    call("scores_receivers", graph, graph, *problem, [grad, *map(grads.get, order), partial])
    for name in grads.keys() & {"vector", "inner_weight"}:
        grads[name] = grads[name].sum(0)
    return grads


def _of_senders(problem: tuple[Attention, Tensors], graph: Graph, grad: Tensor) -> Tensor:
    x, turned = problem[1], graph.transpose()
    assert x.key is not None
    out, cut = grad.new_empty(x.key.shape), items(turned)
    partial = None if cut is None else grad.new_empty(len(cut.row), *x.key.shape[1:])
    fields = [grad, edge_numbers(graph), out, partial]
    call("scores_senders", turned, graph, *problem, fields)
    return out


def _problem(
    score: Score, query: Tensor, key: Tensor, query_edge: Tensor | None, key_edge: Tensor | None,
    vector: Tensor | None, inner_weight: Tensor | None,
) -> tuple[Attention, Tensors]:  # fmt: skip
    nothing = key.new_empty(*key.shape[:2], 0)
    tensors = Tensors(query, key, nothing, None, None, None, query_edge, key_edge, None, vector, inner_weight)
    return Attention(query, key, None, score), tensors
