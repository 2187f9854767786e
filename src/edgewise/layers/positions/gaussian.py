"""A Gaussian over distance, added to the logits of edges."""

import math

import torch
from torch import Tensor, nn

from edgewise.graph import Graph
from edgewise.kernels import OffsetTable
from edgewise.layers.positions.places import longest


class GaussianBias(nn.Module):
    """b_ij^h = -(j - p_i)² / (2 σ_h²), with a width σ_h that each head learns.

    σ_h counts nodes. The heads begin spread over scales: σ_1 = `narrowest` … σ_H = `widest`, each as many times the
    one before. With the score "constant" a softmax makes of it the normalised Gaussian of the distance, MoNet's kernel
    on the one coordinate j - p_i; with the score "dot" it is attention that prefers the near.

    MoNet, Monti et al. 2017, equation 11, https://arxiv.org/abs/1611.08402. Differs: the mean is 0, and the kernel is
    normalised over what is heard.
    """

    def __init__(self, num_heads: int, narrowest: float = 1.0, widest: float = 32.0) -> None:
        super().__init__()
        if not 0 < narrowest <= widest:
            raise ValueError(
                f"gaussian: expected 0 < narrowest <= widest, in nodes, got narrowest={narrowest} and widest={widest}"
            )
        self.log_deviation = nn.Parameter(torch.linspace(math.log(narrowest), math.log(widest), num_heads))

    def forward(self, graph: Graph, along: Graph) -> OffsetTable:
        """A table of every distance that the largest graph has."""
        reach = max(longest(graph) - 1, 0)
        squared = graph.remember("squared distances", lambda: _squared(reach, graph.device))
        # In float32 at least: half precision cannot tell far places apart.
        deviation = self.log_deviation.to(torch.promote_types(self.log_deviation.dtype, torch.float32))
        return OffsetTable(-squared[:, None] * (-2 * deviation).exp() / 2, -reach)


def _squared(reach: int, device: torch.device) -> Tensor:
    return torch.arange(-reach, reach + 1, device=device) ** 2
