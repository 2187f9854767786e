"""Texts come out of files by their ending, and what is wrong with a file is said."""

import json

import pytest

from edgewise.data.table import Table
from edgewise.data.texts import read_texts

ROWS = {"text": ["one two", "three"], "kind": ["a", "b"]}


def test_lines(tmp_path):
    file = tmp_path / "lines.txt"
    file.write_text("one two\n\n  \nthree\n")
    read = read_texts(file)
    assert (read.texts, read.rows, read.labels) == (("one two", "three"), (0, 3), None)
    assert read_texts(file, whole=True).texts == ("one two\n\n  \nthree\n",)


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "jsonl"])
def test_columns(tmp_path, ending):
    file = tmp_path / f"rows.{ending}"
    if ending == "tsv":
        file.write_text("text\tkind\none two\ta\nthree\tb\n")
    elif ending == "jsonl":
        file.write_text(
            "".join(json.dumps(dict(zip(ROWS, row, strict=True))) + "\n" for row in zip(*ROWS.values(), strict=True))
        )
    else:
        Table.of("rows", ROWS).write(file)
    read = read_texts(file, label="kind")
    assert (read.texts, read.rows, read.labels) == (("one two", "three"), (0, 1), ("a", "b"))
    assert read_texts(file, column="kind").texts == ("a", "b")


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("a.doc", b"x", {}, "a.doc: expected a file of texts that ends in .txt, .md, .csv"),
        ("gone.txt", None, {}, "gone.txt: there is no such file"),
        ("a.txt", b"", {}, "a.txt: there is no text in it"),
        ("a.txt", b" \n\n", {"whole": True}, "a.txt: there is no text in it"),
        (
            "a.txt",
            b"one\ntw\xff\n",
            {},
            r"a.txt, line 2: expected UTF-8, got b'\\xff' at byte 2 of the line; save the file in UTF-8",
        ),
        ("a.txt", b"one", {"label": "kind"}, "a.txt: a text file has no columns; leave --column and --label out"),
        ("a.csv", b"texts\nx\n", {}, "a.csv: there is no column 'text'. Known: texts. Did you mean 'texts'"),
        ("a.csv", b"text,kind\nx,a\n,b\n", {}, "a.csv: column 'text' is empty in row 1; leave the row out, or fill it"),
        ("a.csv", b"text,kind\nx,\n", {"label": "kind"}, "a.csv: column 'kind' is empty in row 0"),
        ("a.jsonl", b"{no", {}, "a.jsonl: cannot be read as JSON, an object a line"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, name, content, options, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_texts(tmp_path / name, **options)
