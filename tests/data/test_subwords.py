"""What is said of words, said of their tokens."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.test_sentence import forests

from edgewise.data import token_heads, token_labels, token_spans
from edgewise.patterns import tree


@st.composite
def cut(draw):
    """Heads of words, and the word of each token: words of none to three tokens, special ones around and between."""
    heads = draw(forests())
    word_ids = []
    for word in range(len(heads)):
        word_ids += [None] * draw(st.sampled_from([0, 0, 0, 1]))
        word_ids += [word] * draw(st.integers(0, 3))
    return heads, [*[None] * draw(st.integers(0, 1)), *word_ids, *[None] * draw(st.integers(0, 1))]


@settings(deadline=None, max_examples=300)
@given(cut())
def test_heads_of_tokens_follow_the_rule_and_form_a_forest(heads_and_ids):
    heads, ids = heads_and_ids
    found = token_heads(heads, ids)
    tree().build(len(ids), tree=found)  # refuses what is no forest
    special = [token for token, word in enumerate(ids) if word is None]
    assert found.count(-1) == 1 or not special
    for token, head in enumerate(found):
        word = ids[token]
        if word is None:
            assert head == (-1 if token == special[0] else special[0])
        elif ids.index(word) != token:
            assert head == ids.index(word)
        else:
            up = heads[word]
            while up != -1 and up not in ids:
                up = heads[up]
            expected = ids.index(up) if up != -1 else special[0] if special else -1
            assert head == expected


@settings(deadline=None)
@given(cut(), st.data())
def test_labels_and_spans_are_those_of_the_words(heads_and_ids, data):
    heads, ids = heads_and_ids
    labels = data.draw(st.lists(st.integers(-1, 3), min_size=len(heads), max_size=len(heads)))
    assert token_labels(labels, ids) == [-1 if word is None else labels[word] for word in ids]
    start = data.draw(st.integers(0, len(heads) - 1))
    stop = data.draw(st.integers(start + 1, len(heads)))
    held = [token for token, word in enumerate(ids) if word is not None and start <= word < stop]
    assert token_spans([(start, stop)], ids) == ([(min(held), max(held) + 1)] if held else [])


def test_the_rule_by_hand():
    # [CLS] un ##happy dogs [SEP], a word in between that the tokenizer drops
    assert token_heads([2, -1, 1], [None, 0, 0, 2, None]) == [-1, 3, 1, 0, 0]
    assert token_heads([2, -1, 1], [0, 0, 2]) == [2, 0, -1]
    assert token_heads([-1, 0, 1], [0, 2]) == [-1, 0]
    assert token_heads([-1], [0, None]) == [1, -1]
    assert token_heads([-1, 0], []) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: token_heads([-1], [0, 1]), "word_ids: token 1 is of word 1, and there are 1 words, 0 to 0"),
        (lambda: token_labels([0], [None, 2]), "word_ids: token 1 is of word 2, and there are 1 words"),
        (lambda: token_heads([-1, 2], [0]), "token_heads: the head of word 1 is 2; heads are words, 0 to 1, or -1"),
        (lambda: token_heads([1, 0], [0]), "token_heads: word 1 is its own ancestor; a root's head is -1"),
        (lambda: token_spans([(0, 1), (2, 2)], [0]), r"token_spans: expected 0 <= start < stop, got \(2, 2\); a span"),
    ],
)
def test_what_fits_no_words_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
