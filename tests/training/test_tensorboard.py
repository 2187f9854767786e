import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from edgewise import extras
from edgewise.training import Interrupted, Recipe, prepare, run
from edgewise.training.metrics import read

ON = "training.tensorboard=true"


# It brings old protocol buffers, whose deprecations are not ours.
pytestmark = pytest.mark.filterwarnings("ignore")
TAGS = ("loss/train", "accuracy/train", "loss/validation", "accuracy/validation")


def curves(folder):
    """Step and value of every point by tag, as metrics.csv has them."""
    epochs = read(folder)
    return {
        tag: [(epoch.number, pytest.approx(epoch[2 + k], rel=1e-6)) for epoch in epochs] for k, tag in enumerate(TAGS)
    }


def points(folder):
    """The same, as TensorBoard reads them."""
    there = EventAccumulator(str(folder / "tensorboard"))
    there.Reload()
    return {tag: [(point.step, point.value) for point in there.Scalars(tag)] for tag in there.Tags()["scalars"]}


def test_the_curves_are_those_of_metrics_csv(recipe_file, tmp_path):
    run(Recipe.read(recipe_file, [ON]), tmp_path / "run")
    assert points(tmp_path / "run") == curves(tmp_path / "run")
    assert len(points(tmp_path / "run")["loss/train"]) == 12


def test_a_run_that_is_taken_up_goes_on_without_a_point_twice(recipe_file, tmp_path):
    run(Recipe.read(recipe_file, [ON, "training.epochs=5"]), tmp_path / "run")
    for epochs in (12, 12):  # longer, then a run that is finished already
        run(Recipe.read(recipe_file, [ON, f"training.epochs={epochs}"]), tmp_path / "run", resume=True)
        assert points(tmp_path / "run") == curves(tmp_path / "run")


def test_a_run_that_is_cut_off_keeps_its_curves(recipe_file, tmp_path):
    changes = [ON, "model.name=tests.training.stand_in:interrupting"]
    with pytest.raises(Interrupted):
        run(Recipe.read(recipe_file, changes), tmp_path / "run")
    assert points(tmp_path / "run") == curves(tmp_path / "run")
    assert len(points(tmp_path / "run")["loss/train"]) == 4


def test_overwrite_drops_the_curves(recipe_file, tmp_path):
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
