import pytest
import torch

from edgewise.data import Labels, Numbers, from_pyg, graphs_from_pyg

pytest.importorskip("torch_geometric")
from torch_geometric.data import Data


def data(**changes):
    """Ten nodes in a directed ring, whose edges come in no order and carry their sender."""
    order = torch.randperm(10, generator=torch.Generator().manual_seed(0))
    index = torch.stack([order, (order + 1) % 10])
    part = torch.arange(10)
    masks = {"train_mask": part < 4, "val_mask": (part >= 4) & (part < 7), "test_mask": part >= 7}
    fields = {"x": torch.rand(10, 3), "edge_index": index, "y": part % 2, "edge_attr": order[:, None].float(), **masks}
    return Data(**{**fields, **changes})


def test_nodes_edges_and_masks_come_across():
    given = data()
    task = from_pyg(given, name="ring", names=["even", "odd"])
    senders, receivers = task.graphs.edges()
    assert torch.equal(receivers, (senders + 1) % 10) and torch.equal(task.edges[:, 0].long(), senders)
    assert torch.equal(task.features, given.x) and task.class_names == ("even", "odd")
    assert task.train.tolist() == [0, 1, 2, 3] and task.test.tolist() == [7, 8, 9]


def test_an_edge_weight_is_one_feature():
    given = data(edge_attr=None, edge_weight=torch.rand(10))
    assert from_pyg(given).num_edge_features == 1
    assert from_pyg(data(edge_attr=None)).num_edge_features == 0


def test_masks_of_several_folds_have_a_column_each():
    one = torch.eye(10).bool()
    masks = {"train_mask": one[:, :2] | one[:, 2:4], "val_mask": one[:, 4:6], "test_mask": one[:, 6:8]}
    task = from_pyg(data(y=torch.zeros(10).long(), **masks), fold=1)
    assert task.train.tolist() == [1, 3] and task.validation.tolist() == [5] and task.test.tolist() == [7]


def test_other_tasks_take_a_row_a_node():
    labels = from_pyg(data(y=(torch.rand(10, 3) > 0.5).float()), task="multi_label")
    assert isinstance(labels.answer, Labels) and labels.class_names == ("0", "1", "2")
    numbers = from_pyg(data(y=torch.rand(10)), task="regression")
    assert isinstance(numbers.answer, Numbers) and numbers.targets.shape == (10, 1)


def test_data_without_masks_are_split_when_asked():
    bare = data(train_mask=None)
    with pytest.raises(ValueError, match="split: these data bring none of their own"):
        from_pyg(bare)
    assert len(from_pyg(bare, split="random").train) == 6


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="pyg: the PyG data have no x, y; features are x, targets y"):
        from_pyg(data(x=None, y=None))
    with pytest.raises(
        ValueError, match=r"pyg: a classification wants an integer class .*, got y in torch.float32 \[10\]"
    ):
        from_pyg(data(y=torch.rand(10)))


def test_a_data_set_of_graphs_is_a_graph_task():
    graphs = [data(y=torch.tensor([k % 2])) for k in range(10)]
    task = graphs_from_pyg(graphs, name="rings")
    assert task.described() == "10 graphs, 100 nodes, 100 edges, 3 features, 1 edge features, 2 classes"
    assert torch.equal(task.targets, torch.arange(10) % 2)
    batch = next(task.batches("train", 2))
    assert batch.graphs.num_graphs == 2 and torch.equal(batch.edges[:10, 0].long(), task.graphs[0].edges()[0])
    numbers = graphs_from_pyg([data(y=torch.rand(1, 2)) for _ in range(10)], task="regression", split_seed=3)
    assert numbers.targets.shape == (10, 2)
