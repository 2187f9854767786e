"""Attention in tiles by the compiled kernels, and its derivative: what lies in no tile is taken edge by edge.

Forward, the rest comes first, and the tiles go on from its output and log-sum-exp; backward, the two add up.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from edgewise.graph import Graph
from edgewise.kernels import native
from edgewise.kernels.attention import Attention
from edgewise.kernels.native_autograd import Backward, Problem, Saved, attend_edges
from edgewise.kernels.native_call import LEVEL, Tensors, at, attend_fields, nodes, reals
from edgewise.kernels.offset_table import OffsetTable
from edgewise.kernels.once import once
from edgewise.kernels.scores import Dot
from edgewise.kernels.tiles import Tiles, tiles

TABLE_ROOM = 16
"""Numbers a receiver and head that the gradient of an offset table may take, before its segments are summed."""


def hindrance(attention: Attention, graph: Graph, return_weights: bool) -> str | None:
    """What keeps an attention from tiles, as the end of a sentence; None where nothing does."""
    a = attention
    hindered = native.hindrance(a, graph, return_weights)
    if hindered is not None:
        return hindered
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


def attend(attention: Attention, graph: Graph) -> Tensor:
    """The folded attention in tiles."""
    a, found = attention, tiles(graph)
    assert found is not None and a.query is not None and a.key is not None and a.value is not None
    table = a.bias.table.to(a.dtype) if isinstance(a.bias, OffsetTable) else None
    out: Tensor = _AttendTiles.apply(_Call(a, graph, found), a.query, a.key, a.value, table)  # type: ignore[no-untyped-call]
    return out


class _Call(NamedTuple):
    attention: Attention
    graph: Graph
    tiles: Tiles

    @property
    def rest(self) -> Problem:
        """The part that is taken edge by edge."""
        assert self.tiles.rest is not None
        return Problem(self.attention, self.tiles.rest, False)

    def run(self, step: str, x: Tensors, fields: list[int]) -> None:
        """A pass of the compiled kernels over the tiles."""
        numbers = [*attend_fields(self.attention, self.graph, x), *fields]
        getattr(self.tiles.found, step)(LEVEL, numbers, reals(self.attention, x))


class _AttendTiles(Function):
    @staticmethod
    def forward(ctx: Any, call: _Call, query: Tensor, key: Tensor, value: Tensor, table: Tensor | None) -> Tensor:
        a, found = call.attention, call.tiles
        x = _tensors(query, key, value, table).laid_out()
        R, H, V = call.graph.num_receivers, a.num_heads, x.value.shape[2]
        so_far = None
        if found.rest is not None:
            so_far = x.value.new_empty(R, H, 2, dtype=a.dtype)
            saved, _ = attend_edges(call.rest, x, keeps_rest=x.value.dtype != a.dtype, so_far=so_far)
        else:
            # Receivers that hear nobody are in no tile.
            out = x.value.new_empty(R, H, V) if found.covers(R) else x.value.new_zeros(R, H, V)
            log_sum = x.value.new_zeros(R, H, dtype=a.dtype)
            half = x.value.dtype != a.dtype and any(ctx.needs_input_grad)
            saved = Saved(out, torch.zeros_like(out) if half else None, log_sum, log_sum.new_empty(R, H, 0))
        fields = [*nodes(saved.out), *at(saved.rest, saved.log_sum, so_far)]
        call.run("forward", x, fields)
        ctx.call = call
        ctx.save_for_backward(*x[:3], x.table, *saved)
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
    grad = grad if grad.stride(-1) == 1 else grad.contiguous()
    grads: dict[str, Tensor] = {}
    if call.tiles.rest is not None:
        rest = Backward(call.rest, x, needed, grad, saved.heard_edge, saved)
        grads = rest.of_receivers_and_edges() | rest.of_senders()
    given = {"query": x.query, "key": x.key, "value": x.value}
    for name in needed & given.keys():
        of = given[name]
        if name not in grads and of is not None:
            grads[name] = torch.zeros(of.shape, dtype=a.dtype)
    segments = None
    if x.table is not None and "table" in needed:
        segments = x.table.new_zeros(found.num_segments, *x.table.shape)
    slots = torch.zeros(found.num_slots, x.value.shape[1], x.dim + x.value.shape[2], dtype=a.dtype)
    asked = (grads[name] if name in needed else None for name in given)
    fields = [*nodes(grad), *nodes(saved.out), *at(saved.rest, saved.log_sum, *asked, segments, slots)]
    call.run("backward", x, fields)
    if segments is not None:
        of_tiles = segments.sum(0)
        grads["table"] = grads["table"] + of_tiles if "table" in grads else of_tiles
    return grads
