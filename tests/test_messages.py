"""Every error message in the library is pinned by a test: some run of its words stands in a `match=`."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import edgewise

SOURCE = Path(edgewise.__file__).parent
TESTS = Path(__file__).parent
# As many words in a row as tell one message from another; a shorter message must stand whole.
RUN = 3

Words = tuple[str, ...]


def words(text: str) -> Words:
    return tuple(re.findall(r"\w+", text.lower()))


def runs_of(fragment: str) -> set[Words]:
    """Each run of `RUN` words in a constant piece of text, or the whole of a shorter one."""
    all_words = words(fragment)
    return {all_words[k : k + RUN] for k in range(max(1, len(all_words) - RUN + 1))} - {()}


def texts(node: ast.AST) -> list[str]:
    """The constant pieces of text in an expression: literals, f-strings between their braces, their sums."""
    return [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def named_texts(name: str, tree: ast.AST) -> list[str]:
    """The constant text that a variable or a message-making function of the same file holds."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and name in map(ast.unparse, node.targets):
            found += texts(node.value)
        if isinstance(node, ast.FunctionDef) and node.name == name:
            body = node.body[1:] if ast.get_docstring(node) else node.body
            found += [text for line in body for text in texts(line)]
    return found


def messages(source: str) -> Iterator[tuple[int, str, list[str]]]:
    """Line, code and constant pieces of each raise that makes a new error.

    Handing on a caught error makes none, and an abstract method's NotImplementedError needs no words.
    """
    tree = ast.parse(source)
    caught = {node.name for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Raise) or node.exc is None:
            continue
        made = ast.unparse(node.exc)
        if made in caught or made.startswith(("NotImplementedError", "StopIteration", "typer.Exit")):
            continue
        pieces = texts(node.exc)
        if not max(map(len, map(words, pieces)), default=0) > 1:
            names = [n.id for n in ast.walk(node.exc) if isinstance(n, ast.Name)]
            pieces = [*pieces, *(text for name in names for text in named_texts(name, tree))]
        yield node.lineno, made, pieces


def expectations(source: str) -> Iterator[str]:
    """The texts that a test file expects.

    They are its `match=` and its `"..." in ...`. Where a `match=` is a variable, or what is in the error stream is,
    any text of the file may be the one.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "match":
            yield from texts(node.value)
            if any(isinstance(n, ast.Name) and n.id != "re" for n in ast.walk(node.value)):
                yield from texts(tree)
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In):
            yield from texts(node.left)
            on_stderr = ast.unparse(node.comparators[0]).endswith(".stderr")
            if on_stderr and isinstance(node.left, ast.Name):
                yield from texts(tree)


def doctest_expectations(source: str) -> list[str]:
    """The errors that doctests show, which are compared whole."""
    return re.findall(r"Traceback \(most recent call last\):\n(?:\s+\.\.\.\n)?\s*(\w+: .*)", source)


def expected_runs(regular_expressions: Iterable[str]) -> set[Words]:
    """Every run of words in the texts, up to `RUN` long; a regular expression's wildcards break a run."""
    found = set()
    for text in regular_expressions:
        for piece in re.split(r"\.[*+?]+|\[[^\]]*\][*+?]?|\\[dwsS][*+?]?", text.replace("\\[", "(")):
            all_words = words(re.sub(r"\\(.)", r"\1", piece))
            found |= {all_words[k : k + n] for n in range(1, RUN + 1) for k in range(len(all_words) - n + 1)}
    return found


def unpinned(source: str, expected: set[Words]) -> list[str]:
    found = []
    for line, made, pieces in messages(source):
        # The longest pieces tell messages apart; ", got " does not.
        longest = max(map(len, map(words, pieces)), default=0)
        telling = [piece for piece in pieces if len(words(piece)) >= min(RUN, longest) > 0]
        if not any(runs_of(piece) & expected for piece in telling):
            found.append(f"line {line}: {made}")
    return found


def everything_expected() -> set[Words]:
    tests = [text for file in TESTS.rglob("*.py") for text in expectations(file.read_text())]
    doctests = [text for file in SOURCE.rglob("*.py") for text in doctest_expectations(file.read_text())]
    return expected_runs([*tests, *doctests])


def test_every_message_is_pinned():
    expected = everything_expected()
    missing = [
        f"{file.relative_to(SOURCE)}, {line}"
        for file in sorted(SOURCE.rglob("*.py"))
        for line in unpinned(file.read_text(), expected)
    ]
    assert not missing, f"{len(missing)} messages stand in no match= of a test:\n" + "\n".join(missing)


@pytest.mark.parametrize(
    "test",
    [
        'raises(ValueError, match="window: before must be at least 0")',
        'raises(ValueError, match=r"before must be at .*, got -1")',
        'raises(ValueError, match=re.escape("must be at least 0"))',
        'PARAMETERS = ["must be at least 0"]\nraises(ValueError, match=message)',
        'assert "before must be" in output',
    ],
)
def test_a_pinned_message_passes(test):
    source = 'raise ValueError(f"window: before must be at least 0, got {before}")'
    assert not unpinned(source, expected_runs(expectations(test)))


@pytest.mark.parametrize(
    "test",
    [
        'raises(ValueError, match="window: after must have")',
        'raises(ValueError, match="before .* must .* be .* at least")',
        'raises(ValueError, match="got")',
        'raises(ValueError)\n"window: before must be at least 0"',
    ],
)
def test_an_unpinned_message_is_seen(test):
    source = 'raise ValueError(f"window: before must be at least 0, got {before}")'
    assert unpinned(source, expected_runs(expectations(test)))


def test_a_message_made_elsewhere_in_the_file_is_followed():
    expected = expected_runs(["two graphs of one size"])
    assert not unpinned('text = f"{where}: two graphs of one size"\nraise ValueError(text)', expected)
    assert not unpinned('def told(a):\n    return f"two graphs of one size {a}"\nraise ValueError(told(1))', expected)
    assert unpinned('text = "another message altogether"\nraise ValueError(text)', expected)


def test_an_error_without_words_is_seen():
    assert unpinned("raise ValueError", set())
    assert unpinned("raise ValueError(number)", set())
    assert not unpinned("raise NotImplementedError", set())
    assert not unpinned("try: ...\nexcept KeyError as error:\n    raise error", set())
    assert not unpinned("try: ...\nexcept KeyError:\n    raise", set())


def test_a_doctest_pins_the_error_it_shows():
    doctest = ">>> f()\nTraceback (most recent call last):\n    ...\nValueError: two graphs of one size\n"
    assert not unpinned('raise ValueError("two graphs of one size")', expected_runs(doctest_expectations(doctest)))
