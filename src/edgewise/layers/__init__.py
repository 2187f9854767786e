"""Where structure meets numbers: the layer, and the parts it is made of."""

from edgewise.layers.activations import ACTIVATIONS
from edgewise.layers.aggregators import AGGREGATORS, Aggregator
from edgewise.layers.block import Block, BlockConfig
from edgewise.layers.feed_forward import FeedForward, FeedForwardConfig
from edgewise.layers.graph_network import GraphNetwork, GraphNetworkConfig
from edgewise.layers.hearing import Hearing
from edgewise.layers.joins import JOINS, Join
from edgewise.layers.loudness import Loudness
from edgewise.layers.message_passing import MessagePassing
from edgewise.layers.norms import NORMS
from edgewise.layers.past import Past
from edgewise.layers.positions import EDGE_BIASES, NODE_POSITIONS, ROTARIES
from edgewise.layers.readouts import READOUTS
from edgewise.layers.recurrent import RECURRENCES, Recurrent, RecurrentConfig
from edgewise.layers.roots import ROOTS
from edgewise.layers.score import Score
from edgewise.layers.scores import SCORES
from edgewise.layers.state import NODES, State, node_sets
from edgewise.layers.sublayer import Sublayer

__all__ = [
    "ACTIVATIONS",
    "AGGREGATORS",
    "EDGE_BIASES",
    "JOINS",
    "NODES",
    "NODE_POSITIONS",
    "NORMS",
    "READOUTS",
    "RECURRENCES",
    "ROOTS",
    "ROTARIES",
    "SCORES",
    "Aggregator",
    "Block",
    "BlockConfig",
    "FeedForward",
    "FeedForwardConfig",
    "GraphNetwork",
    "GraphNetworkConfig",
    "Hearing",
    "Join",
    "Loudness",
    "MessagePassing",
    "Past",
    "Recurrent",
    "RecurrentConfig",
    "Score",
    "State",
    "Sublayer",
    "node_sets",
]
