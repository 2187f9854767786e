import pyarrow as arrow
import pytest
import torch
from pyarrow import csv, parquet
from tests.data.small import tables as write

from edgewise.data import TARGETS, Labels, LinkTask, Numbers, tables

THREE_ONE_ONE = {"name": "random", "train": 0.6, "validation": 0.2}


@pytest.fixture
def folder(tmp_path):
    write(tmp_path)
    return tmp_path


def change(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_a_graph_in_two_tables_is_a_task(folder):
    task = tables(folder=folder)
    assert task.name == f"tables {folder.name}"
    assert task.described() == "10 nodes, 11 edges, 3 features, 2 classes"
    assert task.class_names == ("buys", "leaves") and task.targets.tolist() == [0, 1] * 5
    assert task.graphs.is_symmetric() and task.graphs.degree().tolist() == [1, 2, 2, 1, 1, 1, 1, 1, 0, 1]
    assert task.features[:, 1:].tolist() == [[0, 1], [1, 0]] * 5
    assert "age (number), town (one_hot)" in task.notes[1]
    assert task.encoders["nodes"]["town"]["categories"] == ("Köln", "Ulm")


def test_numbers_are_standardised_by_the_training_part(folder):
    task = tables(folder=folder, features={"age": "number"})
    ages = task.features[task.train, 0]
    assert ages.mean().item() == pytest.approx(0, abs=1e-6) and ages.std(correction=0).item() == pytest.approx(1)


def test_edge_features_follow_their_edges_in_both_directions(folder):
    task = tables(folder=folder, edge_features={"weight": {"name": "number", "standardise": False}})
    senders, receivers = task.graphs.edges()
    weights = {
        (s, r): w for s, r, w in zip(senders.tolist(), receivers.tolist(), task.edges[:, 0].tolist(), strict=True)
    }
    assert weights[0, 1] == weights[1, 0] == 0.5 and weights[9, 9] == 3.0 and len(weights) == 11


def test_a_directed_edge_is_heard_by_its_receiver_alone(folder):
    task = tables(folder=folder, directed=True)
    assert task.graphs.num_edges == 6 and task.graphs.degree().tolist() == [0, 1, 1, 1, 0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize("to", ["parquet", "csv.gz", "tsv"])
def test_other_files_give_the_same_task(folder, tmp_path, to):
    other = tmp_path / "other"
    other.mkdir()
    for name in ("nodes", "edges"):
        table = csv.read_csv(folder / f"{name}.csv")
        if to == "parquet":
            parquet.write_table(table, other / f"{name}.parquet")
        else:
            options = csv.WriteOptions(delimiter="\t" if to == "tsv" else ",")
            with (
                arrow.CompressedOutputStream(str(other / f"{name}.{to}"), "gzip")
                if to == "csv.gz"
                else open(other / f"{name}.{to}", "wb") as stream
            ):
                csv.write_csv(table, stream, options)
    one, two = tables(folder=folder), tables(folder=other, delimiter="\t" if to == "tsv" else ",")
    assert one.graphs == two.graphs and torch.equal(one.features, two.features) and torch.equal(one.train, two.train)


def test_ids_may_be_numbers_in_any_order(tmp_path):
    (tmp_path / "nodes.csv").write_text("id,label,x\n30,a,1\n10,b,2\n20,a,3\n40,b,4\n50,a,5\n60,b,6\n")
    (tmp_path / "edges.csv").write_text("source,target\n10,30\n20,40\n")
    task = tables(folder=tmp_path, split_seed=1)
    assert task.graphs.edges()[0].tolist() == [1, 0, 3, 2]


def test_nodes_without_features_have_a_one(tmp_path):
    write(tmp_path)
    task = tables(folder=tmp_path, features={})
    assert torch.equal(task.features, torch.ones(10, 1)) and "Nodes bring no features" in task.notes[1]


def test_a_split_column_is_the_given_split(folder):
    lines = (folder / "nodes.csv").read_text().splitlines()
    words = ["part", *["train"] * 4, *["validation"] * 2, *["test"] * 3, ""]
    (folder / "nodes.csv").write_text("".join(f"{a},{b}\n" for a, b in zip(lines, words, strict=True)))
    task = tables(folder=folder, split="given", split_column="part")
    assert [part.tolist() for part in (task.train, task.validation, task.test)] == [[0, 1, 2, 3], [4, 5], [6, 7, 8]]
    assert "part" not in task.encoders["nodes"]
    change(folder / "nodes.csv", "validation", "valid")
    with pytest.raises(
        ValueError, match="column 'part' is to say train, validation, test or nothing, got 'valid' at row"
    ):
        tables(folder=folder, split="given", split_column="part")


def test_a_node_without_a_label_is_heard_and_not_asked(folder):
    change(folder / "nodes.csv", "c2,26,Ulm,buys", "c2,26,Ulm,")
    task = tables(folder=folder)
    assert task.targets[2] == -1 and 2 not in torch.cat([task.train, task.validation, task.test])


@pytest.mark.parametrize("task", TARGETS)
def test_every_task_has_its_targets(folder, task):
    assert TARGETS[task].__doc__
    (folder / "nodes.csv").write_text(
        "id,age,happy,rich,label\n"
        + "".join(f"c{k},{k},{k % 2},{'' if k == 3 else 'true'},{k % 2}\n" for k in range(10))
    )
    target = {"classification": ("label",), "multi_label": ("happy", "rich"), "regression": ("age", "happy")}[task]
    made = tables(folder=folder, task=task, target=target, features={})
    if task == "classification":
        assert made.class_names == ("0", "1")
        return
    assert isinstance(made.answer, Labels if task == "multi_label" else Numbers) and made.class_names == target
    assert made.targets.shape == (10, 2)
    if task == "multi_label":
        assert made.targets[2].tolist() == [0, 1] and made.targets[3].isnan().tolist() == [False, True]
    else:
        assert made.answer.to_learn(made.targets[made.train]).mean(0).abs().max() < 1e-5


def test_a_missing_file_is_named(folder):
    (folder / "edges.csv").unlink()
    with pytest.raises(
        FileNotFoundError, match="tables: there is no edges.parquet or edges.csv or edges.csv.gz or edges"
    ):
        tables(folder=folder)


def test_links_are_asked_of_no_column(folder):
    task = tables(
        folder=folder,
        task="links",
        split=THREE_ONE_ONE,
        edge_features={"weight": "number"},
    )
    assert isinstance(task, LinkTask) and task.links.tolist() == [[0, 1, 2, 4, 6], [1, 2, 3, 5, 7]]
    assert [len(task.train), len(task.validation), len(task.test)] == [3, 1, 1]
    assert task.num_features == 5 and task.num_edge_features == 1  # the label is a feature like any other
    assert task.heard[0].num_edges == 2 * 3 + 1
    asked = {"name": "links", "unheard": 0.25, "negatives_per_link": 2}
    told = tables(folder=folder, directed=True, task=asked, split=THREE_ONE_ONE)
    assert (told.directed, told.unheard, told.negatives_per_link) == (True, 0.25, 2)


def test_a_split_column_of_the_edges_says_which_links_are_for_what(folder):
    lines = (folder / "edges.csv").read_text().splitlines()
    words = ["part", "test", "train", "validation", "train", "", "train"]
    (folder / "edges.csv").write_text("".join(f"{a},{b}\n" for a, b in zip(lines, words, strict=True)))
    task = tables(folder=folder, task="links", split="given", split_column="part")
    assert [part.tolist() for part in (task.train, task.validation, task.test)] == [[1, 3], [2], [0]]
    assert task.heard[0].num_edges == 2 * 3 + 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"id": "name"}, "nodes.csv: there is no column 'name'. Known: age, id, label, town."),
        ({"sender": "from"}, "edges.csv: there is no column 'from'. Known: source, target, weight."),
        ({"target": ("lable",)}, "there is no column 'lable'. Known: age, id, label, town. Did you mean 'label'?"),
        ({"features": {"agee": "number"}}, "there is no column 'agee'. .* Did you mean 'age'?"),
        ({"split_column": "part"}, "there is no column 'part'"),
        ({"features": {"label": "one_hot"}}, "column 'label' is a target, so it cannot be a feature as well"),
        ({"task": "classify"}, "unknown task 'classify'. Known: classification, links, multi_label, regression."),
        ({"target": ("label", "age")}, "a classification has one target column, got label, age"),
        ({"task": "regression", "target": ()}, "nodes.csv: expected a target column at least, got none"),
        ({"task": {"name": "regression", "unheard": 0.5}}, "task 'regression': unknown option 'unheard'"),
        ({"task": {"name": "links", "unherd": 0.5}}, "task 'links': unknown option 'unherd'.*Did you mean 'unheard'"),
        (
            {"task": "links", "target": ("town",)},
            'task = "links" asks for no column, got target town; le',
        ),
        ({"task": "links", "split": {"name": "random", "train": 0.9}}, "tables .*: the validation part holds no link"),
        ({"task": "regression"}, "column 'label' is to hold numbers, got 'buys' at row 0"),
        (
            {"task": "multi_label", "target": ("age",)},
            "expected labels of 0 or 1, .* got 20.0 at example 0, label 'age'",
        ),
        ({"split": "given"}, "split: these data bring none of their own"),
        (
            {"delimiter": ";"},
            "nodes.csv: with the delimiter ';' it has one column, 'id,age,town,label'; delimiter = ','",
        ),
        ({"duplicates": "frist"}, "unknown duplicates 'frist'. Known: first, max, mean, sum."),
    ],
)
def test_a_wrong_option_is_named_with_the_mend(folder, options, message):
    with pytest.raises(ValueError, match=message):
        tables(folder=folder, **options)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "edges.csv",
            "c1,c2",
            "c1,c77",
            "column 'target' has 'c77' at row 1, which is the id of no node in nodes.csv .1 s",
        ),
        (
            "edges.csv",
            "c2,c3",
            "c1,c0",
            "edges.csv: rows 0 and 2 both join 'c0' and 'c1' .1 rows too many .* directed = t",
        ),
        ("nodes.csv", "c4,", "c3,", "nodes.csv: column 'id' has 'c3' at rows 3 and 4; a node is one row"),
        ("nodes.csv", "c4,", ",", "nodes.csv: column 'id' names every node, and is empty at row 4"),
        ("nodes.csv", ",26,", ",nan,", "column 'age' is to hold finite numbers, got nan at row 2"),
        (
            "nodes.csv",
            "c4,32,Ulm,buys",
            "c4,32,Ulm",
            "nodes.csv: cannot be read as CSV with the delimiter ',': .* 4 columns",
        ),
    ],
)
def test_a_wrong_cell_is_named_by_column_and_row(folder, file, old, new, message):
    change(folder / file, old, new)
    with pytest.raises(ValueError, match=message):
        tables(folder=folder)


def test_edges_that_come_twice_are_merged_when_asked(folder):
    change(folder / "edges.csv", "c2,c3,1.0", "c1,c0,2.5")
    weight = {"weight": {"name": "number", "standardise": False}}
    task = tables(folder=folder, duplicates="sum", edge_features=weight)
    assert task.graphs.num_edges == 9 and task.edges[0].item() == 3.0
    assert tables(folder=folder, directed=True).graphs.num_edges == 6


def test_ids_of_another_kind_are_named(tmp_path):
    (tmp_path / "nodes.csv").write_text("id,label\n1,a\n2,b\n3,a\n")
    (tmp_path / "edges.csv").write_text("source,target\n1,two\n")
    with pytest.raises(
        ValueError, match="edges.csv: column 'target' holds string, and the ids in nodes.csv are int64: "
    ):
        tables(folder=tmp_path, split={"name": "random", "train": 0.4, "validation": 0.3})


def test_a_parquet_file_that_is_none_is_named(folder):
    (folder / "nodes.parquet").write_bytes(b"no parquet")
    with pytest.raises(ValueError, match="nodes.parquet: cannot be read as Parquet: "):
        tables(folder=folder)


def test_a_class_never_seen_in_training_is_named(folder):
    change(folder / "nodes.csv", "Köln,leaves", "Köln,returns")
    split = {"name": "random", "train": 0.5, "validation": 0.3}
    seeds = [seed for seed in range(9) if _fails(folder, split, seed)]
    with pytest.raises(
        ValueError, match="class 'returns' has 1 nodes in the .* part and none in the train part, so it"
    ):
        tables(folder=folder, split=split, split_seed=seeds[0])


def _fails(folder, split, seed):
    try:
        tables(folder=folder, split=split, split_seed=seed)
    except ValueError:
        return True
    return False
