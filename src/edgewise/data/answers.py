"""What is asked of a network: one class, several labels, or numbers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

UNKNOWN = -1  # the class of a node that is heard and never asked about


@dataclass(frozen=True)
class Answer(ABC):
    """A name for each of a network's outputs, and how outputs and targets meet.

    Targets have a row an example. `known` says which of their entries somebody knows; the rest is never asked about.
    """

    names: tuple[str, ...]

    @property
    def out_dim(self) -> int:
        return len(self.names)

    @abstractmethod
    def check(self, targets: Tensor, examples: int, where: str) -> None:
        """Refuse targets of another kind, or not one for each of so many examples."""

    @abstractmethod
    def known(self, targets: Tensor) -> Tensor:
        """True where a target is known, entry by entry."""

    @abstractmethod
    def unknown(self, examples: int) -> Tensor:
        """Targets of so many examples of which nobody knows anything."""

    @abstractmethod
    def said(self, outputs: Tensor) -> Tensor:
        """What the outputs say: probabilities, or numbers in the units of the targets."""

    def to_learn(self, targets: Tensor) -> Tensor:
        """The targets as an objective compares them with outputs."""
        return targets

    def kept(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What is kept of outputs when they have been held against targets, a row an example: here, all."""
        return outputs

    @abstractmethod
    def described(self) -> str:
        """How many of what, for the report."""

    def as_table(self) -> dict[str, Any]:
        """All there is to it, in words and numbers that JSON has."""
        return {"kind": type(self).__name__.lower(), "names": list(self.names)}


class OneOf(Answer):
    """One of several: targets [examples], int64, a number of a name; -1 is unknown.

    p_c = exp(y_c) / Σ_d exp(y_d)
    """

    def check(self, targets: Tensor, examples: int, where: str) -> None:
        if targets.dtype != torch.int64:
            raise TypeError(f"{where}: expected targets in int64, got {targets.dtype}")
        if targets.shape != (examples,):
            raise ValueError(f"{where}: expected one target an example, [{examples}], got {list(targets.shape)}")
        if examples and not UNKNOWN <= int(targets.min()) <= int(targets.max()) < self.out_dim:
            raise ValueError(
                f"{where}: expected targets from 0 to {self.out_dim - 1}, one for each of {self.out_dim} class names,"
                f" or -1 where unknown, got {int(targets.min())} to {int(targets.max())}"
            )

    def known(self, targets: Tensor) -> Tensor:
        return targets != UNKNOWN

    def unknown(self, examples: int) -> Tensor:
        return torch.full((examples,), UNKNOWN)

    def said(self, outputs: Tensor) -> Tensor:
        return outputs.softmax(dim=-1)


class Classes(OneOf):
    """One of several classes, as `OneOf` has it.

    >>> Classes(("bread", "milk")).said(torch.zeros(1, 2))
    tensor([[0.5000, 0.5000]])
    """

    def described(self) -> str:
        return f"{self.out_dim} classes"


class Tokens(OneOf):
    """One token of a vocabulary, as `OneOf` has it. So many are asked, of so many, that outputs are not kept.

    Kept is what can be said of each: [-log p of the token, 1 where it was the likeliest and 0 elsewhere].

    >>> Tokens(("bread", "milk")).kept(torch.zeros(1, 2), torch.tensor([1]))
    tensor([[0.6931, 0.0000]])
    """

    def kept(self, outputs: Tensor, targets: Tensor) -> Tensor:
        nats = torch.nn.functional.cross_entropy(outputs.float(), targets, reduction="none")
        return torch.stack([nats, (outputs.argmax(dim=-1) == targets).float()], dim=-1)

    def described(self) -> str:
        return f"1 of {self.out_dim} tokens"


class Labels(Answer):
    """Any of several labels: targets [examples, labels], 0 or 1 in floating point; NaN is unknown.

        p_l = 1 / (1 + exp(-y_l))

    >>> Labels(("toxic", "soluble")).known(torch.tensor([[1.0, float("nan")]]))
    tensor([[ True, False]])
    """

    def check(self, targets: Tensor, examples: int, where: str) -> None:
        _check_table(targets, examples, self.names, "label", where)
        wrong = (~targets.isnan() & (targets != 0) & (targets != 1)).nonzero()
        if len(wrong):
            row, column = wrong[0].tolist()
            raise ValueError(
                f"{where}: expected labels of 0 or 1, or NaN where unknown, got {targets[row, column].item()} at"
                f" example {row}, label {self.names[column]!r}"
            )

    def known(self, targets: Tensor) -> Tensor:
        return ~targets.isnan()

    def unknown(self, examples: int) -> Tensor:
        return torch.full((examples, self.out_dim), torch.nan)

    def said(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid()

    def described(self) -> str:
        return "1 label" if self.out_dim == 1 else f"{self.out_dim} labels"


@dataclass(frozen=True)
class Linked(Labels):
    """Whether a pair is linked: one label, asked of pairs.

    >>> Linked().as_table()
    {'kind': 'linked', 'names': ['linked']}
    """

    names: tuple[str, ...] = ("linked",)

    def described(self) -> str:
        return "links to say"


@dataclass(frozen=True)
class Numbers(Answer):
    """Numbers: targets [examples, numbers] in their own units, NaN where unknown; learned in standard deviations.

        number_k = mean_k + scale_k y_k

    >>> Numbers(("price",), mean=(10.0,), scale=(2.0,)).said(torch.tensor([[0.5]]))
    tensor([[11.]])
    """

    mean: tuple[float, ...] = ()  # one a number; zeros unless given
    scale: tuple[float, ...] = ()  # one a number; ones unless given

    def __post_init__(self) -> None:
        for name, default in (("mean", 0.0), ("scale", 1.0)):
            given = tuple(getattr(self, name)) or (default,) * self.out_dim
            object.__setattr__(self, name, given)
            if len(given) != self.out_dim:
                raise ValueError(f"Numbers: expected {name} for each of {', '.join(self.names)}, got {len(given)}")

    @classmethod
    def standardised(cls, names: Sequence[str], targets: Tensor) -> "Numbers":
        """With mean and deviation of these targets: those of the training part, and no others."""
        columns = [column[~column.isnan()].double() for column in targets.unbind(1)]
        deviations = [float(column.std(correction=0)) if len(column) else 0.0 for column in columns]
        return cls(
            tuple(names),
            mean=tuple(float(column.mean()) if len(column) else 0.0 for column in columns),
            scale=tuple(deviation if deviation > 0 else 1.0 for deviation in deviations),
        )

    def check(self, targets: Tensor, examples: int, where: str) -> None:
        _check_table(targets, examples, self.names, "number", where)
        wrong = targets.isinf().nonzero()
        if len(wrong):
            row, column = wrong[0].tolist()
            raise ValueError(
                f"{where}: expected finite numbers to learn, or NaN where unknown, got {targets[row, column].item()} at"
                f" example {row}, number {self.names[column]!r}"
            )

    def known(self, targets: Tensor) -> Tensor:
        return ~targets.isnan()

    def unknown(self, examples: int) -> Tensor:
        return torch.full((examples, self.out_dim), torch.nan)

    def said(self, outputs: Tensor) -> Tensor:
        return outputs * outputs.new_tensor(self.scale) + outputs.new_tensor(self.mean)

    def to_learn(self, targets: Tensor) -> Tensor:
        return (targets - targets.new_tensor(self.mean)) / targets.new_tensor(self.scale)

    def described(self) -> str:
        return "1 number to say" if self.out_dim == 1 else f"{self.out_dim} numbers to say"

    def as_table(self) -> dict[str, Any]:
        return {**super().as_table(), "mean": list(self.mean), "scale": list(self.scale)}


def _check_table(targets: Tensor, examples: int, names: Sequence[str], what: str, where: str) -> None:
    if not targets.is_floating_point():
        raise TypeError(f"{where}: expected {what}s in floating point, NaN where unknown, got {targets.dtype}")
    if targets.shape != (examples, len(names)):
        raise ValueError(
            f"{where}: expected a row of {len(names)} {what}s an example, [{examples}, {len(names)}], got"
            f" {list(targets.shape)}"
        )
