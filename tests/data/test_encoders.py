import json

import pytest
import torch

from edgewise.data import ENCODERS
from edgewise.data.encoders import encoded
from edgewise.data.table import Table

ROWS = [
    ("a", "1", "Red, a RED bus", "3"),
    ("b", "2", "blue bus", "10"),
    ("a", "4", "", "2"),
    ("c", "9", "green", "3"),
]


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "nodes.csv"
    file.write_text("kind,size,text,code\n" + "".join(f'{a},{b},"{c}",{d}\n' for a, b, c, d in ROWS))
    return Table.read(file)


def of(table, column, part, rows=(0, 1, 2)):
    return encoded(table, {column: part}, rows)[0].tolist()


def test_numbers_are_standardised_by_the_rows_learned_from(table):
    x = encoded(table, {"size": "number"}, [0, 1, 2])[0][:3, 0]
    assert x.mean().item() == pytest.approx(0, abs=1e-6) and x.std(correction=0).item() == pytest.approx(1)
    assert of(table, "size", {"name": "number", "standardise": False}) == [[1], [2], [4], [9]]


def test_a_column_that_never_changes_becomes_zeros(table):
    assert of(table, "size", "number", rows=[1]) == [[-1], [0], [2], [7]]


def test_one_hot_is_one_at_the_category_and_nothing_where_it_was_not_learned(table):
    assert of(table, "kind", "one_hot") == [[1, 0], [0, 1], [1, 0], [0, 0]]
    assert of(table, "code", "one_hot") == [[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]]


def test_codes_count_categories_in_their_order(table):
    assert of(table, "code", "codes", rows=range(4)) == [[1], [2], [0], [1]]
    assert of(table, "kind", {"name": "codes", "order": ["c", "b", "a"]}) == [[2], [1], [2], [0]]


def test_words_are_those_that_most_texts_have(table):
    assert of(table, "text", {"name": "words", "size": 2}) == [[1, 1], [1, 0], [0, 0], [0, 0]]  # bus, a
    assert of(table, "text", {"name": "words", "size": 9, "counts": True})[0] == [1, 1, 0, 2]  # bus, a, blue, red


def test_hashing_puts_every_word_somewhere_with_a_sign(table):
    x = encoded(table, {"text": {"name": "hashing", "size": 64}}, [])[0]
    assert x.abs().sum(1).tolist() == [4, 2, 0, 1]
    assert torch.equal(x, encoded(table, {"text": {"name": "hashing", "size": 64}}, [0])[0])


@pytest.mark.parametrize("name", ENCODERS)
def test_what_an_encoder_has_learned_is_written_and_gives_the_same_features(name, table):
    assert ENCODERS[name].__doc__
    column = "size" if name == "number" else "text"
    rows = range(4)
    if name == "codes":
        column = "kind"
    x, state = encoded(table, {column: name}, rows)
    kept = json.loads(json.dumps(state))
    assert kept[column]["name"] == name
    if name in ("words", "hashing", "codes"):
        assert torch.equal(encoded(table, {column: kept[column]}, rows)[0], x)


def test_columns_stand_side_by_side_in_the_order_named(table):
    x, state = encoded(table, {"code": {"name": "number", "standardise": False}, "kind": "one_hot"}, range(4))
    assert x.shape == (4, 4) and x[:, 0].tolist() == [3, 10, 2, 3] and list(state) == ["code", "kind"]


@pytest.mark.parametrize(("cell", "got"), [("nan", "nan"), ("inf", "inf"), ("", "nan")])
def test_a_number_that_is_not_finite_is_named_by_column_and_row(tmp_path, cell, got):
    file = tmp_path / "nodes.csv"
    file.write_text(f"id,size\na,1\nb,{cell}\nc,3\n")
    with pytest.raises(
        ValueError, match=f"column 'size' is to hold finite numbers, got {got} at row 1 .1 such rows in all"
    ):
        encoded(Table.read(file), {"size": "number"}, [0])
    if got == "nan":
        filled = {"name": "number", "standardise": False, "fill": 7.0}
        assert encoded(Table.read(file), {"size": filled}, [0])[0].tolist() == [[1], [7], [3]]


def test_a_text_among_numbers_is_named(tmp_path):
    file = tmp_path / "nodes.csv"
    file.write_text("id,size\na,1\nb,2.5\nc,NA\n")
    with pytest.raises(ValueError, match="nodes.csv: column 'size' is to hold numbers, got 'NA' at row 2"):
        encoded(Table.read(file), {"size": "number"}, [0])


def test_too_many_categories_are_refused(table):
    with pytest.raises(
        ValueError, match="column 'kind' has 2 different values, more than most = 1; name another encoder"
    ):
        of(table, "kind", {"name": "one_hot", "most": 1})


def test_a_value_without_a_code_is_named(table):
    with pytest.raises(ValueError, match="column 'kind' has 'c' at row 3, which has no code; order = .* got a, b"):
        of(table, "kind", "codes")


def test_an_unknown_encoder_or_option_lists_the_known(table):
    with pytest.raises(ValueError, match="unknown encoder 'onehot'. Known: codes, hashing, number, one_hot, words."):
        of(table, "kind", "onehot")
    with pytest.raises(ValueError, match="encoder 'words': unknown option 'sise'. .* Did you mean 'size'?"):
        of(table, "text", {"name": "words", "sise": 3})
