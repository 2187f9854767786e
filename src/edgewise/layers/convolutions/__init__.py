"""Drop-in layers: PyG's convolutions by their names and arguments, each one message passing of ours."""

from edgewise.layers.convolutions.convolution import Convolution
from edgewise.layers.convolutions.gat import GATConv
from edgewise.layers.convolutions.gatv2 import GATv2Conv
from edgewise.layers.convolutions.gcn import GCNConv
from edgewise.layers.convolutions.gin import GINConv
from edgewise.layers.convolutions.gmm import GMMConv
from edgewise.layers.convolutions.sage import SAGEConv
from edgewise.layers.convolutions.transformer import TransformerConv

__all__ = [
    "Convolution",
    "GATConv",
    "GATv2Conv",
    "GCNConv",
    "GINConv",
    "GMMConv",
    "SAGEConv",
    "TransformerConv",
]
