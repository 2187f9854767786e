"""What can be asked of a graph: its edges, their numbers, its degrees."""

from typing import Literal

import torch
from jaxtyping import Bool, Int64, Integer
from torch import Tensor

from edgewise.graph import algebra, locate, materialise
from edgewise.graph.adjacency import Adjacency
from edgewise.graph.batch import sender_range
from edgewise.graph.edge_list import check_edges
from edgewise.graph.loops import loop_runs
from edgewise.graph.runs import ends, expand
from edgewise.graph.sweep import INTERSECTION


class Neighbourhoods(Adjacency):
    """Questions whose answers are numbers or arrays of them."""

    __slots__ = ()

    def edges(self) -> tuple[Int64[Tensor, "edges"], Int64[Tensor, "edges"]]:
        """Senders and receivers of every edge, sorted by receiver, then sender: 16 bytes an edge."""
        materialise.check_size(16 * self.num_edges, f"edges: the list of {self.num_edges} edges")
        return expand(self.runs, self.run_edge_start, self.num_edges)

    def ends(self, edges: Int64[Tensor, "taken"]) -> tuple[Int64[Tensor, "taken"], Int64[Tensor, "taken"]]:
        """Senders and receivers of the edges of these numbers, in their order: the other way of `locate`.

        No other edge is made, so some edges of a complement, which may have billions, cost what they are.
        """
        outside = edges[(edges < 0) | (edges >= self.num_edges)]
        if len(outside):
            raise IndexError(f"ends: there is no edge {int(outside[0])}; edges go from 0 to {self.num_edges - 1}")
        return ends(self.runs, self.run_edge_start, edges)

    def dense(self) -> Bool[Tensor, "receivers senders"]:
        """The mask: row i, column j is true iff i hears j."""
        size = self.num_receivers * self.num_senders
        materialise.check_size(size, f"dense: the mask of {self.num_receivers} x {self.num_senders} pairs")
        return materialise.dense(self.runs, self.num_senders)

    def degree(self) -> Int64[Tensor, "receivers"]:
        """How many senders each receiver hears."""
        return self.remember("degree", lambda: self.edge_offsets.diff())

    def sender_degree(self) -> Int64[Tensor, "senders"]:
        """How many receivers hear each sender."""
        return self.remember("sender_degree", lambda: materialise.sender_degree(self.runs, self.num_senders))

    def position(self) -> Int64[Tensor, "receivers"]:
        """The sender that each receiver is aligned with: the last of one with the last of the other, graph by graph.

            p_i = i + sender_offsets[g + 1] - receiver_offsets[g + 1]   for i in graph g

        With as many senders as receivers it is the node itself; with fewer senders it may lie before the first.
        """
        return self.remember("position", self._position)

    def _position(self) -> Tensor:
        nodes = torch.arange(self.num_receivers, device=self.device)
        if self._receiver_offsets is None:
            return nodes + (self.num_senders - self.num_receivers)
        shift = (self.sender_offsets - self.receiver_offsets)[1:]
        sizes = self.receiver_offsets.diff()
        return nodes + torch.repeat_interleave(shift, sizes, output_size=self.num_receivers)

    def sender_range(self) -> tuple[Int64[Tensor, "receivers"], Int64[Tensor, "receivers"]]:
        """The first sender that each receiver could hear in its graph of the batch, and one past the last."""
        return self.remember("sender_range", self._sender_range)

    def _sender_range(self) -> tuple[Int64[Tensor, "receivers"], Int64[Tensor, "receivers"]]:
        if self._receiver_offsets is None:
            first = torch.zeros(self.num_receivers, dtype=torch.int64, device=self.device)
            return first, first + self.num_senders
        return sender_range(self.receiver_offsets, self.sender_offsets, self.num_receivers)

    def locate(
        self,
        senders: Integer[Tensor, "edges"],
        receivers: Integer[Tensor, "edges"],
        *,
        missing: Literal["error", "-1"] = "error",
    ) -> Int64[Tensor, "edges"]:
        """The numbers of the edges `senders -> receivers`; an edge that is not there is an error, or -1."""
        if missing not in ("error", "-1"):
            raise ValueError(f"locate: missing must be 'error' or '-1', got {missing!r}")
        check_edges(senders, receivers, self.num_senders, self.num_receivers, "locate")
        number = self._locate(senders, receivers)
        absent = number < 0
        if missing == "error" and bool(absent.any()):
            k = int(absent.to(torch.int8).argmax())
            raise ValueError(
                f"locate: {int(absent.sum())} of the pairs are no edges of the graph, first pair {k}, "
                f'{int(senders[k])} -> {int(receivers[k])}; missing="-1" answers -1 for them'
            )
        return number

    def _locate(self, senders: Integer[Tensor, "edges"], receivers: Integer[Tensor, "edges"]) -> Int64[Tensor, "edges"]:
        return locate.locate(self.runs, self.num_senders, self.run_edge_start, senders, receivers)

    def has_self_loops(self) -> bool:
        """Whether any receiver hears the sender it is aligned with (see `position`): in a square graph, itself."""
        diagonal = loop_runs(self.position(), *self.sender_range())
        return len(algebra.combine(self.runs, diagonal, self.num_senders, INTERSECTION).start) > 0
