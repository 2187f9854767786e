"""Tiny random peers, and batches as each side wants them: theirs padded to one length, ours packed."""

import torch
from torch import Tensor, nn

from edgewise.models import Network

LENGTHS = [5, 1, 8, 3]
REAL = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]  # which positions of the padded batch are words


def shaken(module: nn.Module) -> nn.Module:
    """The module with every parameter moved, so that no bias is 0 and no norm is 1; dropout off."""
    with torch.no_grad():
        for p in module.parameters():
            p += 0.2 * torch.randn_like(p)
    return module.eval()


def gradients(module: nn.Module, out: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """d Σ out · weights / d parameter, by the names of the state; parameters that the output does not see left out."""
    module.zero_grad()
    (out * weights).sum().backward()
    return {name: p.grad.clone() for name, p in module.state_dict(keep_vars=True).items() if p.grad is not None}


def ours_of(hugging_face, model: nn.Module, **options) -> Network:
    """Our network with the numbers of their model."""
    config = hugging_face.config_from_hf(model.config)
    network = Network(config).eval()
    network.load_state_dict(hugging_face.from_hf(model.state_dict(), config, **options))
    return network


def mask_of(graph) -> Tensor:
    """What their layers add to the logits of a graph."""
    return torch.zeros(1, 1, *graph.dense().shape).masked_fill(~graph.dense(), -torch.inf)
