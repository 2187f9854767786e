"""The Python blocks of the documents are tests: they run in order, share a namespace, and fail when they are wrong."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def documents(pytester):
    pytester.makeconftest((ROOT / "conftest.py").read_text())
    pytester.mkdir("docs")

    def run(text, name="README.md"):
        (pytester.path / name).write_text(text)
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", name)

    return run


@pytest.mark.parametrize("name", ["README.md", "docs/notation.md"])
def test_blocks_of_one_file_share_a_namespace(documents, name):
    documents("```python\nx = 2\n```\ntext\n```python\nassert x == 2\n```\n", name).assert_outcomes(passed=2)


def test_a_wrong_block_fails(documents):
    documents("```python\nassert 1 + 1 == 3\n```\n").assert_outcomes(failed=1)


def test_a_block_that_shows_a_session_is_compared_with_it(documents):
    documents("```python\n>>> 1 + 1\n3\n```\n").assert_outcomes(failed=1)
    documents("```python\n>>> 1 + 1\n2\n```\n").assert_outcomes(passed=1)


def test_commands_and_output_are_not_run(documents):
    documents("```sh\nfalse\n```\n```text\nnot python\n```\n    indented\n").assert_outcomes()
