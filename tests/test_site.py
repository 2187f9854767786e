"""The site: what it makes of docstrings, and that it has a page for each room."""

import inspect
import re
import runpy
from importlib import import_module
from pathlib import Path

import pytest

import edgewise

ROOT = Path(__file__).parent.parent
# The command line has its own page, with the help texts.
ROOMS = sorted({path.parent.name for path in Path(edgewise.__file__).parent.glob("*/__init__.py")} - {"cli"})


@pytest.fixture(scope="module")
def tool():
    return runpy.run_path(str(ROOT / "tools/docstrings.py"))


def test_an_example_becomes_a_block_of_code(tool):
    fenced = tool["fenced"]
    assert fenced("Adds.\n\n>>> 1 + 1\n2\n\nDone.") == "Adds.\n\n```pycon\n>>> 1 + 1\n2\n```\n\nDone."
    assert fenced(">>> 1\n1") == "```pycon\n>>> 1\n1\n```"
    assert fenced("No example.\n\n    a > b >>> c") == "No example.\n\n    a > b >>> c"


def test_the_comment_of_a_field_is_its_description(tool):
    comment = tool["comment"]
    assert comment("hidden: int = 8  # channels a head") == "Channels a head."
    assert comment("hidden: int = 8") == ""
    assert comment("score: Score = Dot()  # noqa: B008") == ""


def is_shown(value, page):
    """Whether the page asks for the thing itself, or for the whole file it stands in."""
    module = value.__module__
    return re.search(rf"^::: {re.escape(module)}(\.{value.__name__})?$", page, re.MULTILINE) is not None


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_of_a_room_is_in_the_reference(room):
    face = import_module(f"edgewise.{room}")
    page = (ROOT / f"docs/reference/{room}.md").read_text()
    values = {name: getattr(face, name) for name in face.__all__ if not name.isupper()}
    made = {name: value for name, value in values.items() if inspect.isclass(value) or inspect.isfunction(value)}
    assert not [name for name, value in made.items() if not is_shown(value, page)]


def test_every_decision_is_listed_by_its_title():
    decisions = ROOT / "docs/decisions"
    titles = {note.name: note.read_text().splitlines()[0].removeprefix("# ") for note in decisions.glob("0*.md")}
    listed = (decisions / "README.md").read_text()
    assert not [name for name, title in titles.items() if f"- [{title}]({name})" not in listed]


def test_every_room_with_a_page_is_on_the_map():
    index = (ROOT / "docs/index.md").read_text()
    pages = [*(ROOT / "docs/rooms").glob("*.md"), *(ROOT / "docs/reference").glob("*.md")]
    assert not [page.stem for page in pages if f"]({page.parent.name}/{page.name})" not in index]
