"""Who hears whom: indices only."""

from edgewise.graph.density import density
from edgewise.graph.graph import Graph
from edgewise.graph.picture import draw, picture
from edgewise.graph.runs import Runs
from edgewise.graph.structure import laplacian_eigenvectors, random_walk_return, shortest_path_lengths
from edgewise.graph.summary import Summary, summary

__all__ = [
    "Graph",
    "Runs",
    "Summary",
    "density",
    "draw",
    "laplacian_eigenvectors",
    "picture",
    "random_walk_return",
    "shortest_path_lengths",
    "summary",
]
