"""Every page of configuration, small, and the network of one with nothing left at zero."""

import torch
from torch import nn

from edgewise.models import MODELS, Network, NetworkConfig
from edgewise.part import Part

NODE = {"in_dim": 5, "out_dim": 3, "num_layers": 2}
TEXT = {"dim": 8, "num_heads": 2, "num_layers": 2, "hidden": 12}
PAIRS = {"head": Part("links", {"graph": "edges", "num_heads": 2, "symmetric": False})}
# What each page is called with, and once more, with what else it offers.
ARGUMENTS = {
    "basic": NODE | {"hidden": 4},
    "basic, max": NODE | {"hidden": 4, "aggregator": "max", "num_layers": 3},
    "gcn": NODE | {"hidden": 4},
    "sage": NODE | {"hidden": 4},
    "sage, several": NODE | {"hidden": 4, "aggregator": Part("several", {"of": ["mean", "max"]})},
    "gin": NODE | {"hidden": 6},
    "gin, fixed": NODE | {"hidden": 6, "epsilon": 0.5, "learned": False, "readout": "attention"},
    "gat": NODE | {"hidden": 4, "num_heads": 2},
    "gat, edges": NODE | {"hidden": 4, "num_heads": 2, "out_heads": 3, "edge_dim": 3},
    "gatv2": NODE | {"hidden": 4, "num_heads": 2},
    "gatv2, edges": NODE | {"hidden": 4, "num_heads": 2, "out_heads": 3, "edge_dim": 3},
    "monet": NODE | {"hidden": 4},
    "monet, edges": NODE | {"hidden": 4, "num_kernels": 2, "coordinates": 2},
    "graph_transformer": NODE | {"hidden": 8, "num_heads": 2, "positions": (Part("laplacian", {"count": 3}),)},
    "graph_transformer, edges": NODE
    | {"hidden": 8, "num_heads": 2, "norm": "layer", "positions": (), "edge_dim": 3, "head": "graph"},
    "gps": NODE | {"hidden": 8, "num_heads": 2, "positions": (Part("random_walk", {"steps": 3}),)},
    "gps, edges": NODE | {"hidden": 8, "num_heads": 2, "positions": ("degree",), "edge_dim": 3, "head": "nodes"},
    "graph_network": NODE | {"hidden": 6},
    "graph_network, edges": NODE | {"hidden": 9, "edge_dim": 3, "reduce": "mean"},
    "basic, links": NODE | PAIRS | {"hidden": 4},
    "gcn, links": NODE | PAIRS | {"hidden": 4},
    "sage, links": NODE | PAIRS | {"hidden": 4},
    "gin, links": NODE | PAIRS | {"hidden": 6},
    "gat, links": NODE | PAIRS | {"hidden": 4, "num_heads": 2},
    "gatv2, links": NODE | PAIRS | {"hidden": 4, "num_heads": 2},
    "monet, links": NODE | PAIRS | {"hidden": 4},
    "graph_transformer, links": NODE | PAIRS | {"hidden": 8, "num_heads": 2, "positions": ()},
    "gps, links": NODE | PAIRS | {"hidden": 8, "num_heads": 2, "positions": ()},
    "encoder": TEXT | {"tokens": 11},
    "encoder, before": TEXT | {"tokens": 11, "placement": "pre", "head": Part("nodes", {"out_dim": 3})},
    "encoder, gated convolution": TEXT | {"tokens": 11, "hears": "gated_convolution", "width": 17},
    "encoder, dynamic convolution": TEXT | {"tokens": 11, "hears": "dynamic_convolution", "width": 17},
    "encoder, gaussian": TEXT | {"tokens": 11, "hears": "gaussian"},
    "decoder": TEXT | {"tokens": 11},
    "decoder, after": TEXT | {"tokens": 11, "placement": "post", "tied": False},
    "encoder, all-attention": TEXT | {"tokens": 11, "hidden": 0, "memories": 5},
    "encoder, bare": TEXT | {"tokens": 11, "hidden": 0, "norm": "identity", "score": Part("dot", {"scale": 1.0})},
    "decoder, gated": TEXT
    | {"tokens": 11, "join": Part("gru", {"activation": "relu"}), "layer_dropout": 0.5, "memories": 3},
    "decoder, combined": TEXT | {"tokens": 11, "combination": "linear", "layer_dropout": 0.5},
    "encoder_decoder": TEXT | {"source_tokens": 11, "target_tokens": 13, "num_layers": 1},
    "encoder_decoder, before": TEXT
    | {"source_tokens": 11, "target_tokens": 13, "num_layers": 1, "placement": "pre", "tied": False},
    "gpt2": TEXT | {"tokens": 11, "max_length": 16},
    "bert": TEXT | {"tokens": 11, "max_length": 16},
    "bert, head": TEXT | {"tokens": 11, "max_length": 16, "head": Part("graph", {"out_dim": 3, "graph": "words"})},
    "llama": TEXT | {"tokens": 11},
    "llama, fewer": TEXT | {"tokens": 11, "num_key_value_heads": 1, "rotary_base": 100.0, "tied": True},
}
PAGES: dict[str, NetworkConfig] = {
    name: MODELS[name.partition(",")[0]](**arguments) for name, arguments in ARGUMENTS.items()
}


def network_of(config: NetworkConfig) -> Network:
    """In evaluation, with random biases, norms and running statistics too."""
    torch.manual_seed(0)
    network = Network(config).eval()
    for name, parameter in network.named_parameters():
        if parameter.dim() == 1:
            nn.init.normal_(parameter, 1.0 if "norm" in name and name.endswith("weight") else 0.0, 0.3)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm1d):
            part.running_mean.uniform_(-1, 1)
            part.running_var.uniform_(0.5, 2)
    return network
