import json
import shlex
import shutil
from pathlib import Path

import pytest
from tests.data.small import SMALL

from edgewise.cli import completion
from edgewise.data.parts import PARTS


@pytest.fixture
def run(edgewise):
    """A run of three epochs on the small tables in tiny/, at runs/tiny."""
    Path("tiny").mkdir()
    SMALL["tables"](Path("tiny"))
    Path("tiny.toml").write_text(
        '[data]\nname = "tables"\nfolder = "tiny"\n[model]\nname = "gcn"\n[training]\nepochs = 3\ndevice = "cpu"\n'
    )
    result = edgewise("train", "tiny.toml")
    assert result.exit_code == 0, result.stderr
    return "runs/tiny"


def test_evaluate_prints_the_lines_of_the_report(edgewise, run):
    result = edgewise("evaluate", run)
    assert result.exit_code == 0, result.stderr
    head, *rows = [line.split() for line in result.stdout.splitlines()[:4]]
    assert head == ["part", "nodes", "accuracy", "f1", "roc_auc", "average_precision", "loss"]
    report = Path(run, "report.md").read_text()
    for part, nodes, accuracy, percent, *_, loss in rows:
        assert f"| {part} | {nodes} | {accuracy} {percent} | {loss} |" in report
    assert result.stdout.splitlines()[4].startswith("tables tiny, by the weights of epoch ")


def test_one_part_as_json(edgewise, run):
    told = json.loads(edgewise("evaluate", run, "--part", "test", "--json").stdout)
    assert told["run"] == run and told["data"] == "tables tiny" and list(told["parts"]) == ["test"]
    assert told["parts"]["test"]["examples"] == 2 and 0 <= told["parts"]["test"]["accuracy"] <= 1


def test_other_data(edgewise, run):
    shutil.copytree("tiny", "other")
    result = edgewise("evaluate", run, "--data", "other")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[1].split()[:2] == ["labelled", "10"]


def other(**changes):
    """Other data, of which some text is replaced."""
    shutil.copytree("tiny", "other")
    for name, (old, new) in changes.items():
        file = Path("other", f"{name}.csv")
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))


BAD_DATA = [
    ({"nodes": ("id,age", "id,years")}, "nodes.csv: there is no column 'age'. Known: id, label, town, years."),
    ({"nodes": ("town", "city")}, "nodes.csv: there is no column 'town'."),
    ({"nodes": ("c2,26", "c2,nan")}, "column 'age' is to hold finite numbers, got nan at row 2"),
    ({"nodes": ("c2,26", "c2,inf")}, "column 'age' is to hold finite numbers, got inf at row 2"),
    ({"edges": ("c1,c2", "c1,c77")}, "column 'target' has 'c77' at row 1, which is the id of no node in nodes.csv"),
    ({"nodes": (",", ";"), "edges": (",", ";")}, "with the delimiter ',' it has one column"),
]
BAD_TARGETS = [
    ({"nodes": ("label", "lable")}, "there is no column 'label'. Known: age, id, lable, town. Did you mean 'lable'?"),
    ({"nodes": ("c2,26,Ulm,buys", "c2,26,Ulm,sells")}, "class 'sells' at row 2, which training has never seen."),
]


@pytest.mark.parametrize(("changes", "message"), [*BAD_DATA, *BAD_TARGETS])
def test_bad_data_are_one_message(edgewise, run, changes, message):
    other(**changes)
    result = edgewise("evaluate", run, "--data", "other")
    assert result.exit_code == 2 and not result.stdout
    assert message in result.stderr and "Traceback" not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("runs/gone", "runs/gone: there is no such run folder"),
        ("tiny", "tiny: it holds no recipe.toml, so it is not a run's folder"),
        ("runs/tiny --data gone", "gone: there is no such file or folder"),
        (
            "runs/tiny --data runs",
            "tables: there is no nodes.parquet or nodes.csv or nodes.csv.gz or nodes",
        ),
        ("runs/tiny --part tets", "unknown part 'tets'. Known: test, train, validation. Did you mean 'test'?"),
        ("runs/tiny --part test --data tiny", "--data and --part: other data have no parts"),
        ("runs/tiny --set model.hidden=4", "best: its config.json is of another network than the recipe's"),
        ("runs/tiny --set model.hiden=4", "[model] unknown key 'hiden'."),
        ("runs/tiny --set data.learned=4", "[data] unknown key 'learned'."),
    ],
)
def test_a_mistake_is_one_message(edgewise, run, arguments, message):
    result = edgewise("evaluate", *shlex.split(arguments))
    assert result.exit_code == 2 and not result.stdout
    assert message in result.stderr and "Traceback" not in result.output


def test_a_damaged_checkpoint_is_one_message(edgewise, run):
    weights = Path(run, "best", "model.safetensors")
    weights.write_bytes(weights.read_bytes()[:100])
    result = edgewise("evaluate", run)
    assert result.exit_code == 2 and "runs/tiny/best: the checkpoint is damaged (" in result.stderr
    Path(run, "data.json").write_text("{")
    result = edgewise("evaluate", run)
    assert result.exit_code == 2 and "runs/tiny/data.json: it is damaged (" in result.stderr


@pytest.mark.parametrize("verb", [["evaluate"], ["predict", "tiny", "-o", "out.csv"]])
def test_ctrl_c_is_130(edgewise, run, verb):
    Path("impatient.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    recipe = Path(run, "recipe.toml")
    recipe.write_text(recipe.read_text().replace('name = "tables"', 'name = "impatient:task"'))
    name, *rest = verb
    result = edgewise(name, run, *rest)
    assert result.exit_code == 130 and result.stderr.endswith("edgewise: stopped\n") and not result.stdout


def test_run_folders_and_parts_are_completed(edgewise, run):
    Path("elsewhere/mine").mkdir(parents=True)
    Path("elsewhere/mine/recipe.toml").touch()
    assert completion.run_folders("") == ["runs/tiny"]
    assert completion.run_folders("runs/t") == ["runs/tiny"] and completion.run_folders("runs/x") == []
    assert completion.run_folders("elsewhere/") == ["elsewhere/mine"]
    assert completion.PARTS == PARTS and completion.parts("t") == ["train", "test"]
