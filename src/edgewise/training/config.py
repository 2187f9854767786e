"""How long, how fast and on what a network is trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgewise.data.sampling import SamplingPart
from edgewise.names import nearest
from edgewise.part import Part
from edgewise.training.decayed import DECAYED

Named = str | Part | Mapping[str, Any]  # a name, or a table of a name and options

AUTO, LOSS = "auto", "loss"
FINDS_UNUSED = "ddp_find_unused_parameters_true"
STRATEGIES = (AUTO, "ddp", FINDS_UNUSED)
PRECISIONS = ("32-true", "64-true", "bf16-mixed", "16-mixed")

NOT_NEGATIVE = ("patience", "weight_decay", "warm_up", "clip_norm", "batch_size", "seed", "save_every")


@dataclass(frozen=True)
class TrainingConfig:
    """The `[training]` table of a recipe.

    >>> TrainingConfig(epochs=200).patience
    100
    """

    objective: str = AUTO  # a name in OBJECTIVES, package.module:object, or "auto": what fits the answer
    label_smoothing: float = 0.0  # share of a class's label that is spread over all, in training alone; from 0 to 1
    optimiser: Named = "adam"  # a name in OPTIMISERS, or package.module:Class; options by PyTorch's names
    learning_rate: float = 5e-3  # peak, after warm-up
    schedule: Named = "constant"  # of the learning rate after warm-up: a name in SCHEDULES, or package.module:Class
    warm_up: float = 0.0  # epochs in which the learning rate rises to its peak, in a straight line
    weight_decay: float = 5e-4  # times the weight, added to its gradient ("adamw": taken off the weight instead)
    decayed: str = "all"  # which weights that is for, a name in DECAYED: "matrices", no biases, norms and embeddings
    clip_norm: float = 0.0  # largest norm of the gradient of all weights together; 0: it is not clipped
    batch_size: int = 0  # graphs or links a step, at most, or nodes where there is a sampling; 0: all at once
    accumulation: int = 1  # batches a step, whose gradients are added up as those of one large batch
    sampling: SamplingPart = ""  # of what nodes hear in a training step: a table with a name in SAMPLINGS; "": all
    cache: str = ""  # folder in which positions of nodes are kept from run to run; "": in memory only
    start: str = ""  # folder of a run whose best weights are the first ones, all but the head's; "": they are drawn
    epochs: int = 1000  # at most; one epoch sees every training example once
    patience: int = 100  # epochs without a better validation score until it stops; 0: never stop early
    averaging: Named = ""  # of weights, which is validated, tested and kept in best/: a name in AVERAGINGS; "": none
    watch: str = AUTO  # what "better" means: a name in SCORES (ties: lower loss), "loss" (ties: score), or "auto"
    seed: int = 0  # of the first weights that are drawn, of dropout and of the order of batches; the split has its own
    device: str = "auto"  # "cpu", "cuda", "mps", or "auto": an accelerator where there is one
    devices: int = 1  # how many, each with a process and a share of every step's batch; of a CPU: processes
    strategy: str = AUTO  # how they train together: a name in STRATEGIES, as Lightning Fabric calls them; "auto": ddp
    precision: str = "32-true"  # a name in PRECISIONS, as Lightning Fabric calls them
    save_every: float = 5.0  # seconds between two writes of last/ and best/; 0: after every epoch
    layer_figures: bool = False  # whether layers.csv keeps logit spread, entropy and state size of each layer an epoch
    tensorboard: bool = False  # whether the curves are written for TensorBoard, too

    def __post_init__(self) -> None:
        at_least = {"epochs": 1, "devices": 1, "accumulation": 1, **dict.fromkeys(NOT_NEGATIVE, 0)}
        wrong = [
            f"{name} must be at least {least}, got {getattr(self, name)}"
            for name, least in at_least.items()
            if not getattr(self, name) >= least
        ]
        if not self.learning_rate > 0:
            wrong.append(f"learning_rate must be above 0, got {self.learning_rate}")
        if not 0 <= self.label_smoothing < 1:
            wrong.append(f"label_smoothing must be at least 0 and below 1, got {self.label_smoothing}")
        if not self.warm_up < max(self.epochs, 1):
            wrong.append(f"warm_up must be below epochs = {self.epochs}, which it is counted in, got {self.warm_up}")
        if self.decayed not in DECAYED:
            wrong.append(f"unknown decayed {self.decayed!r}. {nearest(self.decayed, DECAYED)}")
        elif self.decayed != "all" and not self.weight_decay:
            wrong.append(f"decayed is {self.decayed!r}, but weight_decay is 0, so nothing decays")
        if self.precision not in PRECISIONS:
            wrong.append(f"unknown precision {self.precision!r}. {nearest(self.precision, PRECISIONS)}")
        if self.strategy not in STRATEGIES:
            wrong.append(f"unknown strategy {self.strategy!r}. {nearest(self.strategy, STRATEGIES)}")
        if wrong:
            raise ValueError("training: " + "; ".join(wrong))
