import resource
import shlex
import signal
from pathlib import Path

import pytest
from rich.console import Console

from edgewise.cli.progress import Progress
from edgewise.training import OBJECTIVES, SCORES, Epoch, Goal, Place
from edgewise.training.metrics import read

GOAL = Goal(OBJECTIVES["cross_entropy"], SCORES["accuracy"], "accuracy")
STAND_IN = "tests.training.stand_in"


def test_train_leaves_a_run_and_says_how_good_it_is(edgewise):
    result = edgewise("train", "ring.toml")
    assert result.exit_code == 0, result.stderr
    folder = Path("runs/ring")
    assert {path.name for path in folder.iterdir()} == {
        "best", "confusion.csv", "curves.png", "data.json", "last", "metrics.csv", "recipe.toml", "report.md",
    }  # fmt: skip
    assert "test" in result.stdout and "runs/ring/report.md" in result.stdout
    assert len(read(folder)) == 8


def test_options_reach_the_recipe(edgewise):
    result = edgewise(
        *shlex.split("train ring.toml --out here --seed 5 --epochs 3 --set model.hidden=4 --set data.noise=0.5")
    )
    assert result.exit_code == 0, result.stderr
    kept = Path("here/recipe.toml").read_text()
    assert all(line in kept for line in ("seed = 5", "epochs = 3", "hidden = 4", "noise = 0.5"))


def test_a_model_of_ones_own_is_found_in_the_working_folder(edgewise):
    Path("my_ring_model.py").write_text(
        "from tests.training.stand_in import mean_network\n"
        "def build(in_dim, out_dim):\n    return mean_network(in_dim, out_dim, hidden=3)\n"
    )
    result = edgewise("train", "ring.toml", "--epochs", "1", "--set", "model.name=my_ring_model:build")
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train nothing", "unknown recipe 'nothing'. Known: cora-gat"),
        ("train nothing.toml", "recipe nothing.toml: there is no such file"),
        ("train ring.toml --set training.epoch=3", "[training] unknown key 'epoch'."),
        ("train ring.toml --set training.epochs=3 --set model.hiden=3 --set training.device=7", "2 mistakes"),
        ("train ring.toml --set data.bad_node=7", "ring: expected finite features, got nan at node 7, column 2"),
        (f"train ring.toml --set model.name={STAND_IN}:one_class_too_many", "expected outputs [60 nodes, 3 classes]"),
        ("train ring.toml --set training.device=quantum", "training: device 'quantum' with precision"),
        ("train ring.toml --resume --overwrite", "--resume and --overwrite: one keeps"),
    ],
)
def test_a_mistake_is_one_message_and_nothing_is_written(edgewise, arguments, message):
    before = set(Path().iterdir())
    result = edgewise(*shlex.split(arguments))
    assert result.exit_code == 2
    assert message in result.stderr and "Traceback" not in result.stderr
    assert not result.stdout
    assert set(Path().iterdir()) == before


@pytest.mark.parametrize("arguments", ["train", "train ring.toml --bogus", "train ring.toml --epochs 0", "trian"])
def test_wrong_usage_is_exit_code_2(edgewise, arguments):
    result = edgewise(*shlex.split(arguments))
    assert result.exit_code == 2 and "Error: " in result.stderr


def test_a_run_is_not_overwritten_unasked(edgewise):
    assert edgewise("train", "ring.toml").exit_code == 0
    again = edgewise("train", "ring.toml", "--epochs", "2")
    assert again.exit_code == 2
    assert "runs/ring: it holds a run. Add --resume to go on with it, --overwrite to drop it" in again.stderr
    assert len(read(Path("runs/ring"))) == 8
    assert edgewise("train", "ring.toml", "--epochs", "2", "--overwrite").exit_code == 0
    assert len(read(Path("runs/ring"))) == 2


def test_a_missing_extra_is_named(edgewise, monkeypatch):
    from edgewise import extras

    def missing(module):
        raise ModuleNotFoundError(f"No module named {module!r}", name=module.partition(".")[0])

    monkeypatch.setattr(extras, "import_module", missing)
    result = edgewise("train", "ring.toml")
    assert result.exit_code == 2
    assert "is needed here and not installed: pip install 'edgewise[" in result.stderr


def test_without_typer_the_command_names_its_extra(monkeypatch, capsys):
    from edgewise import extras
    from edgewise.cli import main

    def missing(module):
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr(extras, "import_module", missing)
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "typer is needed here and not installed: pip install 'edgewise[cli]'" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_one_message(edgewise):
    edgewise("train", "ring.toml")
    weights = Path("runs/ring/last/model.safetensors")
    weights.write_bytes(weights.read_bytes()[:100])
    result = edgewise("train", "ring.toml", "--resume")
    assert result.exit_code == 2 and "last: the checkpoint is damaged" in result.stderr


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (100, "File too large: 'runs/ring/recipe.toml'"),
        (2000, "runs/ring: the checkpoint could not be written (Error while serializing: I/O error: File too large"),
    ],
)
def test_a_disk_that_fills_is_one_message_and_nothing_is_lost(edgewise, limit, message):
    arguments = ["--set", "training.save_every=0"]
    edgewise("train", "ring.toml", *arguments, "--out", "whole")
    edgewise("train", "ring.toml", *arguments, "--epochs", "4")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))  # no file may grow beyond it
    try:
        result = edgewise("train", "ring.toml", *arguments, "--resume")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert result.exit_code == 2 and message in result.stderr and "Traceback" not in result.output
    resumed = edgewise("train", "ring.toml", *arguments, "--resume")
    assert resumed.exit_code == 0, resumed.stderr
    assert [epoch[2:] for epoch in read(Path("runs/ring"))] == [epoch[2:] for epoch in read(Path("whole"))]


def test_ctrl_c_says_how_to_go_on(edgewise):
    chosen = ["--set", f"model.name={STAND_IN}:interrupting"]
    result = edgewise("train", "ring.toml", *chosen)
    assert result.exit_code == 130
    assert "stopped after epoch 4; runs/ring can be resumed" in result.stderr and "Traceback" not in result.output
    command = result.stderr.partition("To go on: edgewise ")[2].strip()
    assert command == "train runs/ring/recipe.toml --out runs/ring --resume"
    assert len(read(Path("runs/ring"))) == 4
    Path("runs/ring/recipe.toml").write_text(Path("runs/ring/recipe.toml").read_text().replace("at = 4", "at = 99"))
    resumed = edgewise(*shlex.split(command))
    assert resumed.exit_code == 0, resumed.stderr
    assert len(read(Path("runs/ring"))) == 8


def test_ctrl_c_before_training_writes_nothing(edgewise):
    Path("impatient.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    handler = signal.getsignal(signal.SIGINT)
    result = edgewise("train", "ring.toml", "--set", "data.name=impatient:task")
    assert result.exit_code == 130 and "edgewise: stopped" in result.stderr
    assert "To go on" not in result.stderr and not Path("runs").exists()
    assert signal.getsignal(signal.SIGINT) is handler


def test_ctrl_c_in_two_processes_stops_both_and_they_go_on(edgewise):
    with Path("ring.toml").open("a") as recipe:
        recipe.write('devices = 2\nbatch_size = 6\nsampling = {name = "neighbours", fanouts = [4, 4]}\n')
    result = edgewise("train", "ring.toml", "--set", f"model.name={STAND_IN}:interrupting")
    assert result.exit_code == 130 and "Traceback" not in result.output
    assert result.stderr.count("stopped after epoch 2; runs/ring can be resumed") == 1 and not result.stdout
    Path("runs/ring/recipe.toml").write_text(Path("runs/ring/recipe.toml").read_text().replace("at = 4", "at = 99"))
    resumed = edgewise(*shlex.split(result.stderr.partition("To go on: edgewise ")[2].strip()))
    assert resumed.exit_code == 0, resumed.stderr
    assert [epoch.number for epoch in read(Path("runs/ring"))] == list(range(1, 9))
    assert resumed.stdout.count("Best epoch") == 1
    report = Path("runs/ring/report.md").read_text()
    assert "- device: 2 x cpu," in report and "MB in 2 processes at most" in report
    assert edgewise("evaluate", "runs/ring").exit_code == 0  # on one device


def epoch(number):
    return Epoch(number, 0.5 * number, 1.0, 0.5, 1.0, 0.75)


def test_progress_on_a_terminal_shows_epochs_time_left_and_accuracy(tmp_path):
    with (tmp_path / "screen").open("w") as screen:
        console = Console(file=screen, force_terminal=True, width=120, color_system=None)
        with Progress(4, GOAL, console) as progress:
            for number in range(1, 5):
                progress.tell(epoch(number), Place(epoch=number, best_epoch=1))
    shown = (tmp_path / "screen").read_text()
    assert "4/4" in shown and "validation accuracy 75.0 %, best in epoch 1" in shown and "at most" in shown


def test_progress_elsewhere_is_plain_lines(tmp_path, monkeypatch):
    monkeypatch.setattr("edgewise.cli.progress.SECONDS_BETWEEN_LINES", 0.0)
    with (tmp_path / "log").open("w") as log, Progress(4, GOAL, Console(file=log)) as progress:
        progress.tell(epoch(2), Place(epoch=2, best_epoch=1))
    expected = "epoch 2/4  validation accuracy 75.0 %, best in epoch 1  1 s, at most 1 s more\n"
    assert (tmp_path / "log").read_text() == expected
