import json
import re
from datetime import date

import pytest
from tests.data.small import SMALL

from edgewise.data import DATASETS, NodeTask
from edgewise.models import MODELS
from edgewise.training import Recipe, open_run_folder, prepare, run
from edgewise.training.metrics import read
from edgewise.training.work import work

HERE = "tests.training.stand_in"


def recipe(file, *changes):
    return Recipe.read(file, changes)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_run_leaves_its_folder_complete(recipe_file, tmp_path):
    outcome = run(recipe(recipe_file), tmp_path / "run")
    assert names(tmp_path / "run") == [
        *("best", "confusion.csv", "curves.png", "data.json", "last", "metrics.csv", "recipe.toml", "report.md")
    ]
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert len(read(tmp_path / "run")) == outcome.epochs == 12


def test_the_kept_recipe_gives_the_same_run(recipe_file, tmp_path):
    first = run(recipe(recipe_file, "training.seed=4"), tmp_path / "one")
    second = run(Recipe.read(tmp_path / "one" / "recipe.toml"), tmp_path / "two")
    assert first.figures == second.figures


def test_the_report_tells_what_a_reader_must_know(recipe_file, tmp_path):
    outcome = run(recipe(recipe_file), tmp_path / "run")
    report = (tmp_path / "run" / "report.md").read_text()
    for told in (
        f"# ring: test accuracy {100 * outcome.figures['test'][1]:.1f} %",
        f"By the weights of epoch {outcome.best_epoch}, chosen by validation accuracy; all 12 epochs.",
        "| test | 20 |",
        "- Made of arcs of a ring.",
        "- 60 nodes, 120 edges, 6 features, 3 classes.",
        f"## Model card: {HERE}:mean_network",
        "- 83 parameters.",
        "- 8.64 kFLOP for one pass forward over the test nodes",  # 2 * 60 * 8 * (6 + 3)
        "kFLOP for an epoch: its steps, forward and backward, and the look at the validation nodes.",
        "| class | train | validation | test |",
        "- energy: ",
        f"- date: {date.today().isoformat()}",
        "- hidden = 8, dropout = 0.5.",
        "- seed: 0 (first weights, dropout)",
        "- versions: python ",
        " MB in the process",
        "device: cpu, precision 32-true",
    ):
        assert told in report


def test_the_run_folder_keeps_how_columns_became_features(recipe_file, tmp_path):
    (tmp_path / "tiny").mkdir()
    folder = SMALL["tables"](tmp_path / "tiny")["folder"]
    recipe_file.write_text(
        f'[data]\nname = "tables"\nfolder = "{folder}"\n[model]\nname = "gcn"\n[training]\nepochs = 1\n'
    )
    run(recipe(recipe_file, "training.device=cpu"), tmp_path / "run")
    kept = json.loads((tmp_path / "run" / "data.json").read_text())
    assert kept["answer"] == {"kind": "classes", "names": ["buys", "leaves"]}
    assert kept["encoders"]["nodes"]["town"] == {"name": "one_hot", "most": 100, "categories": ["Köln", "Ulm"]}


@pytest.mark.parametrize(
    ("task", "file", "title"),
    [
        ("ring_labels", "confusion.csv", "test f1 "),
        ("ring_numbers", "residuals.png", "test rmse "),
        ("cycles_task", "confusion.csv", "test accuracy "),
        ("friends_task", "ranking.png", "test roc_auc "),
    ],
)
def test_every_answer_is_shown_and_reported_in_its_own_score(recipe_file, tmp_path, task, file, title):
    model = {"cycles_task": "pooled_network", "friends_task": "linking_network"}.get(task, "mean_network")
    run(
        recipe(recipe_file, f"data.name={HERE}:{task}", f"model.name={HERE}:{model}", "training.epochs=2"),
        tmp_path / "run",
    )
    report = (tmp_path / "run" / "report.md").read_text()
    assert title in report.splitlines()[0] and f"({file})" in report.replace("`", "")
    assert (tmp_path / "run" / file).stat().st_size > 0
    unit = {"cycles_task": "graphs", "friends_task": "links"}.get(task, "nodes")
    assert f"| part | {unit} |" in report and f"The test {unit} were looked at once" in report


def test_a_report_on_links_holds_every_score_of_a_ranking(recipe_file, tmp_path):
    run(
        recipe(
            recipe_file, f"data.name={HERE}:friends_task", "model.name=gcn", "model.head=links", "training.epochs=2"
        ),
        tmp_path / "run",
    )
    report = (tmp_path / "run" / "report.md").read_text()
    for name in ("roc_auc", "average_precision", "hits@10", "hits@20"):
        assert f"| {name} | " in report
    assert "hits@100" not in report and "![linked pairs among the others](ranking.png)" in report


def test_a_model_without_the_head_for_links_is_refused(recipe_file):
    with pytest.raises(
        ValueError,
        match="model 'gcn': it has no use for the graph 'links' of friends, it knows edges; where links are asked",
    ):
        prepare(recipe(recipe_file, f"data.name={HERE}:friends_task", "model.name=gcn"))


def test_an_early_end_is_told(recipe_file, tmp_path):
    run(recipe(recipe_file, "training.patience=2", "training.epochs=90"), tmp_path / "run")
    assert re.search(r"stopped after \d+ epochs, 2 without a better", (tmp_path / "run" / "report.md").read_text())


def test_the_report_on_cora_says_that_the_split_is_not_the_public_one(tmp_path, recipe_file):
    task, network = prepare(recipe(recipe_file))
    assert task.name == "ring" and sum(weight.numel() for weight in network.parameters()) == 83
    recipe_file.write_text('[data]\nname = "cora"\n[model]\nname = "gcn"\n[training]\nepochs = 1\ndevice = "cpu"\n')
    run(recipe(recipe_file), tmp_path / "cora")
    assert "not** the public Planetoid split" in (tmp_path / "cora" / "report.md").read_text()


def test_a_folder_that_holds_a_run_is_left_alone(recipe_file, tmp_path):
    run(recipe(recipe_file), tmp_path / "run")
    before = {name: (tmp_path / "run" / name).stat().st_mtime_ns for name in names(tmp_path / "run")}
    with pytest.raises(ValueError, match="run: it holds a run. Add --resume to go on with it, --overwrite to drop it"):
        run(recipe(recipe_file), tmp_path / "run")
    assert before == {name: (tmp_path / "run" / name).stat().st_mtime_ns for name in names(tmp_path / "run")}


def test_overwrite_starts_again_and_keeps_what_is_not_a_runs(recipe_file, tmp_path):
    run(recipe(recipe_file), tmp_path / "run")
    (tmp_path / "run" / "mine.txt").write_text("mine")
    run(recipe(recipe_file, "training.epochs=2"), tmp_path / "run", overwrite=True)
    assert len(read(tmp_path / "run")) == 2
    assert (tmp_path / "run" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_that_is_no_runs_is_never_touched(recipe_file, tmp_path, overwrite):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="home: it holds files but no recipe.toml, so it is not a run's"):
        run(recipe(recipe_file), tmp_path / "home", overwrite=overwrite)
    assert names(tmp_path / "home") == ["thesis.txt"]


def test_a_file_in_the_place_of_the_folder_is_refused(recipe_file):
    with pytest.raises(ValueError, match="ring.toml: expected a folder for the run, found a file"):
        run(recipe(recipe_file), recipe_file)


def test_resume_and_overwrite_exclude_each_other(recipe_file, tmp_path):
    with pytest.raises(ValueError, match="--resume and --overwrite: one keeps the run that is there"):
        run(recipe(recipe_file), tmp_path / "run", resume=True, overwrite=True)


def test_resuming_with_another_recipe_names_the_differences(recipe_file, tmp_path):
    run(recipe(recipe_file), tmp_path / "run")
    with pytest.raises(ValueError, match="(?s)run: it was started with another recipe .*model.hidden: 4, 8"):
        run(recipe(recipe_file, "model.hidden=4"), tmp_path / "run", resume=True)


def test_resuming_with_more_epochs_trains_on(recipe_file, tmp_path):
    run(recipe(recipe_file), tmp_path / "run")
    longer = run(recipe(recipe_file, "training.epochs=20"), tmp_path / "run", resume=True)
    assert longer.figures == run(recipe(recipe_file, "training.epochs=20"), tmp_path / "whole").figures
    assert Recipe.read(tmp_path / "run" / "recipe.toml").training.epochs == 20


@pytest.mark.parametrize(
    ("set_to", "error", "message"),
    [
        ("data.bad_node=7", ValueError, "ring: expected finite features, got nan at node 7, column 2"),
        (
            f"data.name={HERE}:no_task",
            TypeError,
            f"data set '{HERE}:no_task': expected it to give a NodeTask, .* or a MaskedTask, got str",
        ),
        (f"model.name={HERE}:no_model", TypeError, "expected a NetworkConfig or a torch module of it, got str"),
        (
            f"model.name={HERE}:one_class_too_many",
            ValueError,
            r"expected outputs \[60 nodes, 3 classes\] for ring, got",
        ),
        ("training.device=quantum", ValueError, "training: device 'quantum' with precision '32-true': "),
    ],
)
def test_what_does_not_fit_is_named_before_anything_is_written(recipe_file, tmp_path, set_to, error, message):
    with pytest.raises(error, match=message):
        run(recipe(recipe_file, set_to), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_whose_schedule_ends_cannot_be_made_longer(recipe_file, tmp_path):
    run(recipe(recipe_file, "training.schedule=cosine"), tmp_path / "run")
    with pytest.raises(ValueError, match="(?s)was started with another recipe .*training.epochs: 20, 12"):
        run(recipe(recipe_file, "training.schedule=cosine", "training.epochs=20"), tmp_path / "run", resume=True)


def test_edge_features_that_the_model_would_not_hear_are_refused(recipe_file):
    recipe_file.write_text(
        f'[data]\nname = "{HERE}:cycles_task"\nedge_features = true\n'
        '[model]\nname = "gin"\n[training]\nbatch_size = 8\n'
    )
    with pytest.raises(
        ValueError, match="model 'gin': it reads no edge features, and cycles has 3 an edge; take a mod"
    ):
        prepare(recipe(recipe_file))
    made = recipe(recipe_file, "model.name=graph_transformer", "model.head=graph", "model.positions=[]")
    task, network = prepare(made)
    assert network.edge_features_of == ("edges",)
    assert work(network, task, made.training).epoch > 3 * work(network, task, made.training).forward > 0


def test_overwrite_drops_what_a_kill_has_left_of_the_old_run(recipe_file, tmp_path):
    run(recipe(recipe_file), tmp_path / "run")
    (tmp_path / "run" / "last").rename(tmp_path / "run" / ".old.last")
    open_run_folder(tmp_path / "run", recipe(recipe_file), overwrite=True)
    assert names(tmp_path / "run") == ["recipe.toml"]


def test_a_kill_before_the_recipe_was_written_leaves_a_folder_that_is_taken(recipe_file, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".new.recipe.toml").write_text("[da")
    open_run_folder(tmp_path / "run", recipe(recipe_file), resume=True)
    assert names(tmp_path / "run") == ["recipe.toml"]


def test_an_empty_folder_is_taken(recipe_file, tmp_path):
    (tmp_path / "run").mkdir()
    open_run_folder(tmp_path / "run", recipe(recipe_file))
    assert names(tmp_path / "run") == ["recipe.toml"]


@pytest.mark.parametrize("data", DATASETS)
@pytest.mark.parametrize("model", ["basic", "gcn", "sage", "gat", "gatv2", "graph_transformer"])
def test_every_node_model_can_be_named_with_every_data_set_of_nodes(recipe_file, tmp_path, data, model):
    assert model in MODELS
    options = SMALL[data](tmp_path)
    if not isinstance(DATASETS[data](**options), NodeTask):
        pytest.skip("its examples are graphs")
    recipe_file.write_text(f'[data]\nname = "{data}"\n[model]\nname = "{model}"\n[training]\ndevice = "cpu"\n')
    prepare(recipe(recipe_file, *(f"data.{name}={value}" for name, value in options.items())))


def test_totals_go_on_over_sittings(recipe_file, tmp_path, monkeypatch):
    monkeypatch.setattr("edgewise.training.loop.peak_memory", lambda: 7 * 2**20)
    monkeypatch.setattr("edgewise.training.energy.Energy.added_to", lambda self, total: total + 2.5)
    first = run(recipe(recipe_file, "training.epochs=4"), tmp_path / "run")
    assert (first.memory, first.energy) == (7 * 2**20, 10.0)
    monkeypatch.setattr("edgewise.training.loop.peak_memory", lambda: 3 * 2**20)
    second = run(recipe(recipe_file), tmp_path / "run", resume=True)
    assert (second.memory, second.energy) == (7 * 2**20, 30.0) and second.seconds > first.seconds
    report = (tmp_path / "run" / "report.md").read_text()
    assert "- memory: 7 MB in the process at most\n" in report
    assert "- energy: 30 J, of all that the processors did in that time\n" in report


def test_energy_that_cannot_be_read_is_told_as_that(recipe_file, tmp_path, monkeypatch):
    monkeypatch.setattr("edgewise.training.energy.Energy.added_to", lambda self, total: None)
    run(recipe(recipe_file, "training.epochs=1"), tmp_path / "run")
    assert "- energy: not readable here\n" in (tmp_path / "run" / "report.md").read_text()


def test_counting_the_work_leaves_the_network_as_it_was(recipe_file):
    task, network = prepare(recipe(recipe_file))
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    assert work(network, task, recipe(recipe_file).training).epoch > 0
    assert all(before[name].equal(weight) for name, weight in network.state_dict().items())
    assert all(weight.grad is None for weight in network.parameters())
