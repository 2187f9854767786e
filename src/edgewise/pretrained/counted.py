"""How many edges a model hears: by its own masks, and as it is rewired."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from edgewise.graph import Graph
from edgewise.pretrained.own_mask import OwnMask

if TYPE_CHECKING:
    from edgewise.pretrained.rewiring import Told


@dataclass
class Counted:
    """Edges of all heads, layers and examples: by the model's own masks, and as it is rewired."""

    own: int = 0
    heard: int = 0
    masks: "list[tuple[OwnMask, Told, int]]" = field(default_factory=list)  # to be counted, for so many heads

    def settle(self) -> None:
        """Count the masks that have come; they are made into graphs only now, outside of the forward pass."""
        for mask, told, heads in self.masks:
            graph, examples = told.rewiring.graph(mask, None, told, torch.device("cpu"))
            self.own += real_edges(graph, mask) * heads // examples
        self.masks.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.own = self.heard = 0
        self.masks.clear()


def real_edges(graph: Graph, mask: OwnMask) -> int:
    """Edges whose receivers are no padding; of one example where the graph serves them all."""
    if mask.real is None:
        return graph.num_edges
    examples = graph.num_receivers // max(mask.rows, 1)
    real = mask.real[:examples, mask.row_start : mask.row_start + mask.rows]
    return int(graph.degree().cpu()[real.reshape(-1)].sum())
