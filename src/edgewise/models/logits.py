"""Logits of a vocabulary before they are multiplied out, for a loss that goes through them a stretch at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class Logits:
    """y_i = W h_i, one number per token of the vocabulary, as its factors h [nodes, dim] and W [tokens, dim].

    Where there are many tokens, y and its gradient are the largest arrays of a training step, by far; a loss that needs
    each row but once need not have them (`edgewise.training.factored_cross_entropy`).

    >>> import torch
    >>> logits = Logits(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 1.0]]))
    >>> logits[torch.tensor([1])].multiplied()
    tensor([[7.]])
    """

    def __init__(self, states: Float[Tensor, "*batch nodes dim"], weight: Float[Tensor, "tokens dim"]) -> None:
        self.states, self.weight = states, weight

    @property
    def shape(self) -> torch.Size:
        """As if it were multiplied out."""
        return torch.Size([*self.states.shape[:-1], len(self.weight)])

    def __getitem__(self, rows: Int[Tensor, " asked"] | slice) -> "Logits":
        """Those of some nodes."""
        return Logits(self.states[rows], self.weight)

    def multiplied(self) -> Float[Tensor, "*batch nodes tokens"]:
        """The numbers themselves."""
        return nn.functional.linear(self.states, self.weight)


class GivesLogits(nn.Module):
    """A head whose answer is a product, which it leaves undone within `factored`.

    Only a head that says `leaves_undone` itself does: what a subclass makes of an answer, it makes of numbers.
    """

    leaves_undone = False
    factored = False

    def answer(self, states: Float[Tensor, "*batch nodes dim"], project: nn.Module) -> Tensor | Logits:
        """W h_i, as factors where they are asked for, W is plain and nobody watches; else what `project` says.

        Not under autocast: there a product is taken where its precision is told.
        """
        plain = (
            type(project) is nn.Linear
            and getattr(project, "bias", None) is None
            and not (_watched(project) or _watched(self))
        )
        if self.factored and plain and not torch.is_autocast_enabled(states.device.type):
            assert isinstance(project, nn.Linear)
            return Logits(states, project.weight)
        said: Tensor = project(states)
        return said


def _watched(module: nn.Module) -> bool:
    """Whether somebody hooks into its calls."""
    return bool(module._forward_hooks or module._forward_pre_hooks or module._backward_hooks)


@contextmanager
def factored(network: nn.Module) -> Iterator[None]:
    """In here the answer of a network is `Logits`, if its head can leave its product undone; else it is as ever.

    >>> import torch
    >>> from edgewise.models import Network, decoder
    >>> from edgewise.patterns import Sequences
    >>> network = Network(decoder(5, dim=8, num_heads=2, num_layers=1, hidden=8))
    >>> with factored(network):
    ...     logits = network(Sequences([3]), torch.tensor([0, 1, 2]))
    >>> logits.states.shape, logits.weight.shape
    (torch.Size([3, 8]), torch.Size([5, 8]))
    """
    head = getattr(network, "head", None)
    if not isinstance(head, GivesLogits) or not vars(type(head)).get("leaves_undone"):
        yield
        return
    head.factored = True
    try:
        yield
    finally:
        head.factored = False
