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
        """Every node of every leading dimension counts as one of the batch; one node alone keeps the running statistics."""
        flat = x.reshape(-1, x.shape[-1])
        if self.training and flat.shape[0] < 2:
            return nn.functional.batch_norm(
                flat, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            ).reshape(x.shape)
        return super().forward(flat).reshape(x.shape)


NORMS: dict[str, type[nn.Module]] = {"layer": LayerNorm, "rms": RMSNorm, "batch": BatchNorm}
