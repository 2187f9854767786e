"""What the edges say of the nodes: eigenvectors, walks, distances."""

from edgewise.graph.structure.laplacian import laplacian_eigenvectors
from edgewise.graph.structure.random_walk import random_walk_return
from edgewise.graph.structure.shortest_path import shortest_path_lengths

__all__ = ["laplacian_eigenvectors", "random_walk_return", "shortest_path_lengths"]
