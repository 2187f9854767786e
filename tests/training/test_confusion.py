import csv

import torch
from tests.training.stand_in import AnswersTask

from edgewise.data import Classes, Labels
from edgewise.training.confusion import FILE, MOST, confusion, write_confusion


def test_rows_are_what_is_and_columns_what_was_said():
    outputs = torch.eye(3)[[0, 1, 1, 2, 0]]
    rows = confusion(Classes(("a", "b", "c")), outputs, torch.tensor([0, 0, 1, 2, 2]))
    assert rows == [["is / said", "a", "b", "c"], ["a", "1", "1", "0"], ["b", "0", "1", "0"], ["c", "1", "0", "1"]]


def test_labels_have_a_row_each_and_the_unknown_count_nowhere():
    outputs = torch.tensor([[1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    targets = torch.tensor([[1.0, 1.0], [0.0, float("nan")], [0.0, 1.0]])
    head, *rows = confusion(Labels(("red", "round")), outputs, targets)
    assert head[0] == "label" and rows == [["red", "1", "0", "1", "1"], ["round", "1", "1", "0", "0"]]


def test_the_file_holds_the_table_and_the_report_shows_it(tmp_path):
    lines = write_confusion(AnswersTask(Classes(("a|b", "c,d")), torch.tensor([0, 0])), torch.eye(2), tmp_path)
    with (tmp_path / FILE).open(newline="") as file:
        assert list(csv.reader(file)) == [["is / said", "a|b", "c,d"], ["a|b", "1", "1"], ["c,d", "0", "0"]]
    assert lines[2:] == ["| is / said | a\\|b | c,d |", "| --- | --- | --- |", "| a\\|b | 1 | 1 |", "| c,d | 0 | 0 |"]


def test_a_table_too_large_for_the_report_is_in_its_file_alone(tmp_path):
    names = tuple(f"c{k}" for k in range(MOST + 1))
    lines = write_confusion(AnswersTask(Classes(names), torch.arange(MOST + 1)), torch.eye(MOST + 1), tmp_path)
    assert lines == [f"A row for what is, a column for what was said: `{FILE}`."]
    lines = write_confusion(AnswersTask(Labels(names), torch.ones(2, MOST + 1)), torch.ones(2, MOST + 1), tmp_path)
    assert (
        lines[-1] == f"The first {MOST} rows of {MOST + 1}." and len((tmp_path / FILE).read_text().splitlines()) == 14
    )
