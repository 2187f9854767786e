"""Documents stand in rows whole, in their order, and what is too long is cut."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgewise.data import pack, packed_batch


@given(st.lists(st.integers(0, 23)), st.integers(1, 9))
def test_rows_follow_the_rule(sizes, length):
    ends = torch.tensor([0, *sizes]).cumsum(0).tolist()
    documents = [list(range(a, b)) for a, b in pairwise(ends)]
    rows = pack(documents, length)
    pieces = [piece for row in rows for piece in row]
    assert [token for piece in pieces for token in piece] == list(range(ends[-1]))
    assert all(rows) and all(pieces)
    assert all(sum(map(len, row)) <= length for row in rows)
    assert all(sum(map(len, a)) + len(b[0]) > length for a, b in pairwise(rows))
    starts = {document[0] for document in documents if document}
    assert all(piece[0] in starts or len(before) == length for before, piece in pairwise(pieces))


class Letters:
    """A tokenizer of letters, with a start and an end."""

    pad_token_id = 9

    def __call__(self, texts, verbose=True):
        return {"input_ids": [[1, *(ord(letter) for letter in text), 2] for text in texts]}


def test_a_packed_batch_restarts_with_each_document():
    batch = packed_batch(["ab", "c", "defg"], Letters(), 8, labels=True)
    a, b, c, d, e, f, g = map(ord, "abcdefg")
    assert batch["input_ids"].tolist() == [[1, a, b, 2, 1, c, 2, 9], [1, d, e, f, g, 2, 9, 9]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 0, 1, 2, 0], [0, 1, 2, 3, 4, 5, 0, 1]]
    assert batch["lengths"] == [[4, 3, 1], [6, 2]]
    out = -100
    assert batch["labels"].tolist() == [[out, a, b, 2, out, c, 2, out], [out, d, e, f, g, 2, out, out]]
    full = packed_batch(["ab", "cd"], Letters(), 4)
    assert full["lengths"] == [[4], [4]] and "labels" not in full


def test_what_is_no_row_is_refused():
    with pytest.raises(ValueError, match="pack: length must be at least 1, got 0. It counts the tokens of a row"):
        pack([[1]], 0)
    with pytest.raises(ValueError, match="packed_batch: expected at least one text, got none"):
        packed_batch([], Letters(), 4)
