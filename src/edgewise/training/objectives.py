"""What a network is asked to make small."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from edgewise.data import Answer, Classes, Labels, Numbers, Tokens
from edgewise.models.logits import Logits
from edgewise.training.factored_cross_entropy import factored_cross_entropy, worth_factoring
from edgewise.training.wide_cross_entropy import is_wide, wide_cross_entropy


@dataclass(frozen=True)
class Objective:
    """`loss(outputs, targets)`, smaller is better, with a gradient; `answers`: the kinds of answer that it is for.

    The loss is a mean over the targets that are known, so that batches and devices can be put together.
    `smoothed(outputs, targets, share)` is the same of labels that are `label_smoothing` less sure; None: it has none.
    `factored(logits, targets)` is the same loss of a product that has not been taken; None: outputs are multiplied out.
    """

    loss: Callable[[Tensor, Tensor], Tensor]
    answers: tuple[type[Answer], ...]
    smoothed: Callable[[Tensor, Tensor, float], Tensor] | None = None
    factored: Callable[[Logits, Tensor], Tensor] | None = None


def cross_entropy(outputs: Float[Tensor, "examples classes"], targets: Int[Tensor, " examples"]) -> Float[Tensor, ""]:
    """-(1/N) Σ_i log softmax(y_i)_(class of i).

    >>> import torch
    >>> cross_entropy(torch.zeros(1, 2), torch.tensor([1]))
    tensor(0.6931)
    """
    if is_wide(outputs, targets):
        return wide_cross_entropy(outputs, targets)
    return functional.cross_entropy(outputs, targets)


def cross_entropy_of_factors(logits: Logits, targets: Int[Tensor, " examples"]) -> Float[Tensor, ""]:
    """The same of logits y_i = W h_i, which are multiplied out only where they are few, or on another device.

    >>> import torch
    >>> cross_entropy_of_factors(Logits(torch.zeros(1, 3), torch.ones(2, 3)), torch.tensor([1]))
    tensor(0.6931)
    """
    if worth_factoring(logits, targets):
        return factored_cross_entropy(logits, targets)
    return cross_entropy(logits.multiplied(), targets)


def smoothed_cross_entropy(
    outputs: Float[Tensor, "examples classes"], targets: Int[Tensor, " examples"], share: float
) -> Float[Tensor, ""]:
    """-(1/N) Σ_i Σ_c q_ic log softmax(y_i)_c, q_ic = share / C, and 1 - share more where c is the class of i.

    C counts classes; the right one keeps a little of the share, too. With a share of 0 it is `cross_entropy`.

    Inception, Szegedy et al. 2016, section 7, https://arxiv.org/abs/1512.00567; share = 0.1 there and in Vaswani et al.
    2017, section 5.4, https://arxiv.org/abs/1706.03762

    >>> import torch
    >>> smoothed_cross_entropy(torch.tensor([[0.0, 100.0]]), torch.tensor([1]), 0.1)
    tensor(5.)
    """
    return functional.cross_entropy(outputs, targets, label_smoothing=share)


def binary_cross_entropy(
    outputs: Float[Tensor, "examples labels"], targets: Float[Tensor, "examples labels"]
) -> Float[Tensor, ""]:
    """The mean of -t log σ(y) - (1 - t) log(1 - σ(y)) over all labels that are known; NaN is unknown.

    >>> import torch
    >>> binary_cross_entropy(torch.zeros(1, 2), torch.tensor([[1.0, float("nan")]]))
    tensor(0.6931)
    """
    known = ~targets.isnan()
    return functional.binary_cross_entropy_with_logits(outputs[known], targets[known].to(outputs.dtype))


def mean_squared_error(
    outputs: Float[Tensor, "examples numbers"], targets: Float[Tensor, "examples numbers"]
) -> Float[Tensor, ""]:
    """The mean of (y - t)² over all numbers that are known, in standard deviations; NaN is unknown.

    >>> import torch
    >>> mean_squared_error(torch.zeros(1, 2), torch.tensor([[3.0, float("nan")]]))
    tensor(9.)
    """
    known = ~targets.isnan()
    return functional.mse_loss(outputs[known], targets[known].to(outputs.dtype))


OBJECTIVES: dict[str, Objective] = {
    "cross_entropy": Objective(cross_entropy, (Classes, Tokens), smoothed_cross_entropy, cross_entropy_of_factors),
    "binary_cross_entropy": Objective(binary_cross_entropy, (Labels,)),
    "mean_squared_error": Objective(mean_squared_error, (Numbers,)),
}
