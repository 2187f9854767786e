"""What a graph is, as a value: runs, sizes, the cuts of a batch; equal by content, hashed, pickled, moved, printed."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import torch
from jaxtyping import Int32, Int64
from torch import Tensor
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack

from edgewise.graph.batch import check_offsets
from edgewise.graph.runs import Runs, check_count, check_runs, edge_starts

T = TypeVar("T")
G = TypeVar("G", bound="Adjacency")


class Adjacency:
    """Immutable: indices only, no weights, no features. `Graph` adds the questions one can ask of it."""

    __slots__ = ("__weakref__", "_num_senders", "_receiver_offsets", "_remembered", "_runs", "_sender_offsets")

    _runs: Runs
    _num_senders: int
    _receiver_offsets: Tensor | None  # None: one graph
    _sender_offsets: Tensor | None
    _remembered: dict[Hashable, Any]  # what follows from the rest, kept; no part of the value

    def __init__(
        self,
        run_offsets: Int64[Tensor, "receivers_and_one"],
        run_start: Int32[Tensor, "runs"],
        run_stop: Int32[Tensor, "runs"],
        *,
        num_senders: int,
        receiver_offsets: Int64[Tensor, "graphs_and_one"] | None = None,
        sender_offsets: Int64[Tensor, "graphs_and_one"] | None = None,
    ) -> None:
        runs = Runs(*map(torch.Tensor.contiguous, (run_offsets, run_start, run_stop)))
        check_count(num_senders, "num_senders", "Graph")
        check_runs(runs, num_senders)
        if (receiver_offsets is None) != (sender_offsets is None):
            raise ValueError("Graph: a batch needs both receiver_offsets and sender_offsets; got one of them")
        if receiver_offsets is not None and sender_offsets is not None:
            check_offsets(runs, num_senders, receiver_offsets, sender_offsets)
        self._fill(runs, num_senders, receiver_offsets, sender_offsets)

    @classmethod
    def _trusted(
        cls: type[G],
        runs: Runs,
        num_senders: int,
        receiver_offsets: Tensor | None = None,
        sender_offsets: Tensor | None = None,
    ) -> G:
        """A graph from canonical runs, unchecked: for code that has just made them."""
        graph = cls.__new__(cls)
        graph._fill(runs, num_senders, receiver_offsets, sender_offsets)
        return graph

    def _fill(
        self, runs: Runs, num_senders: int, receiver_offsets: Tensor | None, sender_offsets: Tensor | None
    ) -> None:
        put = object.__setattr__
        put(self, "_runs", runs)
        put(self, "_num_senders", num_senders)
        put(self, "_receiver_offsets", receiver_offsets)
        put(self, "_sender_offsets", sender_offsets)
        put(self, "_remembered", {})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Graph: cannot set {name!r}, a graph is immutable; build a new one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Graph: cannot delete {name!r}, a graph is immutable; build a new one")

    @property
    def runs(self) -> Runs:
        """The three arrays that hold the edges: see `Runs`."""
        return self._runs

    @property
    def run_offsets(self) -> Int64[Tensor, "receivers_and_one"]:
        """Where the runs of each receiver begin; at the end, the number of runs."""
        return self._runs.offsets

    @property
    def run_start(self) -> Int32[Tensor, "runs"]:
        """The first sender of each run."""
        return self._runs.start

    @property
    def run_stop(self) -> Int32[Tensor, "runs"]:
        """One past the last sender of each run."""
        return self._runs.stop

    @property
    def run_edge_start(self) -> Int64[Tensor, "runs_and_one"]:
        """The number of the edge at which each run begins; at the end, the number of edges."""
        return self.remember("run_edge_start", lambda: edge_starts(self._runs))

    @property
    def edge_offsets(self) -> Int64[Tensor, "receivers_and_one"]:
        """The number of the edge at which each receiver's edges begin; at the end, the number of edges."""
        return self.remember("edge_offsets", lambda: self.run_edge_start[self.run_offsets])

    @property
    def num_receivers(self) -> int:
        """How many rows there are."""
        return self._runs.offsets.shape[0] - 1

    @property
    def num_senders(self) -> int:
        """How many columns there are."""
        return self._num_senders

    @property
    def num_runs(self) -> int:
        """How many runs hold the edges."""
        return self._runs.start.shape[0]

    @property
    def num_edges(self) -> int:
        """How many edges there are."""
        return self.remember("num_edges", lambda: int(self.run_edge_start[-1]))

    @property
    def num_graphs(self) -> int:
        """How many graphs the batch holds; one that is no batch holds itself."""
        return 1 if self._receiver_offsets is None else self._receiver_offsets.shape[0] - 1

    @property
    def receiver_offsets(self) -> Int64[Tensor, "graphs_and_one"]:
        """Graph g of the batch has the receivers `receiver_offsets[g]` to `receiver_offsets[g + 1] - 1`."""
        if self._receiver_offsets is not None:
            return self._receiver_offsets
        return self.remember("receiver_offsets", lambda: torch.tensor([0, self.num_receivers], device=self.device))

    @property
    def sender_offsets(self) -> Int64[Tensor, "graphs_and_one"]:
        """Graph g of the batch has the senders `sender_offsets[g]` to `sender_offsets[g + 1] - 1`."""
        if self._sender_offsets is not None:
            return self._sender_offsets
        return self.remember("sender_offsets", lambda: torch.tensor([0, self.num_senders], device=self.device))

    @property
    def device(self) -> torch.device:
        """Where the indices are."""
        return self._runs.offsets.device

    def remember(self, name: Hashable, make: Callable[[], T]) -> T:
        """`make()`, computed once and kept with the graph: for what follows from the edges alone.

        It takes no part in equality, pickles, or moves to another device.
        """
        if name not in self._remembered:
            self._remembered[name] = make() if torch.compiler.is_compiling() else _plainly(make)
        kept: T = self._remembered[name]
        return kept

    def to(self: G, device: torch.device | str) -> G:
        """The same graph with its indices on another device; itself if they are there already."""
        leaves, sizes = self._flatten()
        moved = [leaf.to(device) for leaf in leaves]
        # "cuda" may be "cuda:0": whether they have moved, the tensors know.
        return self if moved[0] is leaves[0] else self._unflatten(moved, sizes)

    def _flatten(self) -> tuple[list[Tensor], tuple[int, bool]]:
        """The tensors, and what else it takes to put them together again."""
        if self._receiver_offsets is None or self._sender_offsets is None:
            return [*self._runs], (self._num_senders, False)
        return [*self._runs, self._receiver_offsets, self._sender_offsets], (self._num_senders, True)

    @classmethod
    def _unflatten(cls: type[G], leaves: Any, sizes: Any) -> G:
        num_senders, is_batch = sizes
        offsets, start, stop, *cuts = leaves
        return cls._trusted(Runs(offsets, start, stop), num_senders, *(cuts if is_batch else ()))

    def __reduce__(self) -> tuple[Any, ...]:
        leaves, sizes = self._flatten()
        # A few rows of a large graph are views; pickled as they are, they would take the whole of it along.
        own = [leaf.clone() if leaf.untyped_storage().nbytes() > leaf.nbytes else leaf for leaf in leaves]
        return type(self)._unflatten, (own, sizes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Adjacency):
            return NotImplemented
        if self is other:
            return True
        sizes = (self.num_receivers, self.num_senders, self.num_runs, self.num_graphs)
        if sizes != (other.num_receivers, other.num_senders, other.num_runs, other.num_graphs):
            return False
        there = other.to(self.device)
        same_runs = all(map(torch.equal, self._runs, there._runs))
        return same_runs and (self.num_graphs == 1 or self.same_batch(there))

    def same_batch(self, other: "Adjacency") -> bool:
        """Whether both are cut into graphs at the same nodes."""
        if self._receiver_offsets is None and other._receiver_offsets is None:
            return self.num_receivers == other.num_receivers and self.num_senders == other.num_senders
        return torch.equal(self.receiver_offsets, other.receiver_offsets) and torch.equal(
            self.sender_offsets, other.sender_offsets
        )

    def __hash__(self) -> int:
        return self.remember("hash", self._digest)

    def _digest(self) -> int:
        # Any content would do; weighing by place, wrapping around, reads each array once and is the same everywhere.
        runs = self._runs
        place = torch.arange(1, self.num_runs + 1, device=self.device)
        content = ((runs.start.long() * 0x9E3779B1 + runs.stop) * (2 * place + 1)).sum()
        rows = (runs.offsets * torch.arange(1, self.num_receivers + 2, device=self.device)).sum()
        return hash((self.num_receivers, self.num_senders, self.num_graphs, int(content), int(rows)))

    def __repr__(self) -> str:
        batch = f", batch of {self.num_graphs}" if self._receiver_offsets is not None else ""
        device = f", on {self.device}" if self.device.type != "cpu" else ""
        return (
            f"Graph({self.num_receivers} receivers, {self.num_senders} senders, "
            f"{self.num_edges} edges in {self.num_runs} runs{batch}{device})"
        )


def _plainly(make: Callable[[], T]) -> T:
    """`make()` as if nothing were going on, for what outlasts it.

    A tensor made in inference mode could not be saved for a backward pass later on, and one made inside a transform of
    torch.func is dead when the transform ends.
    """
    with torch.inference_mode(False), temporarily_clear_interpreter_stack():
        return make()
