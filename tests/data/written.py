"""Small texts in files."""

from pathlib import Path

VERSE = "the cat sat on the mat and the dog sat on the log\n" * 12

ROWS = [("a fine day", "good"), ("a bad day", "bad"), ("fine , fine", "good"), ("bad bad bad", "bad")] * 5

CONLLU = """\
# sent_id = s{n}
1	Dogs	dog	NOUN	_	_	2	nsubj	_	_
2	bark	bark	VERB	_	_	0	root	_	_
3	loudly	loudly	ADV	_	_	2	advmod	_	_
4	!	!	_	_	_	2	punct	_	_

"""


def verse(folder: Path) -> Path:
    """A folder with a text."""
    (folder / "verse.txt").write_text(VERSE)
    return folder


def table(folder: Path, name: str = "rows.tsv", rows=ROWS, header: str = "text\tlabel\n") -> Path:
    """A folder with a table of texts and their labels."""
    (folder / name).write_text(header + "".join("\t".join(row) + "\n" for row in rows))
    return folder


def trees(folder: Path, name: str = "trees.conllu", sentences: int = 10) -> Path:
    """A folder with a treebank."""
    (folder / name).write_text("".join(CONLLU.format(n=n) for n in range(sentences)))
    return folder
