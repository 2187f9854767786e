"""Positions that turn queries and keys."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class Rotary(nn.Module):
    """q_p -> R(p) q_p and k_p -> R(p) k_p, so that q·k depends on the distance of their places only.

    R(p) turns channels (c, c + D/2) by the angle p · base^(-2c/D), for c = 0 … D/2 - 1.

    RoFormer, Su et al. 2021, https://arxiv.org/abs/2104.09864. Differs: pairs are half a head apart, as in Llama's
    released code, not neighbours as in the paper.
    """

    def __init__(self, head_dim: int, base: float = 10000.0) -> None:
        super().__init__()
        if head_dim % 2:
            raise ValueError(f"rotary: turns pairs of channels, so the head dim must be even, got {head_dim}")
        self.base = base

    def forward(
        self,
        query: Float[Tensor, "*batch receivers heads dim"],
        key: Float[Tensor, "*batch new kv_heads dim"],
        query_places: Int[Tensor, "receivers"],
        key_places: Int[Tensor, "new"],
    ) -> tuple[Float[Tensor, "*batch receivers heads dim"], Float[Tensor, "*batch new kv_heads dim"]]:
        """Both turned, each node by the place it has in its graph."""
        return self.turned(query, query_places), self.turned(key, key_places)

    def turned(
        self, x: Float[Tensor, "*batch nodes heads dim"], places: Int[Tensor, "nodes"]
    ) -> Float[Tensor, "*batch nodes heads dim"]:
        """Each node turned by its place."""
        # Angles in float32 or better: half precision cannot tell far places apart.
        D, dtype = x.shape[-1], torch.promote_types(x.dtype, torch.float32)
        exponent = torch.arange(0, D, 2, device=x.device).to(dtype) / D
        angle = places[:, None] * (1.0 / self.base**exponent)
        cosine, sine = angle.cos().to(x.dtype)[:, None], angle.sin().to(x.dtype)[:, None]
        left, right = x.chunk(2, dim=-1)
        return torch.cat([left * cosine - right * sine, right * cosine + left * sine], dim=-1)


ROTARIES: dict[str, type[nn.Module]] = {"rotary": Rotary}
