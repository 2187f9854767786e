"""What a pattern is told about the nodes it is laid on."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float, Int64, Shaped
from torch import Tensor

from edgewise.graph.runs import check_count
from edgewise.patterns.door import integers, pairs

# Every word after `build(num_receivers, num_senders, ` and what stands behind it.
GIVEN = {
    "lengths": "the number of nodes in each block, one after another",
    "features": "one row of numbers a sender",
    "tree": "the head of each node, -1 for a root",
    "spans": "pairs of nodes, from start up to before stop",
    "links": "the label of each node, -1 for none",
}


@dataclass(frozen=True, eq=False)
class Nodes:
    """The nodes of one graph: how many there are, and whatever else a pattern said that it needs.

    Receiver i stands at position `i + num_senders - num_receivers`: the last receiver is the last sender.
    """

    num_receivers: int
    num_senders: int
    lengths: Int64[Tensor, "blocks"] | None = None
    features: Float[Tensor, "senders channels"] | None = None
    tree: Int64[Tensor, "senders"] | None = None
    spans: Int64[Tensor, "spans 2"] | None = None
    links: Int64[Tensor, "senders"] | None = None

    @classmethod
    def of(
        cls,
        num_receivers: int,
        num_senders: int | None = None,
        *,
        lengths: Sequence[int] | Shaped[Tensor, "..."] | None = None,
        features: Float[Tensor, "senders channels"] | None = None,
        tree: Sequence[int] | Shaped[Tensor, "..."] | None = None,
        spans: Sequence[Sequence[int]] | Shaped[Tensor, "..."] | None = None,
        links: Sequence[int] | Shaped[Tensor, "..."] | None = None,
    ) -> "Nodes":
        """The nodes as people name them: one number where receivers and senders are the same, lists for tensors."""
        check_count(num_receivers, "num_receivers", "build")
        if num_senders is None:
            num_senders = num_receivers
        else:
            check_count(num_senders, "num_senders", "build")
        if lengths is not None:
            lengths = integers("build", "lengths", lengths, f"Give {GIVEN['lengths']}.")
        if tree is not None:
            tree = integers("build", "tree", tree, f"Give {GIVEN['tree']}.")
        if features is not None and len(features) != num_senders:
            raise ValueError(
                f"build: features must have one row for each of the {num_senders} senders, got {len(features)}"
            )
        if spans is not None:
            spans = pairs("build", "spans", spans, f"Give {GIVEN['spans']}.")
        if links is not None:
            links = integers("build", "links", links, f"Give {GIVEN['links']}.")
        return cls(num_receivers, num_senders, lengths, features, tree, spans, links)

    @property
    def given(self) -> list[str]:
        """The names of what was given besides the two numbers."""
        return [name for name in GIVEN if getattr(self, name) is not None]

    @property
    def first(self) -> int:
        """The position of receiver 0: how many senders came before the first receiver."""
        return self.num_senders - self.num_receivers

    def check_one_set(self, where: str) -> None:
        """Refuse receivers that stand before the first sender, for rules that join nodes of one set."""
        if self.first < 0:
            raise ValueError(
                f"{where}: num_receivers must be at most num_senders={self.num_senders}, got {self.num_receivers}; "
                "the receivers are the last of the nodes"
            )
