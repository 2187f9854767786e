"""Help: its texts are kept beside this file, and asking for it loads nothing heavy.

After a change of mind: EDGEWISE_SNAPSHOTS=write python -m pytest tests/cli/test_help.py, then read the difference.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SNAPSHOTS = Path(__file__).parent / "snapshots"
VERBS = ["", "train", "evaluate", "predict", "graph", "recipes", "rewire", "embed", "generate"]


@pytest.mark.parametrize("verb", VERBS)
def test_help_reads_as_it_was_agreed(edgewise, verb):
    result = edgewise(*verb.split(), "--help")
    assert result.exit_code == 0
    file = SNAPSHOTS / f"{verb or 'edgewise'}.txt"
    if os.environ.get("EDGEWISE_SNAPSHOTS") == "write":
        file.write_text(result.stdout)
    assert result.stdout == file.read_text()


@pytest.mark.parametrize("verb", VERBS)
def test_every_help_shows_examples(edgewise, verb):
    assert "Examples:\n    edgewise " in edgewise(*verb.split(), "--help").stdout


def test_every_verb_has_its_snapshot():
    from edgewise.cli.app import app

    verbs = {command.callback.__name__ for command in app.registered_commands}
    assert verbs | {""} == set(VERBS)
    assert {file.stem for file in SNAPSHOTS.iterdir()} == verbs | {"edgewise"}


@pytest.mark.parametrize(
    "arguments",
    [*([*verb.split(), "--help"] for verb in VERBS), ["recipes"], ["recipes", "cora-gat"], ["--version"], ["train"]],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(arguments):
    program = (
        "import sys\n"
        "from edgewise.cli import main\n"
        f"sys.argv = ['edgewise', *{arguments!r}]\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'torch', 'numpy', 'rich.console', 'lightning', 'tomlkit', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_no_arguments_show_help(edgewise):
    assert "Usage: edgewise" in edgewise().output


def test_version(edgewise):
    import edgewise as library

    assert edgewise("--version").stdout == f"edgewise {library.__version__}\n"
