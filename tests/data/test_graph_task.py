from dataclasses import replace

import pytest
import torch
from tests.training.stand_in import cycles_task

from edgewise.data import Labels
from edgewise.graph import Graph


@pytest.fixture
def task():
    return cycles_task(edge_features=True)


def test_a_task_knows_its_sizes(task):
    assert (task.num_features, task.num_edge_features, task.num_classes) == (2, 3, 2)
    assert task.described().startswith("50 graphs, ") and task.described().endswith("3 edge features, 2 classes")


@pytest.mark.parametrize(("size", "sizes"), [(0, [30]), (7, [6] * 5), (30, [30]), (1, [1] * 30), (64, [30])])
def test_batches_hold_every_graph_once_and_differ_by_one_at_most(task, size, sizes):
    batches = list(task.batches("train", size))
    assert [batch.graphs.num_graphs for batch in batches] == sizes
    assert task.num_batches("train", size) == len(sizes)
    assert torch.equal(torch.cat([batch.targets for batch in batches]), task.targets[task.train])


def test_a_batch_is_the_disjoint_union_of_its_graphs(task):
    batch = next(task.batches("validation", 4))
    assert batch.graphs.unbatch() == [task.graphs[k] for k in task.validation[:4].tolist()]
    assert torch.equal(batch.features, torch.cat(task.features[30:34]))
    assert torch.equal(batch.edges, torch.cat(task.edges[30:34]))


def test_shuffling_follows_the_global_stream(task):
    def order(seed):
        torch.manual_seed(seed)
        return torch.cat([batch.features for batch in task.batches("train", 8, shuffled=True)])

    assert torch.equal(order(1), order(1)) and not torch.equal(order(1), order(2))


def test_a_task_moves_as_one(task):
    moved = task.to("cpu")
    assert moved is not task and moved.graphs == list(task.graphs)
    assert all(torch.equal(a, b) for a, b in zip(moved.edges, task.edges, strict=True))


def test_features_of_another_width_are_named_by_graph(task):
    features = list(task.features)
    features[3] = features[3][:, :1]
    with pytest.raises(ValueError, match=r"cycles: graph 3: expected floating-point features \[nodes, 2\], as graph 0"):
        replace(task, features=features)


def test_features_of_too_few_nodes_are_named_by_graph(task):
    features = list(task.features)
    features[3] = features[3][:2]
    with pytest.raises(ValueError, match="cycles: graph 3 has .* senders and .* receivers, but features of 2 nodes"):
        replace(task, features=features)


def test_nan_is_named_by_graph_node_and_column(task):
    features = [each.clone() for each in task.features]
    features[2][1, 0] = float("nan")
    with pytest.raises(ValueError, match="cycles: graph 2: expected finite features, got nan at node 1, column 0"):
        replace(task, features=features)


def test_edge_features_are_checked_like_those_of_nodes(task):
    edges = [each.clone() for each in task.edges]
    edges[4][2, 1] = float("inf")
    with pytest.raises(ValueError, match="cycles: graph 4: expected finite features, got inf at edge 2, column 1"):
        replace(task, edges=edges)
    edges[4] = edges[4][:1]
    with pytest.raises(ValueError, match=r"cycles: graph 4: expected floating-point edge features \[.* edges, feat"):
        replace(task, edges=edges)


def test_features_for_each_graph_are_asked_for(task):
    with pytest.raises(ValueError, match="cycles: expected features for each of 50 graphs, got 49"):
        replace(task, features=task.features[1:])


def test_parts_are_checked_in_graphs(task):
    with pytest.raises(ValueError, match="cycles: graph 0 is named more than once, in train and test"):
        replace(task, test=torch.tensor([0]))


def test_a_class_never_seen_in_training_is_named(task):
    train = task.train[task.targets[task.train] == 0]
    with pytest.raises(
        ValueError, match="class 'chord' has .* graphs in the validation part and none in the train part"
    ):
        replace(task, train=train)


def test_a_graph_of_which_nothing_is_known_is_in_no_part(task):
    targets = torch.ones(50, 1)
    targets[31] = float("nan")
    with pytest.raises(ValueError, match="graph 31 is in the validation part, but its target is unknown"):
        replace(task, targets=targets, answer=Labels(("chord",)))


def test_graphs_with_two_node_sets_are_refused(task):
    graphs = [Graph.from_edges(torch.tensor([0]), torch.tensor([0]), num_senders=2, num_receivers=1), *task.graphs[1:]]
    with pytest.raises(ValueError, match="cycles: graph 0 has 2 senders and 1 receivers"):
        replace(task, graphs=graphs)
