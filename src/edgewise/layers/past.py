"""Past senders: nodes of earlier calls that stay to be heard."""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from edgewise.graph import Graph
from edgewise.graph.forget import forget


class Past(NamedTuple):
    """The keys and values of earlier senders, graph by graph of a batch: a KV cache, or Transformer-XL's memory.

    key: [..., P, H_kv, D], None where the score reads none; value: [..., P, H_kv, V]; offsets: [B+1], which of the P
    belong to which graph; forgotten: [B], how many senders of each graph came before these P and are kept no longer,
    None for none. Graphs count them, and nobody may hear them.
    """

    key: Float[Tensor, "..."] | None
    value: Float[Tensor, "..."]
    offsets: Int[Tensor, "graphs_and_one"]
    forgotten: Int[Tensor, "graphs"] | None = None

    def joined(
        self, key: Tensor | None, value: Tensor, graph: Graph, among_themselves: bool
    ) -> tuple[Tensor | None, Tensor]:
        """Keys and values of all senders of the graph: in each graph of the batch first the past ones, then the new.

        Where nodes hear among themselves, the new senders are the receivers. Otherwise there may be any number, also
        none: a decoder's source is projected once and stays.
        """
        self._check(key, value)
        count = value.shape[-3]
        # Every layer of a network keeps the same offsets, so the order is found once for all of them.
        name = ("past", id(self.offsets), self.value.shape[-3], count, among_themselves)
        order = graph.remember(name, lambda: (self.offsets, self._order(count, graph, among_themselves)))[1]
        if count == 0:
            return self.key, self.value
        keys = None if key is None or self.key is None else _join(self.key, key, order)
        return keys, _join(self.value, value, order)

    def places(self, graph: Graph) -> Int[Tensor, "new"]:
        """The place of each new sender in its graph: after all past ones."""
        past = self.offsets.diff() + (0 if self.forgotten is None else self.forgotten)
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
        return Past(key, self.value.index_select(-3, index), ends, forgotten)

    def last(self, count: int) -> "Past":
        """The last `count` senders of each graph, where there are more; the others are forgotten."""
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

    def _order(self, count: int, graph: Graph, among_themselves: bool) -> Tensor | None:
        """Where each sender of the graph stands in [all past, all new]; None where that is the order already."""
        if graph.num_graphs != len(self.offsets) - 1:
            raise ValueError(f"past: holds {len(self.offsets) - 1} graphs, but the batch has {graph.num_graphs}")
        new = graph.sender_offsets.diff() - self.offsets.diff()
        wrong = not torch.equal(new, graph.receiver_offsets.diff()) if among_themselves else bool((new < 0).any())
        if wrong or graph.num_senders != self.value.shape[-3] + count:
            sizes = (
                offsets.diff().tolist() for offsets in (self.offsets, graph.sender_offsets, graph.receiver_offsets)
            )
            raise ValueError(
                "past: in each graph of the batch the past senders come first and then the new ones; there are {} past "
                f"and {count} new ones, but the graph has {{}} senders and {{}} receivers; "
                "Network.graphs(lengths, past) builds one that fits".format(*sizes)
            )
        if graph.num_graphs == 1:
            return None
        of = torch.repeat_interleave(graph.sender_offsets.diff(), output_size=graph.num_senders)
        place = torch.arange(graph.num_senders, device=graph.device)
        before = place - (graph.sender_offsets - self.offsets)[of]
        after = place + (self.offsets[-1] - self.offsets[1:])[of]
        return torch.where(before < self.offsets[1:][of], before, after)

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


def _join(past: Tensor, new: Tensor, order: Tensor | None) -> Tensor:
    both = torch.cat([past, new], dim=-3)
    return both if order is None else both.index_select(-3, order)
