"""The sampling that a config names."""

from edgewise.data import SAMPLINGS, Sampling, Task
from edgewise.part import Part
from edgewise.training.config import TrainingConfig


def sampling_of(config: TrainingConfig) -> Sampling | None:
    """The sampling as a value; None where training steps hear everything."""
    if not config.sampling:
        return None
    sampling: Sampling = Part.of(config.sampling).build(SAMPLINGS, "sampling")
    return sampling


def sampled(task: Task, config: TrainingConfig) -> Task:
    """The task as the config samples it."""
    sampling = sampling_of(config)
    return task if sampling is None else task.sampled(sampling)
