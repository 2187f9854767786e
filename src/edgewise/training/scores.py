"""What people read instead of the loss: torchmetrics, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edgewise.data import Answer, Classes, Labels, Numbers, Task, Tokens
from edgewise.data.parts import PARTS
from edgewise.extras import require
from edgewise.training.hits_at import HitsAt


@dataclass(frozen=True)
class Score:
    """`make(answer)` gives a torchmetrics.Metric; it hears probabilities, or numbers in the units of the targets."""

    make: Callable[[Answer], Any]
    answers: tuple[type[Answer], ...]  # the kinds of answer that it is for
    larger_is_better: bool = True
    percent: bool = True  # how it is written
    wants_all: bool = False  # whether every class, or both values of a label, must occur where it is taken
    least_negatives: int = 0  # how many examples without a label there must be where it is taken
    of_loss: Callable[[float], float] | None = None  # what it is by the mean cross-entropy alone, where that says it

    def written(self, value: float) -> str:
        """The value as people read it."""
        return f"{100 * value:.1f} %" if self.percent else f"{value:.4f}"

    def taken(self, answer: Answer, outputs: Tensor, targets: Tensor) -> float:
        """The value, of all outputs at once."""
        metric = self.make(answer)
        metric.update(*heard(answer, outputs, targets))
        return float(metric.compute())

    def check(self, task: Task, name: str) -> None:
        """Refuse a task on which the score has no value."""
        for part in PARTS if task.learns else ("test",):
            hindrance = self.hindrance(task, part)
            if hindrance:
                raise ValueError(f"{task.name}: {name} needs {hindrance}; take another split, or watch something else")

    def hindrance(self, task: Task, part: str) -> str:
        """What a part would have to have for the score to have a value; nothing where it has one."""
        if not (self.wants_all or self.least_negatives):
            return ""
        targets = task.asked(part)
        if self.least_negatives:
            fewest = int((targets == 0).sum(0).min())
            few = fewest < self.least_negatives
            return f"{self.least_negatives} negatives in every part, and the {part} part has {fewest}" if few else ""
        if isinstance(task.answer, Classes):
            absent = (torch.bincount(targets, minlength=task.answer.out_dim) == 0).nonzero()
            if len(absent):
                name = task.answer.names[int(absent[0])]
                return f"every class in every part, and the {part} part has no {name!r}"
            return ""
        for column, label in zip(targets.unbind(1), task.answer.names, strict=True):
            values = column[~column.isnan()].unique().tolist()
            if len(values) < 2:
                all_are = values[0] if values else "unknown"
                return f"labels of both kinds in every part, and in the {part} part all of {label!r} are {all_are}"
        return ""


def accuracy(answer: Answer) -> Any:
    """The share of examples whose likeliest class is theirs; of labels, of those that are known and rightly said."""
    if isinstance(answer, Classes):
        return _of("MulticlassAccuracy", num_classes=answer.out_dim, average="micro")
    return _of("MultilabelAccuracy", num_labels=answer.out_dim, average="micro", ignore_index=-1)


def f1(answer: Answer) -> Any:
    """2 P R / (P + R): the mean over classes (macro); of labels, of all of them together (micro)."""
    if isinstance(answer, Classes):
        return _of("MulticlassF1Score", num_classes=answer.out_dim, average="macro")
    return _of("MultilabelF1Score", num_labels=answer.out_dim, average="micro", ignore_index=-1)


def roc_auc(answer: Answer) -> Any:
    """P(a positive example is thought likelier than a negative one): the mean over classes, or over labels."""
    if isinstance(answer, Classes):
        return _of("MulticlassAUROC", num_classes=answer.out_dim, average="macro")
    return _of("MultilabelAUROC", num_labels=answer.out_dim, average="macro", ignore_index=-1)


def average_precision(answer: Answer) -> Any:
    """Σ_n (R_n - R_(n-1)) P_n down the ranking: precision where each positive is found; the mean as in `roc_auc`."""
    if isinstance(answer, Classes):
        return _of("MulticlassAveragePrecision", num_classes=answer.out_dim, average="macro")
    return _of("MultilabelAveragePrecision", num_labels=answer.out_dim, average="macro", ignore_index=-1)


def hits(k: int) -> Callable[[Answer], Any]:
    """The share of positives that are thought likelier than the K-th likeliest negative: the mean over labels.

    Hu et al. 2020, Open Graph Benchmark, section 4.2, https://arxiv.org/abs/2005.00687; differs: with fewer than K
    negatives there it is 1, here an error.
    """

    def make(answer: Answer) -> Any:
        """As `hits` says."""
        return HitsAt(k)

    make.__doc__ = hits.__doc__
    return make


def perplexity(answer: Answer) -> Any:
    """exp(mean of -log p of the token that is there): per token, so that tokenisers are part of it."""
    return require("torchmetrics.text", extra="train").Perplexity()


def rmse(answer: Answer) -> Any:
    """√ mean (said - target)², over all numbers that are known, in their units."""
    return require("torchmetrics", extra="train").MeanSquaredError(squared=False)


def mae(answer: Answer) -> Any:
    """mean |said - target|, over all numbers that are known, in their units."""
    return require("torchmetrics", extra="train").MeanAbsoluteError()


def _exp(loss: float) -> float:
    """As PyTorch has it: of what is too large, infinity."""
    return float(torch.tensor(loss, dtype=torch.float64).exp())


SCORES: dict[str, Score] = {
    "accuracy": Score(accuracy, (Classes, Labels)),
    "f1": Score(f1, (Classes, Labels)),
    "roc_auc": Score(roc_auc, (Classes, Labels), wants_all=True),
    "average_precision": Score(average_precision, (Classes, Labels), wants_all=True),
    **{f"hits@{k}": Score(hits(k), (Labels,), least_negatives=k) for k in (10, 20, 50, 100)},
    "rmse": Score(rmse, (Numbers,), larger_is_better=False, percent=False),
    "perplexity": Score(perplexity, (Tokens,), larger_is_better=False, percent=False, of_loss=_exp),
    "mae": Score(mae, (Numbers,), larger_is_better=False, percent=False),
}


def heard(answer: Answer, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """What a metric hears of outputs and targets: what is said, and what is right, where that is known."""
    if isinstance(answer, Tokens):  # as torchmetrics has them: logits of one text
        return outputs.detach()[None].float(), targets[None]
    said = answer.said(outputs.detach())
    known = answer.known(targets)
    if isinstance(answer, Labels):
        return said, targets.where(known, -1).long()  # a table that metrics take label by label
    return said[known], targets[known]


def _of(name: str, **options: Any) -> Any:
    return getattr(require("torchmetrics.classification", extra="train"), name)(**options, validate_args=False)
