"""CoNLL-U as Universal Dependencies writes it; what is broken is one error with file and line."""

import pickle
import re

import pytest
from tests.real_data import real

from edgewise.data import read_conllu

TEXT = """\
# newdoc id = letters
# sent_id = one
# text = Don't ask Ann's dog.
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVBP\tMood=Imp\t3\taux\t3:aux\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t3:advmod\t_
3\task\task\tVERB\tVB\tVerbForm=Inf\t0\troot\t0:root\tGloss=a=b|Entity=(e1)
4-5\tAnn's\t_\t_\t_\t_\t_\t_\t_\t_
4\tAnn\tAnn\tPROPN\tNNP\t_\t6\tnmod:poss\t6:nmod:poss\tEntity=(e2-animal(e3-person)
5\t's\t's\tPART\tPOS\t_\t4\tcase\t4:case\t_
5.1\tbig\tbig\tADJ\tJJ\t_\t_\t_\t6:amod\t_
6\tdog\tdog\tNOUN\tNN\tNumber=Sing\t3\tobj\t3:obj\tEntity=e2)|SpaceAfter=No
7\t.\t.\tPUNCT\t.\t_\t3\tpunct\t3:punct\t_

1\tBark\tbark\tVERB\tVB\t_\t0\troot\t_\t_

# newdoc
1\tGood\tgood\tADJ\tJJ\t_\t2\tamod\t_\tSpaceAfter=No
2\tdog\tdog\tNOUN\tNN\t_\t0\troot\t_\t_
"""


def read(tmp_path, text, encoding="utf-8"):
    file = tmp_path / "a.conllu"
    file.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return read_conllu(file)


def test_words_heads_and_columns(tmp_path):
    one, two, three = read(tmp_path, TEXT)
    assert one.words == ("Do", "n't", "ask", "Ann", "'s", "dog", ".")
    assert one.heads == (2, 2, -1, 5, 3, 2, 2)
    assert one.upos[:3] == ("AUX", "PART", "VERB") and one.deprels[3] == "nmod:poss"
    assert (one.id, one.text) == ("one", "Don't ask Ann's dog.")
    assert [sentence.document for sentence in (one, two, three)] == ["letters", "letters", "line 17"]
    assert one.column("Gloss") == (None, None, "a=b", None, None, None, None)
    assert one.column("Mood")[0] == "Imp" and one.column("LEMMA")[1] == "not"
    assert one.links("Entity") == [-1, -1, 0, 1, 2, 2, -1]
    assert two.links("Entity") == [-1]
    assert pickle.loads(pickle.dumps(one)) == one and len(one) == 7


def test_spaces_are_those_of_surface_tokens(tmp_path):
    one, two, three = read(tmp_path, TEXT)
    assert one.spaces == (False, True, True, False, True, False, True)
    assert (three.text, two.text) == ("Gooddog", "Bark")
    (again,) = read(tmp_path, "\n".join(line for line in TEXT.split("\n\n")[0].split("\n") if "text" not in line))
    assert again.text == "Don't ask Ann's dog."


def test_line_ends_and_a_mark_at_the_start_change_nothing(tmp_path):
    plain = read(tmp_path, TEXT)
    assert read(tmp_path, TEXT.replace("\n", "\r\n")) == plain
    assert read(tmp_path, TEXT, "utf-8-sig") == plain
    assert read(tmp_path, TEXT.rstrip("\n")) == plain
    (odd,) = read(tmp_path, "1\ta\u2028b\t_\t_\t_\t_\t0\t_\t_\t_\n")
    assert odd.words == ("a\u2028b",)


def test_columns_of_conllu_plus(tmp_path):
    text = "# global.columns = ID FORM HEAD COREF:WHO\n1\tAnn\t0\tann\n2\tleft\t1\t_\n\n1\tShe\t0\tann\n"
    one, two = read(tmp_path, text)
    assert one.links("coref:who") == [0, -1] and two.column("COREF:WHO") == ("ann",)
    with pytest.raises(ValueError, match="unknown column 'upos'. Known: coref:who"):
        _ = one.upos
    with pytest.raises(ValueError, match="line 1: expected ID, FORM and HEAD among the columns, got ID FORM"):
        read(tmp_path, "# global.columns = ID FORM\n1\tAnn\n")


ROW = "1\ta\t_\t_\t_\t_\t0\troot\t_\t_\n"


def row(number, head, form="a"):
    return f"{number}\t{form}\t_\t_\t_\t_\t{head}\tdep\t_\t_\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "expected sentences in CoNLL-U, a word a line, got an empty file"),
        (" \n\n", 1, "expected sentences in CoNLL-U, a word a line, got an empty file"),
        (b"# text = caf\xe9\n" + ROW.encode(), 1, r"expected UTF-8, got b'\xe9' at byte 12 of the line; save"),
        ((ROW + "\n").encode() + b"1\t\xff\n", 3, r"expected UTF-8, got b'\xff' at byte 2 of the line"),
        (ROW + "\n# text = b\n\n", 3, "expected words after the comments, got none; leave the comments out"),
        (ROW + "2\tb\t0\n", 2, "expected 10 columns with a tab between them, got 3: '2\\tb\\t0'"),
        (ROW + "# a comment\n", 2, "expected 10 columns with a tab between them, got 1"),
        (ROW.replace("\t", "  "), 1, "expected 10 columns with a tab between them, got 1"),
        (ROW.replace("a", ""), 1, "expected a value for FORM, with no space around it nor two in a row, got ''"),
        (ROW.replace("a", "a  b"), 1, "with no space around it nor two in a row, got 'a  b'"),
        (ROW.rstrip("\n") + " \n", 1, "expected a value for MISC, with no space around it"),
        (row("x", 0), 1, "expected whole numbers for ID and HEAD (ranges such as 3-4 and empty nodes"),
        (ROW + row(2, "one"), 2, "expected whole numbers for ID and HEAD"),
        (ROW + row("3-2", 1), 2, "expected whole numbers for ID and HEAD"),
        (ROW + row(3, 1), 2, "expected ID 2, got 3; ids count 1, 2, 3"),
        (ROW + row(1, 0), 2, "expected ID 2, got 1; ids count 1, 2, 3"),
        (ROW + row("_", 1), 2, "expected ID 2, got _; ids count 1, 2, 3"),
        (ROW + row("3-4", "_"), 2, "expected ID 2, got 3-4; ids count 1, 2, 3"),
        (ROW + row("2.1", "_"), 2, "expected ID 1, got 2.1; ids count 1, 2, 3"),
        (ROW + row("2-4", "_") + row(2, 1), 2, "expected a range of words, 1 to 2, got one up to 4"),
        (row("1-3", "_") + ROW + row("2-3", "_"), 3, "expected a range of words behind 3, got one from 2 on"),
        (row("0.1", "_"), 1, "expected a sentence with words, got none with a whole number for ID"),
        (ROW + row(2, 3), 2, "expected a HEAD from 0, the root, to 2, the last word, got 3"),
        (ROW + row(2, -1), 2, "expected a HEAD from 0, the root, to 2, the last word, got -1"),
        (ROW + row(2, "_"), 2, "expected a HEAD from 0, the root, to 2, the last word, got _"),
        (ROW + row(2, 2), 2, "expected heads that lead to a root, got a circle: 2 -> 2; the HEAD of a root is 0"),
        (row(1, 0) + row(2, 4) + row(3, 2) + row(4, 3), 4, "got a circle: 4 -> 3 -> 2 -> 4; the HEAD of a root is 0"),
    ],
)  # fmt: skip
def test_what_is_broken_is_one_error_with_file_and_line(tmp_path, text, line, message):
    with pytest.raises(ValueError, match=re.escape(f"a.conllu, line {line}: ") + ".*" + re.escape(message)) as caught:
        read(tmp_path, text)
    assert type(caught.value) is ValueError


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.conllu: there is no such file"):
        read_conllu(tmp_path / "none.conllu")


def test_ewt_is_read_as_its_makers_count_it():
    sentences = read_conllu(real("ud_english_ewt") / "en_ewt-ud-dev.conllu")
    assert (len(sentences), sum(map(len, sentences))) == (2001, 25147)
    assert all(sentence.heads.count(-1) == 1 for sentence in sentences)
    assert len({sentence.document for sentence in sentences}) == 318
    made_up = [("".join(w + " " * s for w, s in zip(x.words, x.spaces, strict=True))).rstrip() for x in sentences]
    assert sum(text == sentence.text for text, sentence in zip(made_up, sentences, strict=True)) > 1950
