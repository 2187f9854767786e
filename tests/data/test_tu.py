import pytest
import torch
from tests.data.small import tu as write
from tests.real_data import real

from edgewise.data import tu


@pytest.fixture
def folder(tmp_path):
    write(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "classes", "nodes", "edges", "tags"),
    [
        ("mutag", [63, 125], 3371, 3721, 7),
        ("proteins", [663, 450], 43471, 81044, 3),
        ("nci1", [2053, 2057], 122747, 132753, 37),
    ],
)
def test_the_real_ones_have_the_published_sizes(name, classes, nodes, edges, tags):
    task = tu(folder=real(f"tu_{name}"))
    assert sorted(torch.bincount(task.targets).tolist()) == sorted(classes)
    assert sum(graph.num_receivers for graph in task.graphs) == nodes
    assert sum(graph.num_edges for graph in task.graphs) == 2 * edges
    assert task.num_features == tags


def test_the_folds_of_a_real_one_test_no_graph_twice():
    tasks = [tu(folder=real("tu_mutag"), fold=fold) for fold in range(1, 11)]
    tested = torch.cat([task.test for task in tasks])
    assert len(tested) == len(tested.unique()) == 180  # the files leave eight of the 188 out of every test
    assert all(len(task.train) + len(task.validation) + len(task.test) == 188 for task in tasks)


def test_graphs_have_their_tags_neighbours_and_class(folder):
    task = tu(folder=folder)
    assert task.name == "tu TINY" and task.class_names == ("-1", "1")
    assert task.targets.tolist() == [1, 0] * 10
    star = task.graphs[0]
    assert star.degree().tolist() == [3, 1, 1, 1] and star.is_symmetric()
    assert task.features[0].tolist() == [[0, 1], [1, 0], [1, 0], [1, 0]]
    assert task.graphs[1].degree().tolist() == [2] * 4


def test_a_fold_is_tested_and_a_share_of_the_rest_chooses(folder):
    task = tu(folder=folder, fold=3, validation=0.25)
    assert task.test.tolist() == [4, 5] and len(task.validation) == 4 and len(task.train) == 14
    other = tu(folder=folder, fold=3, validation=0.25, split_seed=1)
    assert torch.equal(task.test, other.test) and not torch.equal(task.validation, other.validation)


def test_another_split_is_said_to_be_no_fold(folder):
    task = tu(folder=folder, split="random")
    assert len(task.train) == 12 and "not** one of the ten folds" in task.notes[1]


def test_attributes_after_the_neighbours_are_features(tmp_path):
    write(tmp_path)
    (tmp_path / "TINY.txt").write_text("20\n" + 10 * "1 0\n0 0 0.5 2\n2 1\n0 1 1 0.25 1e1\n1 1 0 1 2\n")
    task = tu(folder=tmp_path)
    assert task.features[1].tolist() == [[1, 0, 0.25, 10], [0, 1, 1, 2]]


@pytest.mark.parametrize("options", [{"fold": 0}, {"fold": 11}])
def test_a_fold_that_is_none_is_refused(folder, options):
    with pytest.raises(ValueError, match="tu: fold must be from 1 to 10, got "):
        tu(folder=folder, **options)


def test_a_share_that_is_none_is_refused(folder):
    with pytest.raises(ValueError, match="tu: validation is a share of what is not tested, between 0 and 1, got 1.5"):
        tu(folder=folder, validation=1.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("two\n", "TINY.txt: expected some numbers at line 1, got 'two'"),
        ("1\n2 0 7\n", "TINY.txt: expected 2 numbers at line 2, got '2 0 7'"),
        ("1\n2 0\n0 1 1\n", "TINY.txt: expected some numbers at its end, got ''"),
        ("1\n2 0\n0 1 2\n0 1 0\n", "node 0 of graph 0 is to have 1 neighbours from 0 to 1, got 2"),
        ("1\n2 0\n0 1\n0 1 0\n", "node 0 of graph 0 is to have 1 neighbours from 0 to 1, got none"),
    ],
)
def test_a_damaged_file_is_named_by_line_or_node(folder, text, message):
    (folder / "TINY.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        tu(folder=folder)


def test_missing_folds_are_named(folder):
    (folder / "10fold_idx" / "test_idx-2.txt").unlink()
    with pytest.raises(FileNotFoundError, match="tu: there is no test_idx-2.txt in "):
        tu(folder=folder, fold=2)
