"""Who hears whom: indices only."""

from edgewise.graph.graph import Graph
from edgewise.graph.runs import Runs

__all__ = ["Graph", "Runs"]
