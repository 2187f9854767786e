import pickle

import pytest
import torch
from tests.data.small import planetoid as write
from tests.real_data import real

from edgewise.data import planetoid


@pytest.fixture
def folder(tmp_path):
    write(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "nodes", "features", "classes", "edges", "labelled"),
    [("cora", 2708, 1433, 7, 2 * 5278, 140), ("pubmed", 19717, 500, 3, 2 * 44324, 60)],
)
def test_the_real_ones_have_the_published_sizes(name, nodes, features, classes, edges, labelled):
    task = planetoid(folder=real(f"planetoid_{name}"))
    assert (task.num_nodes, task.num_features, task.num_classes) == (nodes, features, classes)
    assert task.graphs.num_edges == edges and task.graphs.is_symmetric()
    assert [len(task.train), len(task.validation), len(task.test)] == [labelled, 500, 1000]
    assert torch.bincount(task.targets[task.train]).tolist() == [20] * classes


def test_the_real_cora_is_as_pyg_reads_it():
    pyg = pytest.importorskip("torch_geometric.io")
    folder = real("planetoid_cora")
    data = pyg.read_planetoid_data(str(folder), "cora")
    task = planetoid(folder=folder, normalise="none")
    assert torch.equal(data.x, task.features.to_dense()) and torch.equal(data.y, task.targets)
    assert torch.equal(data.test_mask.nonzero()[:, 0], task.test)
    assert torch.equal(data.edge_index[:, data.edge_index[1].argsort(stable=True)], task.graphs.to_edge_index())


def test_test_papers_stand_where_their_index_says(folder):
    task = planetoid(folder=folder, normalise="none")
    assert task.name == "planetoid tiny" and task.num_nodes == 520
    assert task.targets.tolist() == [k % 2 if k != 517 else -1 for k in range(520)]
    assert task.test.tolist() == [513, 514, 515, 516, 518, 519] and task.train.tolist() == [0, 1, 2]


def test_a_paper_that_is_missing_is_a_node_without_features_edges_or_class(folder):
    task = planetoid(folder=folder)
    assert not task.features[517].any() and task.graphs.degree()[517] == 0 and task.targets[517] == -1


def test_nobody_hears_itself_and_edges_go_both_ways(folder):
    graph = planetoid(folder=folder).graphs
    senders, receivers = graph.edges()
    assert graph.is_symmetric() and (senders != receivers).all()


def test_another_split_is_drawn_and_said_to_be_another(folder):
    shares = {"name": "random", "train": 0.5, "validation": 0.25}
    task = planetoid(folder=folder, split=shares, split_seed=3)
    assert [len(task.train), len(task.validation), len(task.test)] == [260, 130, 129]
    assert 517 not in torch.cat([task.train, task.validation, task.test])
    assert "not** the public one" in task.notes[1] and "public" in planetoid(folder=folder).notes[1]


def test_a_missing_file_or_folder_is_named(folder, tmp_path):
    (folder / "ind.tiny.ally").unlink()
    with pytest.raises(FileNotFoundError, match="planetoid: there is no ind.tiny.ally beside .*ind.tiny.graph"):
        planetoid(folder=folder)
    with pytest.raises(FileNotFoundError, match="planetoid: there is no folder .*nowhere; data.folder names the one"):
        planetoid(folder=tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"planetoid: there is no ind.other.graph in "):
        planetoid(folder=folder, graph="other")


def test_several_graphs_in_a_folder_are_asked_about(folder):
    (folder / "ind.other.graph").write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"expected one ind.\*.graph in .*, found ind.other.graph, ind.tiny.graph; say"
    ):
        planetoid(folder=folder)
    assert planetoid(folder=folder, graph="tiny").num_nodes == 520


class Wicked:
    def __reduce__(self):
        return print, ("this must not run",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_would_run_something_is_refused_and_does_not_run(folder, capsys, protocol):
    (folder / "ind.tiny.x").write_bytes(pickle.dumps([Wicked()], protocol=protocol))
    with pytest.raises(
        ValueError, match="ind.tiny.x: cannot be read as a pickle of arrays: it names .*print, which is no"
    ):
        planetoid(folder=folder)
    assert not capsys.readouterr().out


def test_a_pickle_that_was_cut_off_is_named(folder):
    file = folder / "ind.tiny.tx"
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(ValueError, match="ind.tiny.tx: cannot be read as a pickle of arrays"):
        planetoid(folder=folder)
