"""The Python blocks of the documents are tests: they run in order, share a namespace, and fail when they are wrong."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from sybil.example import SybilFailure

ROOT = Path(__file__).parent.parent


@pytest.fixture
def run(tmp_path):
    """Run a document's blocks as the suite does; how many there were."""
    documents = runpy.run_path(str(ROOT / "conftest.py"))["documents"]

    def run_blocks(text):
        file = tmp_path / "page.md"
        file.write_text(text)
        return len([example.evaluate() for example in documents.parse(file).examples()])

    return run_blocks


def test_blocks_of_one_file_share_a_namespace(run):
    assert run("```python\nx = 2\n```\ntext\n\n```python\nassert x == 2\n```\n") == 2


def test_a_wrong_block_fails(run):
    with pytest.raises(AssertionError):
        run("```python\nassert 1 + 1 == 3\n```\n")


def test_a_block_that_shows_a_session_is_compared_with_it(run):
    assert run("```python\n>>> 1 + 1\n2\n```\n") == 1
    with pytest.raises(SybilFailure):
        run("```python\n>>> 1 + 1\n3\n```\n")


def test_commands_and_output_are_not_run(run):
    assert run("```sh\nfalse\n```\n\n```text\nnot python\n```\n\n    indented\n") == 0


def test_every_page_with_python_blocks_is_collected():
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    written = sum(page.read_text().count("\n```python\n") for page in pages)
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", "README.md", "docs"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert listed.count(".md::") >= written
