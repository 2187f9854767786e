import json

import pytest
from tests.data.small import SMALL

from edgewise.models import Network, gcn
from edgewise.training import CheckpointError, Recipe, Trained, TrainingConfig, evaluate, run, train
from edgewise.training.scores import SCORES

HERE = "tests.training.stand_in"


def trained(recipe_file, tmp_path, *changes):
    outcome = run(Recipe.read(recipe_file, changes), tmp_path / "run")
    return outcome, Trained.open(tmp_path / "run")


def of_tables(recipe_file, tmp_path, model="gcn"):
    """A recipe of the small tables, and their folder."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    SMALL["tables"](folder)
    recipe_file.write_text(
        f'[data]\nname = "tables"\nfolder = "{folder}"\n'
        f'[model]\nname = "{model}"\n[training]\nepochs = 3\ndevice = "cpu"\n'
    )
    return folder


@pytest.mark.parametrize(
    ("task", "model"),
    [
        ("ring_task", "mean_network"),
        ("ring_labels", "mean_network"),
        ("ring_numbers", "mean_network"),
        ("cycles_task", "pooled_network"),
    ],
)
def test_the_figures_are_those_of_the_report_to_the_last_bit(recipe_file, tmp_path, task, model):
    changes = [f"data.name={HERE}:{task}", f"model.name={HERE}:{model}"]
    if task == "cycles_task":
        changes.append("training.batch_size=8")
    outcome, there = trained(recipe_file, tmp_path, *changes)
    found = evaluate(there)
    watched = outcome.score_name
    assert {part: (f.loss, f.scores[watched]) for part, f in found.parts.items()} == outcome.figures
    assert found.epoch == outcome.best_epoch
    report = (tmp_path / "run" / "report.md").read_text()
    for part, f in found.parts.items():
        written = outcome.goal.score.written(f.scores[watched])
        assert f"| {part} | {f.examples} | {written} | {f.loss:.4f} |" in report
    fitting = {name for name, score in SCORES.items() if isinstance(found.task.answer, score.answers)}
    assert set(found.parts["test"].scores) == fitting and next(iter(found.parts["test"].scores)) == watched


def test_a_part_alone(recipe_file, tmp_path):
    _, there = trained(recipe_file, tmp_path)
    assert evaluate(there, parts=["test"]).parts == {"test": evaluate(there).parts["test"]}


def test_a_score_without_a_value_is_none(recipe_file, tmp_path):
    of_tables(recipe_file, tmp_path)
    _, there = trained(recipe_file, tmp_path)
    assert evaluate(there).parts["validation"].scores["roc_auc"] is None


def test_on_other_data_every_known_example_counts(recipe_file, tmp_path):
    folder = of_tables(recipe_file, tmp_path)
    _, there = trained(recipe_file, tmp_path)
    file = folder / "nodes.csv"
    file.write_text(file.read_text().replace("c2,26,Ulm,buys", "c2,26,Ulm,"))
    (figures,) = evaluate(there, data=folder).parts.values()
    assert figures.examples == 9
    file.write_text("id,age,town,label\nc0,1,Ulm,\n")
    (folder / "edges.csv").write_text("source,target,weight\n")
    with pytest.raises(ValueError, match="tables tiny: no target is known, so there is nothing to hold answers again"):
        evaluate(there, data=folder)


def test_the_own_data_as_other_data_give_the_mean_of_the_parts(recipe_file, tmp_path):
    folder = of_tables(recipe_file, tmp_path)
    _, there = trained(recipe_file, tmp_path)
    parts, whole = evaluate(there).parts, evaluate(there, data=folder).parts["labelled"]
    assert sum(f.loss * f.examples for f in parts.values()) / 10 == pytest.approx(whole.loss, rel=1e-6)


def test_data_that_have_changed_are_refused(recipe_file, tmp_path):
    folder = of_tables(recipe_file, tmp_path)
    _, there = trained(recipe_file, tmp_path)
    file = folder / "nodes.csv"
    file.write_text(file.read_text().replace("c2,26", "c2,96").replace("c3,29", "c3,99").replace("c4,32", "c4,90"))
    with pytest.raises(ValueError, match="(?s)run: its data are not those that it was trained on: .*data.json has kep"):
        evaluate(there)


def test_data_that_cannot_be_read_for_a_trained_network_are_named(recipe_file, tmp_path):
    _, there = trained(recipe_file, tmp_path)
    with pytest.raises(ValueError, match="(?s)cannot read other data for a trained .*: language, molecules, musae"):
        there.task_in(tmp_path, targets=True)
    with pytest.raises(FileNotFoundError, match="nowhere: there is no such file or folder"):
        there.task_in("nowhere", targets=True)


def test_a_file_where_a_folder_is_wanted_is_named(recipe_file, tmp_path):
    folder = of_tables(recipe_file, tmp_path)
    _, there = trained(recipe_file, tmp_path)
    with pytest.raises(ValueError, match="data set 'tables': expected a folder, and .*nodes.csv is a file"):
        there.task_in(folder / "nodes.csv", targets=True)


def test_what_is_no_run_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone: there is no such run folder"):
        Trained.open(tmp_path / "gone")
    with pytest.raises(FileNotFoundError, match="it holds no recipe.toml, so it is not a run's folder"):
        Trained.open(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "state.json"])
@pytest.mark.parametrize("how", ["gone", "cut"])
def test_a_damaged_checkpoint_is_one_error(recipe_file, tmp_path, name, how):
    of_tables(recipe_file, tmp_path)
    _, there = trained(recipe_file, tmp_path)
    file = tmp_path / "run" / "best" / name
    file.unlink() if how == "gone" else file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(CheckpointError, match=r"best: the checkpoint is damaged \("):
        evaluate(there)


def test_a_run_without_a_checkpoint_is_named(recipe_file, tmp_path):
    _, there = trained(recipe_file, tmp_path)
    (tmp_path / "run" / "best").rename(tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match="best: there is no checkpoint; edgewise train --resume goes on with the"):
        evaluate(there)


def test_a_checkpoint_between_its_two_renames_is_found(recipe_file, tmp_path):
    outcome, there = trained(recipe_file, tmp_path)
    (tmp_path / "run" / "best").rename(tmp_path / "run" / ".old.best")
    assert evaluate(there).parts["test"].loss == outcome.figures["test"][0]


def test_a_damaged_data_json_is_one_error(recipe_file, tmp_path):
    trained(recipe_file, tmp_path)
    for text in ("{", '{"answer": []}', "{}", '{"answer": {"kind": "songs"}, "encoders": {}}'):
        (tmp_path / "run" / "data.json").write_text(text)
        with pytest.raises(ValueError, match="data.json: it is damaged .*; edgewise train --resume writes it again"):
            Trained.open(tmp_path / "run")


def test_other_data_need_what_was_learned(recipe_file, tmp_path):
    folder = of_tables(recipe_file, tmp_path)
    trained(recipe_file, tmp_path)
    (tmp_path / "run" / "data.json").unlink()
    with pytest.raises(FileNotFoundError, match="run: it has no data.json; edgewise train --resume goes on with it"):
        evaluate(Trained.open(tmp_path / "run"), data=folder)


def test_a_checkpoint_of_another_recipe_is_refused(recipe_file, tmp_path):
    of_tables(recipe_file, tmp_path, model="gat")
    trained(recipe_file, tmp_path)
    # 8 heads of 8 and 4 of 16 have weights of the same shapes.
    for changes in (["model.hidden=4"], ["model.hidden=16", "model.num_heads=4"]):
        with pytest.raises(CheckpointError, match="best: its config.json is of another network than the recipe's"):
            evaluate(Trained.open(tmp_path / "run", changes))


def test_weights_of_another_module_are_refused(recipe_file, tmp_path):
    trained(recipe_file, tmp_path)
    with pytest.raises(CheckpointError, match="best: these are weights of another model: "):
        evaluate(Trained.open(tmp_path / "run", ["model.hidden=4"]))


def test_data_for_a_trained_network_are_not_learned_from(recipe_file, tmp_path):
    folder = of_tables(recipe_file, tmp_path)
    _, there = trained(recipe_file, tmp_path)
    with pytest.raises(ValueError, match="training: tables tiny is data for a network that has learned; there is"):
        train(Network(gcn(3, 2)), there.task_in(folder, targets=True), TrainingConfig(epochs=1), tmp_path / "again")


def test_what_is_learned_is_kept_before_training_begins(recipe_file, tmp_path):
    changes = [f"model.name={HERE}:exploding"]
    with pytest.raises(FloatingPointError, match="training: the loss of epoch 1 is nan"):
        run(Recipe.read(recipe_file, changes), tmp_path / "run")
    assert json.loads((tmp_path / "run" / "data.json").read_text())["answer"]["kind"] == "classes"
