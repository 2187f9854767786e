"""How a call reaches the compiled kernels: tensors and numbers, in the order in which fields.hpp reads them."""

import os
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from edgewise import native
from edgewise.graph import Graph
from edgewise.kernels.attention import Attention
from edgewise.kernels.dropout import threshold
from edgewise.kernels.offset_table import OffsetTable
from edgewise.kernels.scores import Additive, Constant, Dot, GATv2, Given
from edgewise.names import lookup

STORAGE = {torch.float32: 0, torch.float64: 1, torch.bfloat16: 2, torch.float16: 3}
EXACT = {stored: torch.float64 if stored == torch.float64 else torch.float32 for stored in STORAGE}
"""What logits, weights and sums are computed in."""

SCORE = {Constant: 0, Given: 0, Dot: 1, Additive: 2, GATv2: 3}
LEVELS = {"baseline": 0, "x86-64-v2": 0, "x86-64-v3": 1, "x86-64-v4": 2}
"""Instruction sets, and the kernels that each runs: plain, AVX2, AVX-512."""


def chosen_level(name: str) -> str:
    """The instruction set forced by name, where this processor has it; "" leaves the choice to the compiled part.

    >>> chosen_level("")
    ''
    """
    if name and native.available():
        asked, here = lookup(name, LEVELS, "EDGEWISE_CPU_LEVEL"), compiled().cpu_level()
        if asked > LEVELS[here]:
            raise ValueError(
                f"EDGEWISE_CPU_LEVEL: this processor runs {here}, got {name}; unset it or name a lower one"
            )
    return name


def compiled() -> ModuleType:
    """The compiled part, once the door has asked for it."""
    module = native.module()
    assert module is not None
    return module


LEVEL = chosen_level(os.environ.get("EDGEWISE_CPU_LEVEL", ""))
"""An instruction set to use instead of the fastest."""


def has_wide_lanes() -> bool:
    """Whether the kernels run with AVX2 or more; without, nothing comes near PyTorch's own dense products."""
    return LEVELS[LEVEL or compiled().cpu_level()] > 0


CUT = 4096
"""Edges after which a row is cut, so that other threads help with a hub."""

GRAIN = 2**15
"""Products that are worth another thread: waking it takes as long."""

VECTOR_BLOCKS = 64
"""In how many stretches GATv2's vector and the offset table gather their gradients: kVectorBlocks."""


class Tensors(NamedTuple):
    """What an attention brings, unpacked. All but query, key and value are exact: float32, or float64 for float64."""

    query: Tensor | None  # [R, H, D]
    key: Tensor | None  # [S, H_kv, D]
    value: Tensor  # [S, H_kv, V]
    logit: Tensor | None = None  # [E, H], added to the logit
    inner: Tensor | None = None  # [E, H], added inside the LeakyReLU of an additive score
    table: Tensor | None = None  # [T, H], added by offset
    query_edge: Tensor | None = None  # [R, H, F], the query in the space of key_edge; not with GATv2
    key_edge: Tensor | None = None  # [E, F]
    value_edge: Tensor | None = None  # [E, F']
    vector: Tensor | None = None  # [H, D], of GATv2
    inner_weight: Tensor | None = None  # [H, F, D], brings key_edge inside GATv2's nonlinearity

    @property
    def dim(self) -> int:
        """Channels of a query head."""
        return 0 if self.query is None else self.query.shape[2]

    @property
    def key_features(self) -> int:
        """Raw edge features in the score."""
        return 0 if self.key_edge is None else self.key_edge.shape[1]

    @property
    def value_features(self) -> int:
        """Raw edge features in the value."""
        return 0 if self.value_edge is None else self.value_edge.shape[1]

    @property
    def per_edge(self) -> bool:
        """Whether anything is looked up by the number of an edge."""
        return any(x is not None for x in (self.logit, self.inner, self.key_edge, self.value_edge))


class Items(NamedTuple):
    """Rows cut into stretches of at most CUT edges: the row and edges of each, and the first item of each row."""

    row: Tensor
    begin: Tensor
    end: Tensor
    first: Tensor


def items(graph: Graph) -> Items | None:
    """None where no row is long enough to be cut."""
    return graph.remember("items", lambda: _cut(graph))


def _cut(graph: Graph) -> Items | None:
    if graph.num_edges <= CUT:
        return None
    degree = graph.degree()
    if int(degree.max()) <= CUT:
        return None
    pieces = (degree + CUT - 1).div(CUT, rounding_mode="floor").clamp(min=1)
    first = torch.cat([pieces.new_zeros(1), pieces.cumsum(0)])
    row = torch.repeat_interleave(pieces)
    begin = graph.edge_offsets[row] + (torch.arange(len(row)) - first[row]) * CUT
    return Items(row, begin, torch.minimum(begin + CUT, graph.edge_offsets[row + 1]), first)


def edge_numbers(graph: Graph) -> Tensor:
    """What segments.sender_order says, by the compiled part: every edge of the transpose in the graph's own order."""
    return graph.remember("sender_order", lambda: _numbered(graph))


def _numbered(graph: Graph) -> Tensor:
    numbers = torch.empty(graph.num_edges, dtype=torch.int64)
    compiled().edge_numbers(rows_of(graph), turned(graph)[0], numbers.data_ptr())
    return numbers


Fields = Sequence[Tensor | int | float | None]
"""Tensors stand for their addresses, and node tensors for their strides too; None for null."""


def call(
    step: str, rows: Graph, graph: Graph, attention: Attention, tensors: Tensors, fields: Sequence[Tensor | None]
) -> None:
    """Run a kernel of attention over `rows`: the graph, or its transpose. `fields` are those of its own struct."""
    enter(step, rows, attend_numbers(attention, graph, tensors), tensors, fields)


def enter(step: str, rows: Graph, *given: Any) -> None:
    """Run a kernel over `rows`, with what else its binding takes."""
    getattr(compiled(), step)(LEVEL, rows_of(rows), *given)


def rows_of(graph: Graph) -> Any:
    """The struct Rows, which a graph keeps as it never changes."""
    return graph.remember("rows", lambda: rows_struct(graph, items(graph)))


def turned(graph: Graph) -> tuple[Any, Items | None]:
    """The struct Rows of the transposed graph, and how its rows are cut."""
    return graph.remember("turned", lambda: _turned(graph.transpose()))


def _turned(graph: Graph) -> tuple[Any, Items | None]:
    return rows_of(graph), items(graph)


def rows_struct(graph: Graph, cut: Items | None) -> Any:
    """The struct Rows; whoever keeps it keeps the graph."""
    rows = [graph.num_receivers, graph.run_offsets, graph.run_start, graph.run_stop, graph.run_edge_start]
    stretches = [graph.num_receivers, None, None, None, None] if cut is None else [len(cut.row), *cut]
    return compiled().Rows([*rows, *stretches])


def attend_numbers(attention: Attention, graph: Graph, x: Tensors) -> Any:
    """The struct Attend without its tensors: what forward and backward share."""
    a, score, D, (_, Hk, V) = attention, attention.score, x.dim, x.value.shape
    H, position, table_rows, lowest = a.num_heads, None, 0, 0
    if x.table is not None and isinstance(a.bias, OffsetTable):
        position, table_rows, lowest = graph.position(), x.table.shape[0], a.bias.lowest
    return compiled().Attend(
        [
            STORAGE[x.value.dtype],
            SCORE[type(score)],
            graph.num_receivers,
            graph.num_senders,
            H,
            Hk,
            D,
            V,
            x.key_features,
            x.value_features,
            position,
            table_rows,
            lowest,
            int(a.seed),
            threshold(a.dropout) if a.dropout > 0 else 0,
            min(torch.get_num_threads(), 1 + graph.num_edges * H * (D + V) // GRAIN),
            score.factor(D) if isinstance(score, Dot) else 1.0,
            getattr(score, "negative_slope", 0.0),
            a.dropout,
        ]
    )


def unit_stride(x: Tensor) -> Tensor:
    """With the strides that the kernels take."""
    return x if x.stride()[-1] == 1 else x.contiguous()
