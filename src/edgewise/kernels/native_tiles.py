"""Attention in tiles by the compiled kernels, and its derivative: what lies in no tile is taken edge by edge.

Forward, the rest comes first, and the tiles go on from its output and log-sum-exp; backward, the two add up.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from edgewise.graph import Graph
from edgewise.kernels.attention import Attention
from edgewise.kernels.native_autograd import Backward, Memory, Problem, Saved, attend_edges, learns
from edgewise.kernels.native_call import LEVEL, Fields, Tensors, attend_fields, reals, unit_stride
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
    call = _Call(a, graph, found, memory)
    x = _tensors(unit_stride(a.query), unit_stride(a.key), unit_stride(a.value), table)
    if learns(x):
        out: Tensor = _AttendTiles.apply(call, *x[:3], table)  # type: ignore[no-untyped-call]
        return out
    return _attend_tiles(call, x, keeps_rest=memory is not None).out


class _Call(NamedTuple):
    attention: Attention
    graph: Graph
    tiles: Tiles
    memory: Memory | None

    @property
    def rest(self) -> Problem:
        """The part that is taken edge by edge."""
        assert self.tiles.rest is not None
        return Problem(self.attention, self.tiles.rest)

    def run(self, step: str, x: Tensors, fields: Fields) -> None:
        """A pass of the compiled kernels over the tiles."""
        numbers = [*attend_fields(self.attention, self.graph, x), *fields]
        getattr(self.tiles.found, step)(LEVEL, numbers, reals(self.attention, x))


def _attend_tiles(call: _Call, x: Tensors, keeps_rest: bool) -> Saved:
    a, graph, found, memory = call
    if memory is not None and memory.saved is not None:
        return memory.saved
    R, H, V = graph.num_receivers, a.num_heads, x.value.shape[2]
    so_far = None
    if found.rest is not None:
        # The tiles go on from the whole of it.
        so_far = x.value.new_empty(R, H, 2, dtype=a.dtype)
        saved = attend_edges(call.rest, x, keeps_rest=True, so_far=so_far)
    else:
        # Receivers that hear nobody are in no tile.
        out = x.value.new_empty(R, H, V) if found.covers(R) else x.value.new_zeros(R, H, V)
        half = keeps_rest and x.value.dtype != a.dtype
        saved = Saved(out, torch.zeros_like(out) if half else None, x.value.new_zeros(R, H, dtype=a.dtype))
    call.run("forward", x, [saved.out, saved.rest, saved.log_sum, so_far])
    if memory is not None:
        memory.saved = saved
    return saved


class _AttendTiles(Function):
    @staticmethod
    def forward(ctx: Any, call: _Call, query: Tensor, key: Tensor, value: Tensor, table: Tensor | None) -> Tensor:
        saved = _attend_tiles(call, _tensors(query, key, value, table), keeps_rest=True)
        ctx.call = call
        ctx.save_for_backward(query, key, value, table, *saved)
        return saved.out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, table, *saved = ctx.saved_tensors
        names = ("query", "key", "value", "table")
        needed = {name for name, need in zip(names, ctx.needs_input_grad[1:], strict=True) if need}
        x = _tensors(query, key, value, table)
        grads = _gradients(ctx.call, x, needed, grad, Saved(*saved))
        given = (query, key, value, table)
        found = [grads[name].to(of.dtype) if name in needed else None for name, of in zip(names, given, strict=True)]
        return (None, *once("attend", found, [grad, *given]))


def _tensors(query: Tensor, key: Tensor, value: Tensor, table: Tensor | None) -> Tensors:
    return Tensors(query, key, value, None, None, table, None, None, None, None)


def _gradients(call: _Call, x: Tensors, needed: set[str], grad: Tensor, saved: Saved) -> dict[str, Tensor]:
    """Of what is needed: those of the rest, if any, and those of the tiles added to them."""
    a, found = call.attention, call.tiles.found
    check_plain("attend", grad)
    grad = unit_stride(grad)
    given, fresh = {"query": x.query, "key": x.key, "value": x.value}, call.tiles.rest is None
    if call.tiles.rest is None:
        kept = ((name, of) for name, of in given.items() if name in needed and of is not None)
        grads = {name: torch.empty(of.shape, dtype=a.dtype) for name, of in kept}
    else:
        rest = Backward(call.rest, x, needed, grad, saved.heard_edge, saved)
        grads = rest.of_receivers_and_edges() | rest.of_senders()
    segments = None
    if x.table is not None and "table" in needed:
        segments = x.table.new_zeros(found.num_segments, *x.table.shape)
    slots = torch.empty(found.num_slots, x.value.shape[1], x.dim + x.value.shape[2], dtype=a.dtype)
    asked = (grads[name] if name in needed else None for name in given)
    call.run("backward", x, [grad, saved.out, saved.rest, saved.log_sum, *asked, segments, slots, int(fresh)])
    if segments is not None:
        of_tiles = segments.sum(0)
        grads["table"] = grads["table"] + of_tiles if "table" in grads else of_tiles
    return grads
