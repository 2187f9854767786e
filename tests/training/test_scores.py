from dataclasses import replace

import pytest
import torch
from tests.training.stand_in import friends_task, ring_answers, ring_task

from edgewise.data import Classes, Labels, Linked, Numbers, Tokens
from edgewise.training import SCORES
from edgewise.training.scores import heard

NAN = float("nan")
CASES = [(name, answer) for name, score in SCORES.items() for answer in score.answers]


def example(answer, seed=0):
    """An answer of this kind, outputs, and targets some of which are unknown."""
    chance = torch.Generator().manual_seed(seed)
    if answer is Classes:
        return Classes(("a", "b", "c")), torch.randn(40, 3, generator=chance), torch.arange(40) % 3
    if answer is Tokens:
        return Tokens(("a", "b", "c")), torch.randn(40, 3, generator=chance), torch.arange(40) % 3
    outputs, kind = torch.randn(400, 2, generator=chance), answer(("a", "b"))
    targets = (outputs + torch.randn(400, 2, generator=chance) > 0).float()
    targets[::7, 1] = NAN
    return (
        (kind, outputs, targets)
        if answer is Labels
        else (Numbers(("a", "b"), (5.0, 0.0), (2.0, 1.0)), outputs, targets)
    )


def taken(name, answer, outputs, targets, batches=1):
    metric = SCORES[name].make(answer)
    for part, right in zip(outputs.tensor_split(batches), targets.tensor_split(batches), strict=True):
        metric.update(*heard(answer, part, right))
    return float(metric.compute())


def auc(likely, right):
    """P(a positive example is thought likelier than a negative one), pair by pair."""
    likely, right = likely[~right.isnan()], right[~right.isnan()].bool()
    gap = likely[right][:, None] - likely[~right][None]
    return ((gap > 0).float() + 0.5 * (gap == 0).float()).mean()


def average_precision(likely, right):
    """Precision at every positive, down the ranking; no two are equally likely here."""
    likely, right = likely[~right.isnan()], right[~right.isnan()]
    ranked = right[likely.argsort(descending=True)]
    return (ranked.cumsum(0) / torch.arange(1, len(ranked) + 1))[ranked == 1].mean()


def hits_at(k, likely, right):
    """As OGB's evaluator has it."""
    kth = likely[right == 0].sort(descending=True).values[k - 1]
    return (likely[right == 1] > kth).sum() / (right == 1).sum()


def f1_of(said, right):
    return 2 * (said & right).sum() / (said.sum() + right.sum())


def by_hand(name, answer, outputs, targets):
    if isinstance(answer, Tokens):
        return torch.nn.functional.cross_entropy(outputs, targets).exp()
    if isinstance(answer, Classes):
        columns = torch.nn.functional.one_hot(targets, answer.out_dim)
        said = torch.nn.functional.one_hot(outputs.argmax(1), answer.out_dim)
        likely = outputs.softmax(1)
        return {
            "accuracy": lambda: (outputs.argmax(1) == targets).float().mean(),
            "f1": lambda: torch.stack(
                [f1_of(s.bool(), c.bool()) for s, c in zip(said.T, columns.T, strict=True)]
            ).mean(),
            "roc_auc": lambda: torch.stack(
                [auc(p, c.float()) for p, c in zip(likely.T, columns.T, strict=True)]
            ).mean(),
            "average_precision": lambda: torch.stack(
                [average_precision(p, c.float()) for p, c in zip(likely.T, columns.T, strict=True)]
            ).mean(),
        }[name]()
    known = ~targets.isnan()
    if isinstance(answer, Labels):
        said, right = outputs[known] > 0, targets[known].bool()
        if name.startswith("hits@"):
            k = int(name[5:])
            return torch.stack([hits_at(k, p, t) for p, t in zip(outputs.T, targets.T, strict=True)]).mean()
        return {
            "accuracy": lambda: (said == right).float().mean(),
            "f1": lambda: f1_of(said, right),
            "roc_auc": lambda: torch.stack([auc(p, t) for p, t in zip(outputs.T, targets.T, strict=True)]).mean(),
            "average_precision": lambda: torch.stack(
                [average_precision(p, t) for p, t in zip(outputs.T, targets.T, strict=True)]
            ).mean(),
        }[name]()
    miss = (answer.said(outputs) - targets)[known]
    return miss.square().mean().sqrt() if name == "rmse" else miss.abs().mean()


@pytest.mark.parametrize(("name", "answer"), CASES)
@pytest.mark.parametrize("batches", [1, 4])
def test_a_score_is_its_definition_whatever_the_batches(name, answer, batches):
    case = example(answer)
    assert SCORES[name].make.__doc__
    assert taken(name, *case, batches) == pytest.approx(float(by_hand(name, *case)), abs=1e-6)


def test_one_label_alone_has_its_scores():
    _, outputs, targets = example(Labels)
    one = Labels(("a",)), outputs[:, :1], targets[:, :1]
    for name in ("accuracy", "f1", "roc_auc"):
        assert taken(name, *one) == pytest.approx(float(by_hand(name, *one)), abs=1e-6)


def test_hits_refuse_a_part_with_fewer_negatives():
    with pytest.raises(ValueError, match="hits@50 needs 50 negatives in every part, and the validation part has 36"):
        SCORES["hits@50"].check(friends_task(), "hits@50")
    SCORES["hits@20"].check(friends_task(), "hits@20")
    with pytest.raises(ValueError, match="hits@50: expected at least 50 negatives, got 36"):
        taken("hits@50", Linked(), torch.zeros(72, 1), friends_task().asked("test"))


def test_scores_are_written_in_their_units():
    assert SCORES["roc_auc"].written(0.5) == "50.0 %" and SCORES["rmse"].written(0.5) == "0.5000"


def test_roc_auc_refuses_a_part_without_one_of_the_classes():
    task = ring_task()
    task = replace(task, validation=task.validation[task.targets[task.validation] != 1])
    with pytest.raises(
        ValueError, match="ring: roc_auc needs every class in every part, and the validation part has no"
    ):
        SCORES["roc_auc"].check(task, "roc_auc")
    SCORES["accuracy"].check(task, "accuracy")


def test_roc_auc_refuses_labels_of_one_kind():
    task = ring_answers("labels")
    SCORES["roc_auc"].check(task, "roc_auc")
    targets = task.targets.clone()
    targets[task.test, 1] = 0.0
    with pytest.raises(
        ValueError,
        match="ring: roc_auc needs labels of both kinds .* all of 'there' are 0.0; take another split, or watch",
    ):
        SCORES["roc_auc"].check(replace(task, targets=targets), "roc_auc")
