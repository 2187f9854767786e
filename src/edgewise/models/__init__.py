"""Which layers, how many, how wide: the network, and a page of configuration for each published architecture."""

from collections.abc import Callable

from edgewise.models.basic import basic
from edgewise.models.bert import bert
from edgewise.models.combinations import COMBINATIONS
from edgewise.models.config import NetworkConfig
from edgewise.models.embedding import EmbedConfig, Embedding
from edgewise.models.gat import gat
from edgewise.models.gatv2 import gatv2
from edgewise.models.gcn import gcn
from edgewise.models.gin import gin
from edgewise.models.gps import gps
from edgewise.models.gpt2 import gpt2
from edgewise.models.graph_network import graph_network
from edgewise.models.graph_transformer import graph_transformer
from edgewise.models.heads import HEADS
from edgewise.models.hearings import HEARINGS
from edgewise.models.llama import llama
from edgewise.models.monet import monet
from edgewise.models.network import Network
from edgewise.models.sage import sage
from edgewise.models.transformer import decoder, encoder, encoder_decoder

MODELS: dict[str, Callable[..., NetworkConfig]] = {
    "basic": basic,
    "gcn": gcn,
    "sage": sage,
    "gin": gin,
    "gat": gat,
    "gatv2": gatv2,
    "monet": monet,
    "graph_transformer": graph_transformer,
    "gps": gps,
    "graph_network": graph_network,
    "encoder": encoder,
    "decoder": decoder,
    "encoder_decoder": encoder_decoder,
    "gpt2": gpt2,
    "bert": bert,
    "llama": llama,
}

__all__ = [
    "COMBINATIONS",
    "HEADS",
    "HEARINGS",
    "MODELS",
    "EmbedConfig",
    "Embedding",
    "Network",
    "NetworkConfig",
    "basic",
    "bert",
    "decoder",
    "encoder",
    "encoder_decoder",
    "gat",
    "gatv2",
    "gcn",
    "gin",
    "gps",
    "gpt2",
    "graph_network",
    "graph_transformer",
    "llama",
    "monet",
    "sage",
]
