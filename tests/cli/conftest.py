import pytest
from typer.testing import CliRunner

from edgewise.cli.app import app

RECIPE = """
[data]
name = "tests.training.stand_in:ring_task"

[model]
name = "tests.training.stand_in:mean_network"

[training]
epochs = 8
device = "cpu"
"""


@pytest.fixture
def edgewise(tmp_path, monkeypatch):
    """Run a command in an empty folder that holds ring.toml; gives what it said and its exit code."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ring.toml").write_text(RECIPE)
    runner = CliRunner(env={"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"})
    return lambda *arguments: runner.invoke(app, list(arguments), prog_name="edgewise")
