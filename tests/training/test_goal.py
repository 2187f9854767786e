import pytest
import torch
from tests.training.stand_in import friends_task, ring_answers, ring_task

from edgewise.training import OBJECTIVES, SCORES, Goal, TrainingConfig
from edgewise.training.goal import DEFAULTS


@pytest.mark.parametrize(
    ("task", "objective", "score"),
    [
        (ring_task(), "cross_entropy", "accuracy"),
        (ring_answers("labels"), "binary_cross_entropy", "f1"),
        (friends_task(), "binary_cross_entropy", "roc_auc"),
        (ring_answers("numbers"), "mean_squared_error", "rmse"),
    ],
)
def test_the_objective_and_the_score_follow_the_answer(task, objective, score):
    goal = Goal.of(TrainingConfig(), task)
    assert (goal.objective, goal.score, goal.score_name) == (OBJECTIVES[objective], SCORES[score], score)
    assert DEFAULTS[type(task.answer)] == (objective, score)


def test_what_is_watched_can_be_named():
    assert Goal.of(TrainingConfig(watch="f1"), ring_task()).score is SCORES["f1"]
    goal = Goal.of(TrainingConfig(watch="loss"), ring_task())
    assert goal.watches_loss and goal.score_name == "accuracy"


def test_a_lower_error_is_better_and_ties_go_by_the_loss():
    goal = Goal.of(TrainingConfig(), ring_answers("numbers"))
    assert goal.merit(1.0, 2.0) > goal.merit(1.0, 3.0) and goal.merit(1.0, 2.0) > goal.merit(2.0, 2.0)
    goal = Goal.of(TrainingConfig(watch="loss"), ring_answers("numbers"))
    assert goal.merit(1.0, 3.0) > goal.merit(2.0, 2.0) and goal.merit(1.0, 2.0) > goal.merit(1.0, 3.0)


def test_an_objective_for_another_answer_is_refused():
    with pytest.raises(
        ValueError,
        match="training: the objective 'cross_entropy' is for Classes or Tokens, and ring asks for",
    ):
        Goal.of(TrainingConfig(objective="cross_entropy"), ring_answers("labels"))


def test_a_score_for_another_answer_is_refused():
    with pytest.raises(
        ValueError, match="'accuracy' cannot be watched where 2 numbers to say are asked for. Known: loss, mae, rmse."
    ):
        Goal.of(TrainingConfig(watch="accuracy"), ring_answers("numbers"))


def test_labels_are_smoothed_where_they_are_learned_alone():
    goal = Goal.of(TrainingConfig(label_smoothing=0.1), ring_task())
    outputs, targets = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    assert goal.to_learn(outputs, targets) != goal.objective.loss(outputs, targets)
    assert Goal.of(TrainingConfig(), ring_task()).to_learn(outputs, targets) == goal.objective.loss(outputs, targets)


def test_labels_of_no_class_cannot_be_smoothed():
    with pytest.raises(
        ValueError,
        match="label_smoothing is 0.1, and the objective 'binary_cross_entropy' has no smoothed labels; cross",
    ):
        Goal.of(TrainingConfig(label_smoothing=0.1), ring_answers("labels"))


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_a_smoothing_that_is_no_share_is_refused(smoothing):
    with pytest.raises(ValueError, match="training: label_smoothing must be at least 0 and below 1, got"):
        TrainingConfig(label_smoothing=smoothing)
