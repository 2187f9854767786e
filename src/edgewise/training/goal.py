"""What a run of a task makes small, and what it goes by: the config's choice, or what fits the answer."""

from dataclasses import dataclass

from torch import Tensor

from edgewise.data import Answer, Classes, Labels, Linked, Numbers, Task, Tokens
from edgewise.models.logits import Logits
from edgewise.names import nearest
from edgewise.training.config import AUTO, LOSS, TrainingConfig
from edgewise.training.named import named
from edgewise.training.objectives import OBJECTIVES, Objective
from edgewise.training.scores import SCORES, Score

DEFAULTS: dict[type[Answer], tuple[str, str]] = {
    Classes: ("cross_entropy", "accuracy"),
    Tokens: ("cross_entropy", "perplexity"),
    Labels: ("binary_cross_entropy", "f1"),
    Linked: ("binary_cross_entropy", "roc_auc"),
    Numbers: ("mean_squared_error", "rmse"),
}


@dataclass(frozen=True)
class Goal:
    """The objective, the score that is told beside it, and which of them says that an epoch is better."""

    objective: Objective
    score: Score
    score_name: str  # heads its columns in metrics.csv
    watches_loss: bool = False
    smoothing: float = 0.0  # share of a label that is spread over all classes, while it is learned

    @classmethod
    def of(cls, config: TrainingConfig, task: Task) -> "Goal":
        """The goal that the config names, held against the task."""
        objective_name, score_name = DEFAULTS[type(task.answer)]
        if config.objective != AUTO:
            objective_name = config.objective
        if config.watch not in (AUTO, LOSS):
            score_name = config.watch
        objective: Objective = named(objective_name, OBJECTIVES, "objective")
        if not isinstance(task.answer, objective.answers):
            kinds = " or ".join(kind.__name__ for kind in objective.answers)
            fitting = [name for name, known in OBJECTIVES.items() if isinstance(task.answer, known.answers)]
            raise ValueError(
                f"training: the objective {objective_name!r} is for {kinds}, and {task.name} asks"
                f" for {task.answer.described()}. {nearest('', fitting)}"
            )
        if config.label_smoothing and objective.smoothed is None:
            smoothed = [name for name, known in OBJECTIVES.items() if known.smoothed]
            raise ValueError(
                f"training: label_smoothing is {config.label_smoothing}, and the objective {objective_name!r} has no"
                f" smoothed labels; {', '.join(smoothed)}, for classes, has; leave it out"
            )
        score: Score = named(score_name, SCORES, "watch")
        if not isinstance(task.answer, score.answers):
            fitting = [LOSS, *(name for name, known in SCORES.items() if isinstance(task.answer, known.answers))]
            raise ValueError(
                f"training: {score_name!r} cannot be watched where {task.answer.described()} are asked for."
                f" {nearest('', fitting)}"
            )
        score.check(task, score_name)
        return cls(objective, score, score_name.rpartition(":")[2], config.watch == LOSS, config.label_smoothing)

    @property
    def takes_factors(self) -> bool:
        """Whether neither the loss nor the score of a training step needs logits that are multiplied out."""
        return bool(self.objective.factored and self.score.of_loss) and not self.smoothing

    def to_learn(self, outputs: Tensor | Logits, targets: Tensor) -> Tensor:
        """The loss whose gradient is taken; others are the objective's own."""
        if isinstance(outputs, Logits):
            assert self.objective.factored is not None  # or nobody would have asked for factors
            return self.objective.factored(outputs, targets)
        if self.smoothing and self.objective.smoothed:
            return self.objective.smoothed(outputs, targets, self.smoothing)
        return self.objective.loss(outputs, targets)

    def merit(self, loss: float, score: float) -> tuple[float, float]:
        """What is watched, then what breaks a tie; larger is better."""
        better = score if self.score.larger_is_better else -score
        return (-loss, better) if self.watches_loss else (better, -loss)
