import inspect
import json
from dataclasses import replace

import pytest
import torch
from tests.data.small import SMALL

from edgewise.data import ANSWERS, DATASETS, Classes, Labels, Learned, NodeTask, Numbers, TextTask, tables

ABLE = [name for name, made in DATASETS.items() if "learned" in inspect.signature(made).parameters]


def kept(task):
    """What a run folder keeps and gives back."""
    return Learned.of(json.loads(json.dumps(task.learned().as_table())))


@pytest.mark.parametrize("name", ABLE)
def test_the_files_that_were_learned_from_are_read_again_as_they_were(name, tmp_path):
    options = SMALL[name](tmp_path)
    task = DATASETS[name](**options)
    again = DATASETS[name](**options, learned=kept(task))
    nodes = isinstance(task, NodeTask)
    assert torch.equal(task.targets, again.targets)
    assert again.answer == task.answer and not again.learns and task.learns
    assert not len(again.train) + len(again.validation) and again.learned().as_table() == task.learned().as_table()
    if name == "language":  # one text, which is parted for training alone
        assert len(again.test) == len(again.tokens) - 1
        return
    assert again.test.tolist() == list(range(len(task.targets)))
    if isinstance(task, TextTask):
        assert all(torch.equal(*texts) for texts in zip(task.texts, again.texts, strict=True))
        return
    assert task.graphs == again.graphs
    features = (task.features, again.features) if nodes else (torch.cat(task.features), torch.cat(again.features))
    assert torch.equal(*features)


@pytest.mark.parametrize("name", [name for name in ABLE if name != "language"])  # whose text says its next tokens
def test_without_targets_none_is_known(name, tmp_path):
    options = SMALL[name](tmp_path)
    task = DATASETS[name](**options)
    asked = DATASETS[name](**options, learned=kept(task).without_targets())
    assert not asked.answer.known(asked.targets).any() and asked.targets.shape == task.targets.shape


@pytest.mark.parametrize("kind", ANSWERS)
def test_every_answer_comes_back_from_its_table(kind):
    names = ("a", "b")
    answer = Numbers(names, mean=(0.1, 1 / 3), scale=(2.0, 7e-9)) if kind == "numbers" else ANSWERS[kind](names)
    assert Learned.of(json.loads(json.dumps(Learned(answer).as_table()))).answer == answer
    assert not answer.known(answer.unknown(3)).any()
    answer.check(answer.unknown(3), 3, "here")


@pytest.fixture
def learned(tmp_path):
    """What was learned of ages from 20 to 47, of two towns and two labels; and the folder."""
    SMALL["tables"](tmp_path)
    return kept(tables(folder=tmp_path, edge_features={"weight": "number"})), tmp_path


def rewrite(folder, *rows, header="id,age,town,label"):
    (folder / "nodes.csv").write_text("".join(f"{row}\n" for row in (header, *rows)))
    (folder / "edges.csv").write_text("source,target,weight\nx,y,1.5\n")


def test_columns_are_encoded_by_what_was_learned_and_not_by_what_is_there(learned):
    known, folder = learned
    age, weight = known.encoders["nodes"]["age"], known.encoders["edges"]["weight"]
    rewrite(folder, "x,50,Ulm,leaves", "y,90,Berlin,")
    task = tables(folder=folder, learned=known)
    ages = [(year - age["mean"]) / age["deviation"] for year in (50, 90)]
    assert task.features[:, 0].tolist() == pytest.approx(ages)
    assert task.features[:, 1:].tolist() == [[0, 1], [0, 0]]  # Berlin was not there to be learned
    assert task.edges[:, 0].tolist() == pytest.approx([(1.5 - weight["mean"]) / weight["deviation"]] * 2)
    assert task.targets.tolist() == [1, -1] and task.class_names == ("buys", "leaves")
    assert task.ids == {"id": ["x", "y"]} and task.notes[2] == "Nothing is learned from it."


def test_no_target_column_is_needed_where_none_is_asked_for(learned):
    known, folder = learned
    rewrite(folder, "x,50,Ulm", "y,90,Ulm", header="id,age,town")
    assert len(tables(folder=folder, learned=known.without_targets()).test) == 2
    with pytest.raises(ValueError, match="nodes.csv: there is no column 'label'. Known: age, id, town."):
        tables(folder=folder, learned=known)


def test_a_class_that_training_has_never_seen_is_named_by_row(learned):
    known, folder = learned
    rewrite(folder, "x,50,Ulm,buys", "y,90,Ulm,buyz")
    with pytest.raises(
        ValueError,
        match=r"nodes.csv: column 'label' has class 'buyz' at row 1, which training has never seen. "
        r"Known: buys, leaves. Did you mean 'buys'\? Leave the cell empty to leave the row out",
    ):
        tables(folder=folder, learned=known)


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("id,town,label", "x,Ulm,buys", "nodes.csv: there is no column 'age'"),
        ("id,age,town,label", "x,old,Ulm,buys", "column 'age' is to hold numbers, got 'old' at row 0"),
        ("id,age,town,label", "x,nan,Ulm,buys", "column 'age' is to hold finite numbers, got nan at row 0"),
    ],
)
def test_other_columns_are_named(learned, header, row, message):
    known, folder = learned
    rewrite(folder, row, header=header)
    (folder / "edges.csv").write_text("source,target,weight\n")
    with pytest.raises(ValueError, match=message):
        tables(folder=folder, learned=known)


def test_a_tag_that_training_has_never_seen_is_named(tmp_path):
    options = SMALL["tu"](tmp_path)
    known = kept(DATASETS["tu"](**options))
    (tmp_path / "TINY.txt").write_text("1\n1 1\n7 0\n")
    with pytest.raises(ValueError, match="TINY.txt: a node has the tag 7, which training has never seen; it saw 0, 2"):
        DATASETS["tu"](**options, learned=known)


def test_a_task_that_does_not_learn_has_one_part(learned):
    known, folder = learned
    rewrite(folder, "x,50,Ulm,buys", "y,90,Ulm,buys")
    task = tables(folder=folder, learned=known)
    with pytest.raises(ValueError, match="it does not learn, so all nodes go to test; the train part has 1"):
        replace(task, train=torch.tensor([0]), test=torch.tensor([1]))
    with pytest.raises(ValueError, match="the test part holds no node"):
        replace(task, test=task.train)


def test_classes_and_labels_are_renamed_to_what_was_learned():
    known = Learned(Classes(("b", "a")))
    targets, answer = known.renamed(torch.tensor([0, 1, -1]), Classes(("a", "b")), "here")
    assert targets.tolist() == [1, 0, -1] and answer == known.answer
    rows = torch.tensor([[1.0, float("nan")]])
    assert Learned(Labels(("l", "m"))).renamed(rows, Labels(("l", "m")), "here")[0] is rows
