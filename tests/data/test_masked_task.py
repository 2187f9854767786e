from dataclasses import replace

import pytest
import torch
from tests.real_data import real
from tests.training.stand_in import cycles_task

from edgewise.data import Classes, MaskedTask, molecules
from edgewise.data.parts import PARTS
from edgewise.data.sparse import sparse_table
from edgewise.graph import Graph
from edgewise.graph.structure.origin import per_node
from edgewise.models import MODELS, Network

BOTH = {"nodes": 0.15, "edges": 0.3}
HIDDEN = pytest.mark.parametrize("hidden", [{"nodes": 0.15}, {"edges": 0.3}, BOTH], ids=" ".join)
HEADS = {("nodes",): "nodes", ("edges",): "edges", ("nodes", "edges"): "nodes_and_edges"}


def rings(hidden=BOTH, **options):
    """Rings of nodes of three classes and edges of two, some with a chord; features are one-hot of the class."""
    bare = cycles_task(graphs=40)
    chance = torch.Generator().manual_seed(0)
    nodes = [torch.randint(3, (graph.num_receivers,), generator=chance) for graph in bare.graphs]
    edges = []
    for graph in bare.graphs:
        senders, receivers = graph.edges()
        edges.append(3 + (senders + receivers) % 2)
    one_hot = torch.nn.functional.one_hot
    given = {
        "name": "rings",
        "graphs": bare.graphs,
        "features": [one_hot(classes, 3).float() for classes in nodes],
        "edges": [one_hot(classes - 3, 2).float() for classes in edges],
        "classes": {"nodes": nodes, "edges": edges},
        "train": bare.train,
        "validation": bare.validation,
        "test": bare.test,
        "answer": Classes(("a", "b", "c", "even", "odd")),
        "hidden": hidden,
    }
    return MaskedTask(**{**given, **options})


def network(task, model="graph_transformer", **options):
    torch.manual_seed(0)
    head = HEADS[tuple(task.hidden)]
    made = MODELS[model](
        task.num_features,
        task.num_classes,
        head=head,
        hidden=8,
        num_heads=2,
        positions=(),
        edge_dim=task.num_edge_features,
        **options,
    )
    return Network(made).eval()


def plain(batch):
    return batch.graphs.edges(), batch.features, batch.edges, batch.asked, batch.targets


def same(one, two):
    flat = [
        [tensor for each in plain(batch) for tensor in (each if isinstance(each, tuple) else [each])]
        for batch in (one, two)
    ]
    return all(map(torch.equal, *flat))


@HIDDEN
@pytest.mark.parametrize("size", [0, 1, 7])
def test_what_is_asked_is_hidden_and_nothing_else(hidden, size):
    task = rings(hidden)
    for part, shuffled in [*((part, False) for part in PARTS), ("train", True)]:
        for batch in task.batches(part, size, shuffled):
            nodes, edges = batch.features.sum(1) == 0, batch.edges.sum(1) == 0
            rows = torch.cat([rows for kind, rows in (("nodes", nodes), ("edges", edges)) if kind in hidden])
            assert torch.equal(batch.asked.sort().values, rows.nonzero()[:, 0])
            assert nodes.any() == ("nodes" in hidden) and edges.any() == ("edges" in hidden)
            assert task.rows(batch) == (len(rows), " and ".join(hidden))


def test_what_is_asked_is_what_was_hidden():
    task = rings()
    whole = torch.cat([task.classes[kind][k] for kind in BOTH for k in task.validation.tolist()])
    (batch,) = task.batches("validation", 0)
    assert torch.equal(batch.targets, whole[batch.asked])
    assert batch.targets[batch.asked < len(batch.features)].max() < 3 <= batch.targets.max()


@HIDDEN
def test_the_share_of_every_graph_is_hidden(hidden):
    task = rings(hidden)
    for batch in task.batches("train", 1, shuffled=True):
        nodes, links = batch.graphs.num_receivers, batch.graphs.num_edges // 2
        hidden_nodes, hidden_edges = ((rows.sum(1) == 0).sum() for rows in (batch.features, batch.edges))
        assert hidden_nodes == ("nodes" in hidden) * max(1, round(0.15 * nodes))
        assert hidden_edges == ("edges" in hidden) * 2 * max(1, round(0.3 * links))


def test_an_edge_is_hidden_together_with_its_opposite():
    for batch in rings({"edges": 0.3}).batches("train", 4, shuffled=True):
        hidden = torch.zeros(batch.graphs.num_senders, batch.graphs.num_senders)
        senders, receivers = batch.graphs.edges()
        hidden[receivers, senders] = (batch.edges.sum(1) == 0).float()
        assert torch.equal(hidden, hidden.T)


def test_an_edge_without_an_opposite_is_hidden_alone():
    ends = torch.arange(6), torch.arange(1, 7)
    graph = Graph.from_edges(*ends, num_senders=7)
    task = rings(
        {"edges": 0.5},
        graphs=[graph] * 3,
        features=[torch.ones(7, 1)] * 3,
        edges=[torch.ones(6, 1)] * 3,
        classes={"edges": [torch.arange(6) % 5] * 3},
        **{part: torch.tensor([k]) for k, part in enumerate(PARTS)},
    )
    assert next(task.batches("train", 0)).edges.sum() == 3


@HIDDEN
def test_looks_are_fixed_by_the_seed_whatever_the_batches_and_leave_the_global_stream_alone(hidden):
    task = rings(hidden)
    torch.manual_seed(7)
    for part in PARTS:
        for size in (0, 1, 3):
            together = torch.cat([batch.targets for batch in task.batches(part, size)])
            assert torch.equal(together, task.asked(part)) and torch.equal(together, replace(task).asked(part))
        assert all(map(same, task.batches(part, 3), replace(task).to("cpu").batches(part, 3)))
    stream = torch.rand(1)
    torch.manual_seed(7)
    assert torch.equal(stream, torch.rand(1))
    assert not all(map(same, task.batches("test", 3), replace(task, mask_seed=1).batches("test", 3)))


def test_every_epoch_hides_others_and_the_same_stream_the_same():
    task, drawn = rings(), []
    for seed in (1, 2, 1):
        torch.manual_seed(seed)
        drawn.append(list(task.batches("train", 4, shuffled=True)))
    assert all(map(same, drawn[0], drawn[2])) and not any(map(same, drawn[0], drawn[1]))
    lone = replace(task, train=task.train[:1])
    hidden = [plain(next(lone.batches("train", 0, shuffled=True)))[1] for _ in range(20)]
    assert len({tuple(features.flatten().tolist()) for features in hidden}) > 1


@HIDDEN
def test_the_answer_for_what_is_hidden_does_not_depend_on_what_it_was(hidden):
    task = rings(hidden)
    other = replace(
        task,
        features=[torch.rand_like(each) for each in task.features] if "nodes" in hidden else task.features,
        edges=[torch.rand_like(each) for each in task.edges] if "edges" in hidden else task.edges,
    )
    (mine,), (theirs,) = task.batches("test", 0), other.batches("test", 0)
    # Where it is hidden the other task's features are zeros, too; elsewhere they are these.
    nodes, edges = mine.features.sum(1) == 0, mine.edges.sum(1) == 0
    theirs = replace(
        theirs,
        features=torch.where(nodes[:, None], theirs.features, mine.features),
        edges=torch.where(edges[:, None], theirs.edges, mine.edges),
    )
    model = network(task)
    assert torch.equal(mine.outputs(model), theirs.outputs(model))


@HIDDEN
def test_no_gradient_reaches_what_is_hidden(hidden):
    task = rings(hidden)
    features = [each.requires_grad_() for each in task.features]
    edges = [each.requires_grad_() for each in task.edges]
    (batch,) = task.batches("validation", 0)
    batch.outputs(network(task)).square().sum().backward()
    nodes = torch.cat([features[k].grad for k in task.validation.tolist()])
    links = torch.cat([edges[k].grad for k in task.validation.tolist()])
    for gradient, rows in ((nodes, batch.features), (links, batch.edges)):
        unseen = rows.sum(1) == 0
        assert not gradient[unseen].any() and gradient[~unseen].any()


def test_sparse_features_are_hidden_as_dense_ones_are():
    task = rings()
    sparse = []
    for features in task.features:
        rows, columns = features.nonzero().unbind(1)
        sparse.append(sparse_table(rows, columns, features[rows, columns], tuple(features.shape)))
    (dense,), (other,) = task.batches("test", 0), replace(task, features=sparse).batches("test", 0)
    assert torch.equal(dense.features, other.features.to_dense()) and other.features.layout is torch.sparse_csr


def test_positions_are_kept_of_all_graphs_together():
    task, asked = rings(), []

    def store(graph, name, measure):
        asked.append(graph.num_receivers)
        return measure(graph)

    task.keep(store)
    for batch in task.batches("train", 7, shuffled=True):
        assert torch.equal(per_node(batch.graphs, "how many", Graph.degree), batch.graphs.degree())
    assert asked == [sum(map(len, task.features))]


def test_a_task_says_what_it_hides():
    task = rings()
    assert (task.num_features, task.num_edge_features, task.num_classes, task.example) == (3, 2, 5, "graph")
    assert task.described().endswith(
        "3 features, 2 edge features, of nodes 15 % and of edges 30 % hidden in every graph and asked about, 5 classes"
    )


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"hidden": {}}, ValueError, "rings: nodes or edges can be hidden, got neither"),
        ({"hidden": {"graphs": 0.5}}, ValueError, "rings: nodes or edges can be hidden, got graphs"),
        ({"hidden": {"nodes": 0.0}}, ValueError, "rings: expected a share of nodes above 0, at most 1, got 0.0"),
        ({"hidden": {"edges": 1.5}}, ValueError, "rings: expected a share of edges above 0, at most 1, got 1.5"),
        ({"edges": None}, ValueError, "rings: edges bring no features, so nothing of them can be hidden; hide nodes"),
        ({"classes": {}}, ValueError, "rings: expected classes of the nodes of 40 graphs, got 0"),
        ({"answer": Classes(("a", "b"))}, ValueError, "rings: graph 0, nodes: expected targets from 0 to 1, one for"),
        ({"train": torch.tensor([40])}, IndexError, "rings: the train part names graph 40, but graphs go from 0 to 39"),
        ({"test": torch.tensor([], dtype=torch.int64)}, ValueError, "rings: the test part holds no graph"),
    ],
)
def test_what_cannot_be_asked_is_refused(changed, error, message):
    with pytest.raises(error, match=message):
        rings(**changed)


def test_a_node_or_edge_without_a_class_is_refused():
    task = rings()
    classes = [each.clone() for each in task.classes["nodes"]]
    classes[3][1] = -1
    with pytest.raises(ValueError, match="rings: graph 3, nodes: expected a class for each, got -1 for some"):
        replace(task, classes={**task.classes, "nodes": classes})


def test_a_part_without_anything_to_hide_is_refused():
    lone = Graph.from_edges(torch.tensor([], dtype=torch.int64), torch.tensor([], dtype=torch.int64), num_senders=1)
    with pytest.raises(ValueError, match="rings: the train part has no edges to hide"):
        rings(
            {"edges": 0.5},
            graphs=[lone] * 3,
            features=[torch.ones(1, 1)] * 3,
            edges=[torch.ones(0, 1)] * 3,
            classes={"edges": [torch.zeros(0, dtype=torch.int64)] * 3},
            **{part: torch.tensor([k]) for k, part in enumerate(PARTS)},
        )


def test_zinc_is_a_masked_task():
    pytest.importorskip("rdkit")
    folder = real("zinc250k_jtvae_split")
    task = molecules(
        folder=folder,
        file="test.txt",
        task={"name": "masked", "nodes": 0.15, "edges": 0.15},
        split={"name": "random", "train": 0.8, "validation": 0.1},
    )
    assert len(task.graphs) == 5000 and task.notes[0] == "5000 molecules of test.txt; what is hidden of them."
    assert task.class_names[:4] == ("C", "N", "O", "S") and task.class_names[-1] == "aromatic bond"
    nodes = sum(len(task.features[k]) for k in task.test.tolist())
    asked = task.asked("test")
    atoms = int((asked < task.class_names.index("single bond")).sum())
    assert 0.14 < atoms / nodes < 0.16
