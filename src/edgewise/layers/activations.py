"""Activations, chosen by name."""

from collections.abc import Callable
from functools import partial

from torch import Tensor
from torch.nn import functional

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "gelu_tanh": partial(functional.gelu, approximate="tanh"),
    "silu": functional.silu,
    "elu": functional.elu,
    "leaky_relu": functional.leaky_relu,
    "tanh": functional.tanh,
    "sigmoid": functional.sigmoid,
}
"""max(0, x), x·Φ(x) (exact, or GPT-2's tanh form), x·σ(x), and the others of `torch.nn.functional`."""
