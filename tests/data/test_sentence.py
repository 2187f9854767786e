"""What a sentence says of its words: columns, spans, links; and sentences of a document as one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.data import Sentence, documents
from edgewise.data.documents import joined
from edgewise.data.mentions import labels_of


def sentence(*heads, **more):
    return Sentence(tuple("abcdefghij"[: len(heads)]), heads, **more)


def test_a_sentence_is_a_value():
    assert sentence(-1, 0) == sentence(-1, 0) and hash(sentence(-1, 0)) == hash(sentence(-1, 0))
    assert sentence(-1, 0) != sentence(1, -1)
    assert sentence(-1, 0, spaces=(False, True)).text == "ab"
    assert sentence(-1, 0, text="a, b").text == "a, b"


@pytest.mark.parametrize(
    ("words", "heads", "more", "message"),
    [
        ((), (), {}, "Sentence: expected at least one word, got none"),
        (("a",), (-1, 0), {}, "Sentence: heads must have an entry for each of the 1 words, got 2"),
        (("a",), (-1,), {"columns": {"upos": ()}}, "Sentence: upos must have an entry for each of the 1 words, got 0"),
        (("a", "b"), (-1, 2), {}, "Sentence: the head of word 1, 'b', is 2; heads are words, 0 to 1, or -1 for a root"),
        (("a", "b"), (1, 0), {}, "Sentence: word 1, 'b', is its own ancestor; a root's head is -1"),
    ],
)
def test_words_that_form_no_forest_are_refused(words, heads, more, message):
    with pytest.raises(ValueError, match=message):
        Sentence(words, heads, **more)


def test_an_unknown_column_lists_the_known_ones():
    one = sentence(-1, 0, columns={"misc": ("Entity=(e1)", None)}, known=frozenset({"Entity", "Gender"}))
    assert one.column("Gender") == (None, None)
    with pytest.raises(ValueError, match="Sentence: unknown column 'Entiy'. Known: Entity, .*Did you mean 'Entity'"):
        one.links("Entiy")


def spans_by_hand(heads, most):
    def under(word):
        return {word}.union(*(under(child) for child, head in enumerate(heads) if head == word))

    yields = [under(word) for word in range(len(heads))]
    whole = {(min(y), max(y) + 1) for y in yields if max(y) - min(y) + 1 == len(y)}
    return sorted((a, b) for a, b in whole if most is None or b - a <= most)


@st.composite
def forests(draw, most=9):
    count = draw(st.integers(1, most))
    order = draw(st.permutations(range(count)))
    heads = [-1] * count
    for k, word in enumerate(order):
        heads[word] = draw(st.sampled_from([-1, *order[:k]]))
    return tuple(heads)


@settings(deadline=None)
@given(forests(), st.none() | st.integers(1, 5))
def test_spans_are_the_subtrees_that_stand_together(heads, most):
    assert sentence(*heads).spans(most) == spans_by_hand(heads, most)


def test_the_longest_span_has_a_word():
    with pytest.raises(ValueError, match=r"Sentence.spans: most must be at least 1, got 0. It counts the words of"):
        sentence(-1).spans(0)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["x", None, "y", "x"], [0, -1, 1, 0]),
        ([None, None], [-1, -1]),
        (["(e1", None, "e1)", None], [0, 0, 0, -1]),
        (["(e1(e2)", "(e3)e1)", "(e2)"], [0, 1, 0]),
        (["(e1-person-1-", "e1)", "(e1)(e2", "e2)"], [0, 0, 1, 1]),
        (["(e1[1/2])", None, "(e1[2/2])"], [0, -1, 0]),
        (["(e1(e1", "e1)", "e1)"], [0, 0, 0]),
    ],
)
def test_labels_by_value_or_by_bracket(values, labels):
    assert labels_of(values, "it") == labels


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["(e1", "e2)"], r"it: 'e2\)' at word 1 closes a mention of e2 that none opened"),
        (["(e1)", "(e2", None], "it: the mention of e2 that opens at word 1 is never closed"),
        (
            ["(e1)", "e1"],
            r"it: expected mentions as in \(e1, e1\) or \(e1\), got 'e1' at word 1; a column of plain labels",
        ),
        (["()"], "it: expected mentions as in"),
    ],
)
def test_brackets_that_do_not_match_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        labels_of(values, "it")


def test_errors_of_a_column_name_the_sentence():
    with pytest.raises(ValueError, match=r"'s1', column who: 'e1\)' at word 0 closes a mention of e1"):
        sentence(-1, id="s1", columns={"who": ("e1)",)}).links("who")


def test_sentences_of_a_document_are_heard_as_one():
    one = sentence(-1, 0, document="x", columns={"who": ("a", None)}, known=frozenset({"who"}))
    two = sentence(1, -1, document="x", columns={"tag": ("T", "U")})
    alone = [sentence(-1), sentence(-1)]
    both, other, *rest = documents([one, two, sentence(-1, document="y"), *alone])
    assert both.heads == (-1, 0, 3, -1) and both.words == ("a", "b", "a", "b") and both.text == "a b a b"
    assert both.column("who") == ("a", None, None, None) and both.column("tag") == (None, None, "T", "U")
    assert (both.document, other.document, rest) == ("x", "y", alone)
    with pytest.raises(ValueError, match="joined: expected at least one sentence, got none"):
        joined([])
