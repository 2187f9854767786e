"""TIME: objectives, steps, seeds, the loop, the run folder."""

from edgewise.training.averaging import AVERAGINGS, Averaging
from edgewise.training.checkpoint import CheckpointError
from edgewise.training.config import TrainingConfig
from edgewise.training.decayed import DECAYED
from edgewise.training.evaluate import Evaluation, evaluate
from edgewise.training.goal import Goal
from edgewise.training.interrupt import Interrupted
from edgewise.training.launch import LostProcess
from edgewise.training.loop import Outcome, train
from edgewise.training.metrics import Epoch
from edgewise.training.objectives import OBJECTIVES, Objective
from edgewise.training.optimisers import OPTIMISERS
from edgewise.training.place import Place
from edgewise.training.predict import predict
from edgewise.training.recipe import Recipe
from edgewise.training.run import finish, prepare, run
from edgewise.training.run_folder import open_run_folder
from edgewise.training.schedules import SCHEDULES, Schedule
from edgewise.training.scores import SCORES, Score
from edgewise.training.shares import NoGradient
from edgewise.training.trained import Trained

__all__ = [
    "AVERAGINGS",
    "DECAYED",
    "OBJECTIVES",
    "OPTIMISERS",
    "SCHEDULES",
    "SCORES",
    "Averaging",
    "CheckpointError",
    "Epoch",
    "Evaluation",
    "Goal",
    "Interrupted",
    "LostProcess",
    "NoGradient",
    "Objective",
    "Outcome",
    "Place",
    "Recipe",
    "Schedule",
    "Score",
    "Trained",
    "TrainingConfig",
    "evaluate",
    "finish",
    "open_run_folder",
    "predict",
    "prepare",
    "run",
    "train",
]
