from pathlib import Path

import pytest

RECIPE = """
[data]
name = "tests.training.stand_in:ring_task"

[model]
name = "tests.training.stand_in:mean_network"

[training]
epochs = 12
learning_rate = 0.02
device = "cpu"
"""


@pytest.fixture
def recipe_file(tmp_path) -> Path:
    """A recipe of the small data set and network of the tests."""
    file = tmp_path / "ring.toml"
    file.write_text(RECIPE)
    return file
