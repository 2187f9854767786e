import resource
import shlex
from pathlib import Path

import pytest
from rich.console import Console
from tests.cli.test_evaluate import BAD_DATA, other, run  # noqa: F401

from edgewise.cli.progress import Batches
from edgewise.data.table import Table


@pytest.mark.parametrize("out", ["out.parquet", "out.csv"])
def test_predict_writes_a_row_for_every_node(edgewise, run, out):  # noqa: F811
    result = edgewise("predict", run, "tiny", "-o", out)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"10 nodes, 4 columns: {out}\n"
    table = Table.read(Path(out))
    assert table.names == ["id", "said", "p(buys)", "p(leaves)"] and len(table) == 10
    assert set(table.texts("said")) <= {"buys", "leaves"}
    assert table.numbers("p(buys)") + table.numbers("p(leaves)") == pytest.approx(1)


def test_no_targets_are_needed(edgewise, run):  # noqa: F811
    other(nodes=("label", "unused"))
    assert edgewise("predict", run, "other", "-o", "out.csv").exit_code == 0


@pytest.mark.parametrize(("changes", "message"), BAD_DATA)
def test_bad_data_are_one_message_and_nothing_is_written(edgewise, run, changes, message):  # noqa: F811
    other(**changes)
    result = edgewise("predict", run, "other", "-o", "out.csv")
    assert result.exit_code == 2 and not result.stdout
    assert message in result.stderr and "Traceback" not in result.output
    assert not Path("out.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("runs/gone tiny -o out.csv", "runs/gone: there is no such run folder"),
        ("runs/tiny gone -o out.csv", "gone: there is no such file or folder"),
        ("runs/tiny tiny/nodes.csv -o out.csv", "expected a folder, and tiny/nodes.csv is a file"),
        ("runs/tiny tiny -o out.txt", "out.txt: expected a file that ends in .parquet or .csv"),
        ("runs/tiny tiny -o gone/out.csv", "gone/out.csv: there is no folder gone to write it in"),
        (
            "runs/tiny tiny -o out.csv -k 3",
            "--top-k is of links, and runs/tiny says something of each node",
        ),
        ("runs/tiny tiny -o tiny/nodes.csv", "tiny/nodes.csv: it is there already; --overwrite replaces it"),
    ],
)
def test_a_mistake_is_one_message_and_nothing_is_written(edgewise, run, arguments, message):  # noqa: F811
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    result = edgewise("predict", *shlex.split(arguments))
    assert result.exit_code == 2 and not result.stdout
    assert message in result.stderr and "Traceback" not in result.output
    assert before == {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def test_overwrite_replaces_the_file(edgewise, run):  # noqa: F811
    Path("out.csv").write_text("mine")
    assert edgewise("predict", run, "tiny", "-o", "out.csv", "--overwrite").exit_code == 0
    assert Path("out.csv").read_text().startswith('"id","said"')


@pytest.mark.parametrize("out", ["out.parquet", "out.csv"])
def test_a_disk_that_fills_is_one_message_and_what_was_there_stays(edgewise, run, out):  # noqa: F811
    Path(out).write_text("mine")
    before = set(Path().iterdir())
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))  # no file may grow beyond it
    try:
        result = edgewise("predict", run, "tiny", "-o", out, "--overwrite")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert result.exit_code == 2 and "File too large" in result.stderr and "Traceback" not in result.output
    assert Path(out).read_text() == "mine" and set(Path().iterdir()) == before


def test_progress_of_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("edgewise.cli.progress.SECONDS_BETWEEN_LINES", 0.0)
    with (tmp_path / "log").open("w") as log, Batches(console=Console(file=log)) as progress:
        progress.tell(1, 2)
        progress.tell(2, 2)
    assert (tmp_path / "log").read_text() == "batch 1/2  0 s more\n"
    with (tmp_path / "screen").open("w") as screen:
        console = Console(file=screen, force_terminal=True, width=100, color_system=None)
        with Batches(console=console) as progress:
            progress.tell(2, 2)
    assert "2/2" in (tmp_path / "screen").read_text() and "left" in (tmp_path / "screen").read_text()


def test_links_are_suggested_for_every_node(edgewise, run):  # noqa: F811
    of_links = ["data.task=links", "data.features={age = 'number'}", "model.head=links"]
    of_links.append("data.split={name = 'random', train = 0.6, validation = 0.2}")
    recipe = Path("links.toml")
    recipe.write_text(
        '[data]\nname = "tables"\nfolder = "tiny"\n[model]\nname = "gcn"\n[training]\nepochs = 2\ndevice = "cpu"\n'
    )
    trained = edgewise(
        "train", str(recipe), "--out", "runs/links", *(x for change in of_links for x in ("--set", change))
    )
    assert trained.exit_code == 0, trained.stderr
    result = edgewise("predict", "runs/links", "tiny", "-o", "out.csv", "-k", "2")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "20 suggestions for 10 nodes, 4 columns: out.csv\n"
    table = Table.read(Path("out.csv"))
    assert table.names == ["id", "rank", "partner", "p(linked)"] and list(table.numbers("rank")) == [1, 2] * 10
