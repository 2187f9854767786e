"""Where a node stands: added to its state, turned into query and key, or added to the logits of its edges."""

from edgewise.layers.positions.edge_bias import EDGE_BIASES, ALiBi, ShortestPathBias, T5Buckets
from edgewise.layers.positions.gaussian import GaussianBias
from edgewise.layers.positions.node_positions import (
    NODE_POSITIONS,
    DegreePositions,
    LaplacianPositions,
    LearnedPositions,
    RandomWalkPositions,
    SinusoidalPositions,
)
from edgewise.layers.positions.places import receiver_places, sender_places
from edgewise.layers.positions.rotary import ROTARIES, Rotary

__all__ = [
    "EDGE_BIASES",
    "NODE_POSITIONS",
    "ROTARIES",
    "ALiBi",
    "DegreePositions",
    "GaussianBias",
    "LaplacianPositions",
    "LearnedPositions",
    "RandomWalkPositions",
    "Rotary",
    "ShortestPathBias",
    "SinusoidalPositions",
    "T5Buckets",
    "receiver_places",
    "sender_places",
]
