"""Norms of node states, chosen by name."""

from jaxtyping import Float
from torch import Tensor, nn


class LayerNorm(nn.LayerNorm):
    """(x - mean) / √(var + ε) · γ + β over the channels of a node. Ba et al. 2016, https://arxiv.org/abs/1607.06450"""

    def __init__(self, dim: int, eps: float = 1e-5, bias: bool = True) -> None:
        super().__init__(dim, eps=eps, bias=bias)


class RMSNorm(nn.RMSNorm):
    """x / √(mean(x²) + ε) · γ over the channels of a node. Zhang & Sennrich 2019, https://arxiv.org/abs/1910.07467"""

    def __init__(self, dim: int, eps: float = 1e-6) -> None:
        super().__init__(dim, eps=eps)


class BatchNorm(nn.BatchNorm1d):
    """(x - mean) / √(var + ε) · γ + β over the nodes of the batch. Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167"""

    def __init__(self, dim: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(dim, eps=eps, momentum=momentum)

    def forward(self, x: Float[Tensor, "*batch nodes dim"]) -> Float[Tensor, "*batch nodes dim"]:
        """Every node of every leading dimension is one of the batch; a node alone is normalised by the running ones."""
        flat = x.reshape(-1, x.shape[-1])
        if self.training and flat.shape[0] < 2:
            return nn.functional.batch_norm(
                flat, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            ).reshape(x.shape)
        return super().forward(flat).reshape(x.shape)


class UnitNorm(nn.Module):
    """x / max(‖x‖₂, 1e-12): every node's state on the unit sphere; nothing is learned.

    GraphSAGE, Hamilton et al. 2017, algorithm 1, line 7, https://arxiv.org/abs/1706.02216
    """

    def __init__(self, dim: int) -> None:
        super().__init__()

    def forward(self, x: Float[Tensor, "*batch nodes dim"]) -> Float[Tensor, "*batch nodes dim"]:
        """The direction alone."""
        return nn.functional.normalize(x, dim=-1)


class Identity(nn.Module):
    """x: no norm at all, where a page of configuration asks for one."""

    def __init__(self, dim: int) -> None:
        super().__init__()

    def forward(self, x: Float[Tensor, "*batch nodes dim"]) -> Float[Tensor, "*batch nodes dim"]:
        """The state as it is."""
        return x


NORMS: dict[str, type[nn.Module]] = {
    "layer": LayerNorm,
    "rms": RMSNorm,
    "batch": BatchNorm,
    "unit": UnitNorm,
    "identity": Identity,
}
