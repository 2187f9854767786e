"""Activations, chosen by name."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Numbers = Float[Tensor, "..."]


def gelu(x: Numbers) -> Numbers:
    """x Φ(x), Φ being the normal distribution function. Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415."""
    return functional.gelu(x)


def gelu_tanh(x: Numbers) -> Numbers:
    """½ x (1 + tanh(√(2/π) (x + 0.044715 x³))): GELU as GPT-2 computes it."""
    return functional.gelu(x, approximate="tanh")


def leaky_relu(x: Numbers) -> Numbers:
    """x where it is positive, 0.01 x elsewhere."""
    return functional.leaky_relu(x)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "silu": functional.silu,
    "elu": functional.elu,
    "leaky_relu": leaky_relu,
    "tanh": functional.tanh,
    "sigmoid": functional.sigmoid,
}
"""max(0, x), x Φ(x), x σ(x), and the others of `torch.nn.functional`."""
