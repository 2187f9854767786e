"""The examples run as they stand, and the page that explains them shows the very same code."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.real_data import real

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
# What the last line of each must say; a file of parts says nothing.
ENDS = {
    "characters": r"Could frame thy fearful symmetry\?",
    "my_parts": r"",
    "social_network": r"links, test: ROC-AUC [89]\d\.\d %; picture in .*suggestions\.png",
    "own_loop": r"test accuracy 7\d\.\d %",
    "two_worlds": r"in a window they do not: True",
}


def run(*command, folder=EXAMPLES):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shown(page):
    """The Python blocks of a page that define a class or a function."""
    blocks = re.findall(r"\n```python\n(.*?)```", page.read_text(), re.DOTALL)
    return [block for block in blocks if re.match(r"(@\w+.*\n)?(class|def) ", block)]


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_runs_and_ends_as_it_should(script, tmp_path):
    picture = tmp_path / "suggestions.png"
    asked = []
    if script.stem == "social_network":
        asked = [str(real("musae_facebook")), "--quick", "--picture", str(picture)]
    lines = run(sys.executable, script.name, *asked).rstrip("\n").split("\n")
    assert re.fullmatch(ENDS[script.stem], lines[-1])
    assert picture.exists() == bool(asked)


@pytest.mark.slow
def test_the_recipe_of_ones_own_parts_trains(tmp_path):
    command = Path(sys.executable).with_name("edgewise")
    told = run(command, "train", "my_recipe.toml", "--epochs", "2", "--out", str(tmp_path / "run"))
    assert "two camps" in (tmp_path / "run/report.md").read_text()
    assert "accuracy" in told


def test_the_page_shows_the_code_of_the_example():
    own, page = (EXAMPLES / "my_parts.py").read_text(), ROOT / "docs/write_your_own.md"
    blocks = shown(page)
    assert len(blocks) == len(re.findall(r"^(?:class|def) ", own, re.MULTILINE))
    assert not [block for block in blocks if block not in own]


def test_the_page_shows_the_recipe_of_the_example():
    recipe = (EXAMPLES / "my_recipe.toml").read_text()
    (block,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/write_your_own.md").read_text(), re.DOTALL)
    assert recipe.endswith(block)
