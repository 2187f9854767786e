"""Past senders: nodes of earlier calls that stay to be heard."""

from collections.abc import Sequence
from itertools import accumulate, chain
from operator import add
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from edgewise.graph import Graph
from edgewise.graph.forget import forget
from edgewise.graph.spaced import spaced

ROOM = 64
"""Rows that are made for later senders at least, where there is too little room."""


PIECE = 16
"""Rows of a graph's past or new senders, on average, from which they are copied piece by piece. Measured: 300 graphs
of 4 and 7 rows take twice as long so, 32 of 64 and 64 three quarters."""


class Past(NamedTuple):
    """The keys and values of earlier senders, graph by graph of a batch: a KV cache, or Transformer-XL's memory.

    key: [..., P, H_kv, D], None where the score reads none; value: [..., P, H_kv, V]; offsets: [B+1], which of the P
    belong to which graph; forgotten: [B], how many senders of each graph came before these P and are kept no longer,
    None for none. Graphs count them, and nobody may hear them. room: how many of the P at the end of each graph's part
    are empty as yet, None for none; see `with_room`.
    """

    key: Float[Tensor, "..."] | None
    value: Float[Tensor, "..."]
    offsets: Int[Tensor, "graphs_and_one"]
    forgotten: Int[Tensor, "graphs"] | None = None
    room: tuple[int, ...] | None = None

    def heard(
        self, key: Tensor | None, value: Tensor, graph: Graph, among_themselves: bool
    ) -> tuple[Tensor | None, Tensor, Graph, "Past"]:
        """Keys, values and graph of all senders that can be heard, past and new, and what is to be kept of them."""
        graph = self.seen(graph)
        if self.room is not None:
            return self._written(key, value, graph, among_themselves)
        key, value = self.joined(key, value, graph, among_themselves)
        return key, value, graph, Past(key, value, graph.sender_offsets, self.forgotten)

    def with_room(self, rows: int) -> "Past":
        """The same with so many empty rows for each graph, for inference.

        New senders are written there, in place, and nothing that was kept before is copied. So a past with room is used
        up by the call that it is given to, and what that call keeps goes on. Where the room is too little, each graph
        gets as many rows more as come, or as the smallest has kept, or ROOM: the largest of the three.
        """
        starts, counts = self.offsets[:-1].tolist(), self._counts()
        offsets = [0, *accumulate(count + rows for count in counts)]

        def moved(kept: Tensor) -> Tensor:
            made = kept.new_zeros(*kept.shape[:-3], offsets[-1], *kept.shape[-2:])
            for start, to, count in zip(starts, offsets, counts, strict=False):
                made.narrow(-3, to, count).copy_(kept.narrow(-3, start, count))
            return made

        key, cuts = None if self.key is None else moved(self.key), torch.tensor(offsets, device=self.offsets.device)
        return Past(key, moved(self.value), cuts, self.forgotten, (rows,) * len(counts))

    def joined(
        self, key: Tensor | None, value: Tensor, graph: Graph, among_themselves: bool
    ) -> tuple[Tensor | None, Tensor]:
        """Keys and values of all senders of the graph: in each graph of the batch first the past ones, then the new.

        Where nodes hear among themselves, the new senders are the receivers. Otherwise there may be any number, also
        none: a decoder's source is projected once and stays.
        """
        self._check(key, value)
        count = value.shape[-3]
        # Every layer of a network keeps the same offsets, so the pieces are found once for all of them.
        name = ("past", id(self.offsets), self.value.shape[-3], count, among_themselves)
        pieces = graph.remember(name, lambda: (self.offsets, self._pieces(count, graph, among_themselves)))[1]
        if count == 0:
            return self.key, self.value
        keys = None if key is None or self.key is None else pieces.joined(self.key, key)
        return keys, pieces.joined(self.value, value)

    def places(self, graph: Graph) -> Int[Tensor, "new"]:
        """The place of each new sender in its graph: after all past ones."""
        past = self.offsets.diff() + (0 if self.forgotten is None else self.forgotten)
        past = past if self.room is None else past - torch.tensor(self.room, device=past.device)
        new = graph.sender_offsets.diff() - past
        count = torch.arange(int(new.sum()), device=graph.device)
        return count + (past - new.cumsum(0) + new).repeat_interleave(new)

    def of(self, graphs: Sequence[int]) -> "Past":
        """The past of these graphs of the batch alone, in this order."""
        starts, counts = self.offsets[:-1].tolist(), self.offsets.diff().tolist()
        rows = [torch.arange(starts[g], starts[g] + counts[g], device=self.value.device) for g in graphs]
        index = torch.cat([*rows, self.offsets.new_zeros(0)])
        key = None if self.key is None else self.key.index_select(-3, index)
        ends = torch.tensor([0, *accumulate(counts[g] for g in graphs)], device=self.offsets.device)
        forgotten = None if self.forgotten is None else self.forgotten[list(graphs)]
        room = None if self.room is None else tuple(self.room[g] for g in graphs)
        return Past(key, self.value.index_select(-3, index), ends, forgotten, room)

    def last(self, count: int) -> "Past":
        """The last `count` senders of each graph, where there are more; the others are forgotten."""
        if self.room is not None:
            raise ValueError("past: one with room forgets nobody; take the last ones before it is given room")
        kept = self.offsets.diff()
        lost = (kept - count).clamp(min=0)
        if not bool(lost.any()):
            return self
        ends = self.offsets - torch.cat([lost.new_zeros(1), lost.cumsum(0)])
        of = torch.repeat_interleave(kept - lost)
        index = torch.arange(len(of), device=of.device) + lost.cumsum(0)[of]
        key = None if self.key is None else self.key.index_select(-3, index)
        forgotten = lost if self.forgotten is None else self.forgotten + lost
        return Past(key, self.value.index_select(-3, index), ends, forgotten)

    def seen(self, graph: Graph) -> Graph:
        """The graph without those forgotten, whose other senders are those that are kept and the new ones."""
        forgotten = self.forgotten
        if forgotten is None:
            return graph
        return graph.remember(("seen", id(forgotten)), lambda: (forgotten, forget(graph, forgotten)))[1]

    def _counts(self) -> list[int]:
        """How many senders of each graph are kept."""
        counts: list[int] = self.offsets.diff().tolist()
        return counts if self.room is None else [rows - left for rows, left in zip(counts, self.room, strict=True)]

    def _pieces(self, count: int, graph: Graph, among_themselves: bool) -> "_Pieces":
        return _Pieces.of(*self._sizes(count, graph, among_themselves), graph.device)

    def _written(
        self, key: Tensor | None, value: Tensor, graph: Graph, among_themselves: bool
    ) -> tuple[Tensor | None, Tensor, Graph, "Past"]:
        """`heard`, the new ones written into the room."""
        self._check(key, value)
        if torch.is_grad_enabled() and (value.requires_grad or (key is not None and key.requires_grad)):
            raise ValueError("past: one with room is for inference, where no gradient is kept; use torch.no_grad()")
        if self.value.is_inference() and not torch.is_inference_mode_enabled():
            raise ValueError("past: room that was made in torch.inference_mode() is written on in that mode only")
        own = self._as_wide_as(key, value)
        if own is not self:
            return own._written(key, value, graph, among_themselves)
        count, cuts = value.shape[-3], tuple(self.offsets.tolist())
        # Every layer of a network has the same room, so where to write and who hears whom is found once for all.
        name = ("room", cuts, self.room, count, among_themselves)
        rows, room, spread = graph.remember(name, lambda: self._place(count, graph, among_themselves))
        wide = graph if spread is None else spread
        if min(room, default=0) < 0:
            return self.with_room(max(ROOM, count, min(self._counts())))._written(key, value, graph, among_themselves)
        self.value.index_copy_(-3, rows, value.to(self.value.dtype))
        if key is not None and self.key is not None:
            self.key.index_copy_(-3, rows, key.to(self.key.dtype))
        keys, values = self.key, self.value
        if len(room) == 1:  # one graph lies in one piece
            keys = None if keys is None else keys.narrow(-3, 0, wide.num_senders)
            values = values.narrow(-3, 0, wide.num_senders)
        return keys, values, wide, Past(self.key, self.value, self.offsets, self.forgotten, room)

    def _as_wide_as(self, key: Tensor | None, value: Tensor) -> "Past":
        """The same in dtypes that lose nothing of what comes, as they are put together without room."""
        value_dtype = torch.promote_types(self.value.dtype, value.dtype)
        key_dtype = None if self.key is None or key is None else torch.promote_types(self.key.dtype, key.dtype)
        if value_dtype == self.value.dtype and (self.key is None or key_dtype in (None, self.key.dtype)):
            return self
        return self._replace(key=None if self.key is None else self.key.to(key_dtype), value=self.value.to(value_dtype))

    def _place(self, count: int, graph: Graph, among_themselves: bool) -> tuple[Tensor, tuple[int, ...], Graph | None]:
        """The row of each new sender, the room that is left (below 0: too little), and the graph with it.

        None for the graph as it is: it keeps this answer.
        """
        kept, new = self._sizes(count, graph, among_themselves)
        room = tuple(left - more for left, more in zip(self.room or (), new, strict=True))
        starts = map(add, self.offsets[:-1].tolist(), kept)
        rows = [row for start, more in zip(starts, new, strict=True) for row in range(start, start + more)]
        wide = None if len(room) == 1 or min(room, default=0) < 0 else spaced(graph, room)
        return torch.tensor(rows, dtype=torch.int64, device=graph.device), room, wide

    def _sizes(self, count: int, graph: Graph, among_themselves: bool) -> tuple[list[int], list[int]]:
        """How many past and new senders each graph has."""
        if graph.num_graphs != len(self.offsets) - 1:
            raise ValueError(f"past: holds {len(self.offsets) - 1} graphs, but the batch has {graph.num_graphs}")
        kept = self._counts()
        senders, receivers = (x.diff().tolist() for x in (graph.sender_offsets, graph.receiver_offsets))
        new = [all_of - old for all_of, old in zip(senders, kept, strict=True)]
        wrong = new != receivers if among_themselves else min(new, default=0) < 0
        if wrong or sum(new) != count:
            raise ValueError(
                "past: in each graph of the batch the past senders come first and then the new ones; there are {} past "
                f"and {count} new ones, but the graph has {{}} senders and {{}} receivers; "
                "Network.graphs(lengths, past) builds one that fits".format(kept, senders, receivers)
            )
        return kept, new

    def _check(self, key: Tensor | None, value: Tensor) -> None:
        if (key is None) != (self.key is None):
            raise ValueError(
                f"past: keeps {'no ' if self.key is None else ''}keys, and the score reads "
                f"{'none' if key is None else 'them'}; give each layer the past that it kept itself"
            )
        for name, kept, given in (("keys", self.key, key), ("values", self.value, value)):
            if kept is not None and given is not None and not _fit(kept, given):
                raise ValueError(
                    f"past: its {name} are {list(kept.shape)}, which do not go before {list(given.shape)}; all but "
                    "the number of nodes must agree"
                )


def _fit(kept: Tensor, given: Tensor) -> bool:
    return kept.shape[:-3] + kept.shape[-2:] == given.shape[:-3] + given.shape[-2:]


class _Pieces(NamedTuple):
    """How many past and new senders each graph has; where they are too few to be copied so, the order of all."""

    before: list[int]
    more: list[int]
    order: Tensor | None

    @classmethod
    def of(cls, before: list[int], more: list[int], device: torch.device) -> "_Pieces":
        if len(before) == 1 or sum(before) + sum(more) >= PIECE * 2 * len(before):
            return cls(before, more, None)
        past, new = torch.arange(sum(before) + sum(more), device=device).split([sum(before), sum(more)])
        parts = zip(past.split(before), new.split(more), strict=True)
        return cls(before, more, torch.cat(list(chain.from_iterable(parts))))

    def joined(self, past: Tensor, new: Tensor) -> Tensor:
        """Graph by graph: copied once piece by piece, or twice all at once."""
        if self.order is not None:
            return torch.cat([past, new], dim=-3).index_select(-3, self.order)
        parts = zip(past.split(self.before, dim=-3), new.split(self.more, dim=-3), strict=True)
        return torch.cat(list(chain.from_iterable(parts)), dim=-3)
