"""Parents and children."""

from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise.graph import Graph
from edgewise.patterns.door import integer
from edgewise.patterns.nodes import Nodes
from edgewise.patterns.pattern import Pattern
from edgewise.patterns.position import Intervals, Position


@dataclass(frozen=True)
class tree(Pattern):
    """Each node hears its parent and its children.

        j -> i   iff   parent(j) == p  or  parent(p) == j,   p = i + num_senders - num_receivers
                       parent(j) = (j - 1) // arity for j > 0,  or as given: heads[j]

    `arity` counts the children of a node; nodes are numbered level by level, node 0 is the root. Without it `build`
    is given `tree`, the head of each node, -1 for a root. Several roots make a forest. Nobody hears itself.

    >>> tree(2).build(4).edges()
    (tensor([1, 2, 0, 3, 0, 1]), tensor([0, 0, 1, 1, 2, 3]))
    >>> tree().build(3, tree=[1, -1, 1]).edges()
    (tensor([1, 0, 2, 1]), tensor([0, 1, 1, 2]))

    Attention along a dependency tree, Zhang et al. 2018, https://arxiv.org/abs/1809.10185
    Differs: theirs prunes the tree around two entities and adds self-loops (`tree | window(0, 0)`).
    """

    arity: int | None = None

    def __post_init__(self) -> None:
        if self.arity is not None:
            integer("tree", "arity", self.arity, 1, "It counts the children of a node.")

    @property
    def needs(self) -> frozenset[str]:
        """The heads, where no arity says who is whose parent."""
        return frozenset({"tree"}) if self.arity is None else frozenset()

    def check(self, nodes: Nodes) -> None:
        """Refuse heads that are no tree of these nodes."""
        super().check(nodes)
        nodes.check_one_set("tree")
        if self.arity is None and nodes.tree is not None:
            check_heads(nodes.tree, nodes.num_senders)

    def intervals(self, p: Position, n: Position) -> Intervals | None:
        """The parent and the run of children; none by position where the heads are given."""
        if self.arity is None:
            return None
        parent, child = (p - 1) // self.arity, p * self.arity + 1
        return [(parent, parent + 1), (child, child + self.arity)]

    def graph(self, nodes: Nodes) -> Graph:
        """An edge each way between a node and its head."""
        assert nodes.tree is not None
        node = (nodes.tree >= 0).nonzero().squeeze(1)
        head = nodes.tree[node]
        senders, receivers = torch.cat([head, node]), torch.cat([node, head]) - nodes.first
        here = receivers >= 0
        return Graph.from_edges(
            senders[here], receivers[here], num_senders=nodes.num_senders, num_receivers=nodes.num_receivers
        )


def check_heads(heads: Int64[Tensor, "nodes"], count: int) -> None:
    """Refuse heads of other nodes than these, and heads that go round in a circle."""
    if len(heads) != count:
        raise ValueError(f"tree: expected a head for each of the {count} nodes, got {len(heads)} heads")
    outside = (heads < -1) | (heads >= count)
    if bool(outside.any()):
        node = int(outside.to(torch.int8).argmax())
        raise IndexError(
            f"tree: the head of node {node} is {int(heads[node])}; heads must lie between 0 and {count - 1}, "
            "or be -1 for a root"
        )
    at = circular(heads)
    if at is not None:
        raise ValueError(
            f"tree: node {at} is its own ancestor; heads must not go round in a circle, and a root's head is -1"
        )


def circular(heads: Int64[Tensor, "nodes"]) -> int | None:
    """A node that is its own ancestor; None where the heads form a forest.

    >>> circular(torch.tensor([-1, 2, 1])), circular(torch.tensor([1, -1, 1]))
    (2, None)
    """
    # Doubling: after k rounds this is the ancestor 2**k levels up, and a tree has fewer than `count` levels.
    ancestor = heads
    for _ in range(len(heads).bit_length()):
        ancestor = torch.where(ancestor < 0, ancestor, ancestor[ancestor])
    node = int(ancestor.max()) if len(heads) else -1
    return None if node < 0 else node
