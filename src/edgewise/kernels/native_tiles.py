"""Attention in tiles by the compiled kernels, and its derivative: what lies in no tile is taken edge by edge.

Forward, the rest comes first, and the tiles go on from its output and log-sum-exp; backward, the two add up.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from edgewise.graph import Graph
from edgewise.kernels.attention import Attention
from edgewise.kernels.native_autograd import Memory, Problem, Saved, attend_edges, gradients, learns
from edgewise.kernels.native_call import EXACT, LEVEL, Tensors, attend_numbers, unit_stride
from edgewise.kernels.offset_table import OffsetTable
from edgewise.kernels.once import once
from edgewise.kernels.scores import Dot
from edgewise.kernels.tiles import Tiles, tiles
from edgewise.kernels.transforms import check_plain

TABLE_ROOM = 16
"""Numbers a receiver and head that the gradient of an offset table may take, before its segments are summed."""


def hindrance(attention: Attention, graph: Graph, return_weights: bool) -> str | None:
    """What keeps an attention that the compiled kernels take from tiles, as the end of a sentence; None for nothing."""
    a = attention
    if not isinstance(a.score, Dot):
        return "takes scaled dot products only"
    if isinstance(a.bias, Tensor) or a.edge_key is not None or a.edge_value is not None:
        return "takes nothing that an edge has of its own"
    if return_weights:
        return "hands out no weights"
    found = tiles(graph)
    if found is None:
        return "finds no neighbouring receivers that hear the same senders"
    if isinstance(a.bias, OffsetTable) and a.bias.table.requires_grad:
        numbers = found.found.num_segments * a.bias.table.shape[0]
        return (
            None if numbers <= TABLE_ROOM * graph.num_receivers else "has no room for the gradient of so long a table"
        )
    return None


def attend(attention: Attention, graph: Graph, memory: Memory | None) -> Tensor:
    """The folded attention in tiles."""
    a, found = attention, tiles(graph)
    assert found is not None and a.query is not None and a.key is not None and a.value is not None
    table = a.bias.table.to(a.dtype).contiguous() if isinstance(a.bias, OffsetTable) else None
    x = Tensors(unit_stride(a.query), unit_stride(a.key), unit_stride(a.value), table=table)
    rest = None if found.rest is None else Problem(attend_numbers(a, found.rest, x), found.rest)
    call = _Call(attend_numbers(a, graph, x), graph, found, rest, memory)
    if learns(x):
        out: Tensor = _AttendTiles.apply(call, *x[:3], table)  # type: ignore[no-untyped-call]
        return out
    return _attend_tiles(call, x, keeps_rest=memory is not None).out


class _Call(NamedTuple):
    numbers: Any
    graph: Graph
    tiles: Tiles
    rest: Problem | None  # the part that is taken edge by edge
    memory: Memory | None


def _attend_tiles(call: _Call, x: Tensors, keeps_rest: bool) -> Saved:
    numbers, graph, found, rest, memory = call
    if memory is not None and memory.saved is not None:
        return memory.saved
    R, H, V, exact = graph.num_receivers, numbers.num_heads, x.value.shape[2], EXACT[x.value.dtype]
    so_far = None
    # Receivers that hear nobody are in no tile, and in no rest.
    out = x.value.new_empty(R, H, V) if found.covers(R) else x.value.new_zeros(R, H, V)
    if rest is not None:
        # The tiles go on from the whole of it.
        so_far = x.value.new_empty(R, H, 2, dtype=exact)
        saved = attend_edges(rest, x, keeps=True, so_far=so_far, out=out)
    else:
        half = keeps_rest and x.value.dtype != exact
        saved = Saved(out, torch.zeros_like(out) if half else None, x.value.new_zeros(R, H, dtype=exact))
    found.found.forward(LEVEL, numbers, x, [saved.out, saved.rest, saved.log_sum, so_far])
    if memory is not None:
        memory.saved = saved
    return saved


class _AttendTiles(Function):
    @staticmethod
    def forward(ctx: Any, call: _Call, query: Tensor, key: Tensor, value: Tensor, table: Tensor | None) -> Tensor:
        saved = _attend_tiles(call, Tensors(query, key, value, table=table), keeps_rest=True)
        ctx.call = call
        ctx.save_for_backward(query, key, value, table, *saved)
        return saved.out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, table, *saved = ctx.saved_tensors
        given = (query, key, value, table)
        x = Tensors(query, key, value, table=table)
        grads = _gradients(ctx.call, x, ctx.needs_input_grad[1:], grad, Saved(*saved))
        found = [None if g is None else g.to(of.dtype) for g, of in zip(grads, given, strict=True)]
        return (None, *once("attend", found, [grad, *given]))


def _gradients(call: _Call, x: Tensors, needed: Sequence[bool], grad: Tensor, saved: Saved) -> list[Tensor | None]:
    """Of query, key, value and table, where needed: those of the rest, if any, and those of the tiles added to them."""
    found, exact = call.tiles.found, EXACT[x.value.dtype]
    check_plain("attend", grad)
    grad = unit_stride(grad)
    table = x.table if needed[3] else None
    nodes: list[Tensor | None] = [None, None, None]
    of_table = None
    if call.rest is None:
        kept = zip(x[:3], needed, strict=False)
        nodes = [x.value.new_empty(of.shape, dtype=exact) if need and of is not None else None for of, need in kept]
    else:
        asked = [*needed[:3], *(table is not None and name == "table" for name in Tensors._fields[3:])]
        *nodes, _, _, of_table = gradients(call.rest, x, asked, saved, grad)[:6]
    segments = None if table is None else table.new_zeros(found.num_segments, *table.shape)
    slots = x.value.new_empty(found.num_slots, x.value.shape[1], x.dim + x.value.shape[2], dtype=exact)
    made = [grad, saved.out, saved.rest, saved.log_sum, *nodes, segments, slots, int(call.rest is None)]
    found.backward(LEVEL, call.numbers, x, made)
    if segments is not None:
        of_table = segments.sum(0) if of_table is None else of_table + segments.sum(0)
    return [*nodes, of_table]
