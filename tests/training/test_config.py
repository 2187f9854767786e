from dataclasses import fields
from pathlib import Path

import pytest

from edgewise.training import TrainingConfig
from edgewise.training.config import PRECISIONS


@pytest.mark.parametrize(
    "name", ["patience", "weight_decay", "warm_up", "clip_norm", "batch_size", "seed", "save_every"]
)
def test_a_number_below_zero_is_refused(name):
    with pytest.raises(ValueError, match=f"training: {name} must be at least 0, got -1"):
        TrainingConfig(**{name: type(getattr(TrainingConfig, name))(-1)})


def test_all_that_is_out_of_range_is_named():
    with pytest.raises(ValueError, match="epochs must be at least 1, got 0; learning_rate must be above 0, got -0.1"):
        TrainingConfig(epochs=0, learning_rate=-0.1)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_can_be_named(precision):
    assert TrainingConfig(precision=precision).precision == precision


def test_the_page_of_the_room_says_what_each_key_counts():
    page = (Path(__file__).parents[2] / "docs/rooms/training.md").read_text()
    assert not [field.name for field in fields(TrainingConfig) if f"\n| `{field.name}` | " not in page]
