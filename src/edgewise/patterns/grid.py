"""The pixels of a picture."""

from dataclasses import dataclass

from edgewise.patterns.door import integer
from edgewise.patterns.nodes import Nodes
from edgewise.patterns.pattern import Pattern
from edgewise.patterns.position import Intervals, Position


@dataclass(frozen=True)
class grid(Pattern):
    """Each node of a `height` by `width` grid hears the nodes above, below, left and right of it.

        j -> i   iff   |j // width - p // width| + |j % width - p % width| == 1,   p = i + num_senders - num_receivers

    Node numbers run along the rows: the node in row y and column x is y * width + x. Nobody hears itself
    (`grid(2, 3) | window(0, 0)` adds that), and the edges of the grid are not joined.

    >>> grid(2, 3).build(6).edges()
    (tensor([1, 3, 0, 2, 4, 1, 5, 0, 4, 1, 3, 5, 2, 4]), tensor([0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, 4, 5, 5]))

    The 4-neighbourhood of image processing; `networkx.grid_2d_graph` in row-major order.
    """

    height: int
    width: int

    def __post_init__(self) -> None:
        integer("grid", "height", self.height, 1, "It counts the rows of the grid.")
        integer("grid", "width", self.width, 1, "It counts the columns of the grid.")

    def check(self, nodes: Nodes) -> None:
        """Refuse any number of nodes but height * width."""
        if nodes.num_senders != self.height * self.width:
            raise ValueError(
                f"grid: expected {self.height} * {self.width} = {self.height * self.width} nodes, "
                f"got {nodes.num_senders}"
            )
        nodes.check_one_set("grid")

    def intervals(self, p: Position, n: Position) -> Intervals:
        """Above, left, right, below; none beyond the ends of a row."""
        x = p % self.width
        above, below = p - self.width, p + self.width
        return [
            (above, above + 1),
            (p - 1, p - 1 + (x > 0)),
            (p + 1, p + 1 + (x < self.width - 1)),
            (below, below + 1),
        ]
