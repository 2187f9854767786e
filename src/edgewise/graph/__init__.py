"""Who hears whom: indices only."""

from edgewise.graph.graph import Graph
from edgewise.graph.runs import Runs
from edgewise.graph.structure import laplacian_eigenvectors, random_walk_return, shortest_path_lengths

__all__ = ["Graph", "Runs", "laplacian_eigenvectors", "random_walk_return", "shortest_path_lengths"]
