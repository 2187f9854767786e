from dataclasses import replace

import pytest
import torch

from edgewise.data import Classes, Labels, NodeTask, Numbers
from edgewise.graph import Graph


def index(*nodes):
    return torch.tensor(nodes, dtype=torch.long)


@pytest.fixture
def task():
    return NodeTask(
        name="shop",
        graphs=Graph.from_edges(index(0, 1, 2), index(1, 2, 3), num_senders=4),
        features=torch.rand(4, 3),
        targets=index(0, 1, 0, 1),
        train=index(0, 1),
        validation=index(2),
        test=index(3),
        answer=Classes(("bread", "milk")),
    )


def test_a_task_knows_its_sizes(task):
    assert (task.num_nodes, task.num_features, task.num_classes) == (4, 3, 2)
    assert task.named_graphs() == {"edges": task.graphs}


def test_several_graphs_keep_their_names(task):
    both = replace(task, graphs={"likes": task.graphs, "buys": task.graphs})
    assert set(both.named_graphs()) == {"likes", "buys"}
    assert set(both.to("cpu").named_graphs()) == {"likes", "buys"}


def test_a_task_moves_as_one(task):
    moved = task.to("cpu")
    assert torch.equal(moved.features, task.features) and moved.graphs == task.graphs


def test_one_node_that_hears_nobody_is_a_graph(task):
    nobody = Graph.from_edges(index(), index(), num_senders=4)
    assert replace(task, graphs=nobody).named_graphs()["edges"].num_edges == 0


def test_nan_is_named_by_node_and_column(task):
    features = task.features.clone()
    features[2, 1] = float("nan")
    with pytest.raises(ValueError, match="shop: expected finite features, got nan at node 2, column 1"):
        replace(task, features=features)


@pytest.mark.parametrize("features", [torch.ones(4, 3, dtype=torch.long), torch.rand(4)])
def test_features_of_another_kind_are_refused(task, features):
    with pytest.raises(TypeError, match=r"shop: expected floating-point features \[nodes, features\], got torch"):
        replace(task, features=features)


def test_targets_of_another_kind_are_refused(task):
    with pytest.raises(TypeError, match="shop: expected targets in int64, got torch.float32"):
        replace(task, targets=torch.zeros(4))
    with pytest.raises(TypeError, match="shop: expected test in int64, got torch.bool"):
        replace(task, test=torch.zeros(4, dtype=torch.bool))


def test_targets_of_another_length_are_refused(task):
    with pytest.raises(ValueError, match=r"shop: expected one target an example, \[4\], got \[3\]"):
        replace(task, targets=index(0, 1, 0))


@pytest.mark.parametrize("wrong", [-2, 2])
def test_a_target_without_a_class_name_is_refused(task, wrong):
    with pytest.raises(
        ValueError, match="shop: expected targets from 0 to 1, one for each of 2 class names, or -1 where unknown, got"
    ):
        replace(task, targets=index(0, 1, 0, wrong))


def test_a_graph_of_another_size_is_named(task):
    graph = Graph.from_edges(index(0), index(1), num_senders=5)
    with pytest.raises(ValueError, match="shop: graph 'edges' has 5 senders and 5 receivers, but there are 4 rows"):
        replace(task, graphs=graph)


def test_an_empty_part_is_refused(task):
    with pytest.raises(ValueError, match="shop: the validation part holds no node"):
        replace(task, validation=index())


@pytest.mark.parametrize("node", [-1, 4])
def test_a_part_that_names_no_node_is_refused(task, node):
    with pytest.raises(IndexError, match=f"shop: the test part names node {node}, but nodes go from 0 to 3"):
        replace(task, test=index(node))


def test_parts_that_share_a_node_are_refused(task):
    with pytest.raises(ValueError, match="shop: node 1 is named more than once, in train and test"):
        replace(task, test=index(1))


def test_several_labels_and_numbers_may_be_asked_for(task):
    table = torch.tensor([[1.0, 0.0], [0.0, float("nan")], [1.0, 1.0], [0.0, 0.0]])
    assert replace(task, targets=table, answer=Labels(("red", "round"))).described().endswith("2 labels")
    assert replace(task, targets=table, answer=Numbers(("red", "round"))).described().endswith("2 numbers to say")


def test_a_class_never_seen_in_training_is_named(task):
    with pytest.raises(ValueError, match="shop: class 'milk' has 1 nodes in the test part and none in the train part"):
        replace(task, train=index(0))


def test_a_node_of_unknown_class_is_heard_and_in_no_part(task):
    assert replace(task, targets=index(0, 1, 0, 1, -1)[:4]).num_nodes == 4
    with pytest.raises(ValueError, match="shop: node 2 is in the validation part, but its target is unknown"):
        replace(task, targets=index(0, 1, -1, 1))


def test_one_graph_comes_at_once(task):
    (batch,) = task.batches("validation", 0)
    assert torch.equal(batch.asked, task.validation) and torch.equal(batch.targets, index(0))
    with pytest.raises(
        ValueError, match="training: batch_size is 2, but shop is one graph, all of whose nodes come at"
    ):
        next(task.batches("train", 2))


def test_edge_features_follow_the_edges(task):
    with_edges = replace(task, edges=torch.rand(3, 2))
    assert with_edges.num_edge_features == 2 and ", 2 edge features, " in with_edges.described()
    assert with_edges.to("cpu").edges.shape == (3, 2)
    with pytest.raises(ValueError, match=r"shop: graph 'edges': expected floating-point edge features \[3 edges, feat"):
        replace(task, edges=torch.rand(2, 2))
