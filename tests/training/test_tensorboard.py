from types import ModuleType

import pytest

from edgewise import extras
from edgewise.training import Interrupted, Recipe, prepare, run
from edgewise.training.metrics import read

ON = "training.tensorboard=true"


class Writer:
    """Writes as the real one: points are appended to a file of the folder."""

    def __init__(self, folder):
        from pathlib import Path

        self.file = Path(folder) / "events"
        self.file.parent.mkdir(parents=True, exist_ok=True)

    def add_scalar(self, tag, value, step):
        with self.file.open("a") as file:
            file.write(f"{tag} {step} {value}\n")

    def close(self):
        pass


@pytest.fixture
def stub(monkeypatch):
    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    real = extras.import_module
    found = {"torch.utils.tensorboard": module, "tensorboard": module}
    monkeypatch.setattr(extras, "import_module", lambda name: found.get(name) or real(name))


def curves(folder):
    """Tag, step and value of every point, as metrics.csv has them."""
    return [
        (tag, epoch.number, str(value))
        for epoch in read(folder)
        for tag, value in zip(
            ("loss/train", "accuracy/train", "loss/validation", "accuracy/validation"), epoch[2:], strict=True
        )
    ]


def points(folder):
    lines = (folder / "tensorboard" / "events").read_text().splitlines()
    return [(tag, int(step), value) for tag, step, value in map(str.split, lines)]


def test_the_curves_are_those_of_metrics_csv(recipe_file, tmp_path, stub):
    run(Recipe.read(recipe_file, [ON]), tmp_path / "run")
    assert points(tmp_path / "run") == curves(tmp_path / "run") and len(points(tmp_path / "run")) == 4 * 12


def test_a_run_that_is_taken_up_goes_on_without_a_point_twice(recipe_file, tmp_path, stub):
    run(Recipe.read(recipe_file, [ON, "training.epochs=5"]), tmp_path / "run")
    for epochs in (12, 12):  # longer, then a run that is finished already
        run(Recipe.read(recipe_file, [ON, f"training.epochs={epochs}"]), tmp_path / "run", resume=True)
        assert points(tmp_path / "run") == curves(tmp_path / "run")


def test_a_run_that_is_cut_off_keeps_its_curves(recipe_file, tmp_path, stub):
    changes = [ON, "model.name=tests.training.stand_in:interrupting"]
    with pytest.raises(Interrupted):
        run(Recipe.read(recipe_file, changes), tmp_path / "run")
    assert points(tmp_path / "run") == curves(tmp_path / "run") and len(points(tmp_path / "run")) == 4 * 4


def test_overwrite_drops_the_curves(recipe_file, tmp_path, stub):
    run(Recipe.read(recipe_file, [ON]), tmp_path / "run")
    run(Recipe.read(recipe_file), tmp_path / "run", overwrite=True)
    assert not (tmp_path / "run" / "tensorboard").exists()


def test_without_tensorboard_its_extra_is_named_before_anything_is_done(recipe_file, monkeypatch):
    real = extras.import_module

    def missing(module):
        if module == "tensorboard":
            raise ModuleNotFoundError("No module named 'tensorboard'", name="tensorboard")
        return real(module)

    monkeypatch.setattr(extras, "import_module", missing)
    with pytest.raises(ImportError, match=r"tensorboard is needed here .*: pip install 'edgewise\[tensorboard\]'"):
        prepare(Recipe.read(recipe_file, [ON]))


def test_tensorboard_reads_them(recipe_file, tmp_path):
    pytest.importorskip("tensorboard")
    run(Recipe.read(recipe_file, [ON, "training.epochs=3"]), tmp_path / "run")
    run(Recipe.read(recipe_file, [ON, "training.epochs=5"]), tmp_path / "run", resume=True)
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    there = accumulator.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    there.Reload()
    assert [point.step for point in there.Scalars("loss/validation")] == [1, 2, 3, 4, 5]
