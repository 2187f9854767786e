"""How long, how fast and on what a network is trained."""

from dataclasses import dataclass

from edgewise.names import nearest

PRECISIONS = ("32-true", "64-true", "bf16-mixed", "16-mixed")


@dataclass(frozen=True)
class TrainingConfig:
    """The `[training]` table of a recipe.

    >>> TrainingConfig(epochs=200).patience
    100
    """

    objective: str = "cross_entropy"  # a name in OBJECTIVES, or package.module:object
    optimiser: str = "adam"  # a name in OPTIMISERS, or package.module:class
    learning_rate: float = 5e-3  # the same for every step
    weight_decay: float = 5e-4  # times the weight, added to its gradient ("adamw": taken off the weight instead)
    epochs: int = 1000  # at most; one epoch sees every training node once
    patience: int = 100  # epochs without a better validation score until it stops; 0: never stop early
    watch: str = "accuracy"  # what "better" means: the objective's score (ties: lower loss), or "loss" (ties: score)
    seed: int = 0  # of the first weights and of dropout; the split has its own
    device: str = "auto"  # "cpu", "cuda", "mps", or "auto": an accelerator where there is one
    precision: str = "32-true"  # a name in PRECISIONS, as Lightning Fabric calls them
    save_every: float = 5.0  # seconds between two writes of last/ and best/; 0: after every epoch

    def __post_init__(self) -> None:
        at_least = {"epochs": 1, "patience": 0, "weight_decay": 0, "seed": 0, "save_every": 0}
        wrong = [
            f"{name} must be at least {least}, got {getattr(self, name)}"
            for name, least in at_least.items()
            if not getattr(self, name) >= least
        ]
        if not self.learning_rate > 0:
            wrong.append(f"learning_rate must be above 0, got {self.learning_rate}")
        if self.precision not in PRECISIONS:
            wrong.append(f"unknown precision {self.precision!r}. {nearest(self.precision, PRECISIONS)}")
        if wrong:
            raise ValueError("training: " + "; ".join(wrong))
