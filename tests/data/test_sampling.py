"""What a sample holds, and that nothing is more likely than it should be."""

from dataclasses import replace

import pytest
import torch
from tests.equal import assert_equal_as_promised
from tests.kernels.graphs import irregular

from edgewise.data import SAMPLINGS, Classes, GraphTask, Neighbours, NodeTask, RandomWalks
from edgewise.data.neighbours import draw
from edgewise.data.sparse import sparse_table
from edgewise.graph import Graph
from edgewise.graph.runs import senders_of
from edgewise.models import Network, gat, graph_transformer, sage

WHOLE = irregular(60, 60, seed=3)
SEEDS = torch.tensor([7, 3, 59, 0])
SMALL = {"neighbours": Neighbours((3, 2)), "random_walks": RandomWalks(walks=6, length=3, neighbours=3)}


def star(leaves: int) -> Graph:
    """Node 0 hears all others, who hear nobody."""
    senders = torch.arange(1, leaves + 1)
    return Graph.from_edges(senders, torch.zeros_like(senders), num_senders=leaves + 1)


def task_on(graph: Graph, **more) -> NodeTask:
    nodes = torch.arange(graph.num_receivers)
    torch.manual_seed(4)
    return NodeTask(
        name="town",
        graphs=graph,
        features=torch.randn(len(nodes), 5),
        targets=nodes % 2,
        train=nodes[: len(nodes) // 2],
        validation=nodes[len(nodes) // 2 : -2],
        test=nodes[-2:],
        answer=Classes(("left", "right")),
        **more,
    )


def test_every_sampling_has_a_case():
    assert SMALL.keys() == SAMPLINGS.keys()


@pytest.mark.parametrize("name", SMALL)
def test_a_sample_starts_with_its_seeds_and_reaches_no_further_than_its_hops(name):
    torch.manual_seed(0)
    sample = SMALL[name].sample({"edges": WHOLE}, SEEDS)
    assert torch.equal(sample.nodes[:4], SEEDS) and len(sample.nodes.unique()) == len(sample.nodes)
    steps = 2 * (1 if name == "neighbours" else SMALL[name].length)
    reach = (WHOLE.k_hop(steps) | WHOLE.add_self_loops())[SEEDS].dense().any(0)
    assert bool(reach[sample.nodes].all())
    graph = sample.graphs["edges"]
    assert graph.num_receivers == graph.num_senders == len(sample.nodes)
    limits = torch.full((len(sample.nodes),), 3)
    if name == "neighbours":
        limits[4 + int(graph[:4].edges()[0].unique().ge(4).sum()) :] = 2
    assert bool((graph.degree() <= limits).all())


@pytest.mark.parametrize("name", SMALL)
def test_the_same_stream_gives_the_same_sample_and_leaves_nothing_behind(name):
    samples = []
    for _ in range(2):
        torch.manual_seed(1)
        samples.append(SMALL[name].sample({"edges": WHOLE}, SEEDS))
        SMALL[name].sample({"edges": WHOLE}, torch.tensor([5]))
    assert samples[0].graphs == samples[1].graphs and torch.equal(samples[0].nodes, samples[1].nodes)
    torch.manual_seed(2)
    assert SMALL[name].sample({"edges": WHOLE}, SEEDS).graphs != samples[0].graphs


@pytest.mark.parametrize("name", SMALL)
def test_seeds_who_hear_nobody_are_a_sample(name):
    alone = star(4)
    sample = SMALL[name].sample({"edges": alone}, torch.tensor([2, 4]))
    assert sample.nodes.tolist() == [2, 4] and sample.graphs["edges"].num_edges == 0


def test_every_neighbour_that_is_sampled_is_one_and_its_edge_follows():
    torch.manual_seed(0)
    sample = Neighbours((2, 2, 2)).sample({"edges": WHOLE}, SEEDS)
    senders, receivers = sample.graphs["edges"].edges()
    numbers = WHOLE.locate(sample.nodes[senders], sample.nodes[receivers])
    assert torch.equal(numbers, sample.edges["edges"])


def test_large_fanouts_give_the_whole_neighbourhood():
    sample = Neighbours((60, 60)).sample({"edges": WHOLE}, SEEDS)
    near = (WHOLE | WHOLE.add_self_loops())[SEEDS].dense().any(0).nonzero()[:, 0]
    expected = WHOLE.degree()[near].sum()
    assert sample.graphs["edges"].num_edges == expected
    assert set(sample.nodes.tolist()) == set(near.tolist()) | set(WHOLE[near].edges()[0].tolist())


@pytest.mark.parametrize(
    "config",
    [gat(5, 2), gat(5, 2, edge_dim=3), sage(5, 2), graph_transformer(5, 2, num_layers=2, positions=(), norm="layer")],
    ids=["gat", "gat, edges", "sage", "graph transformer"],
)
def test_a_network_says_of_the_seeds_what_it_says_on_the_whole_graph(config):
    edges = torch.randn(WHOLE.num_edges, 3).double() if "edge_dim=3" in str(config) else None
    task = task_on(WHOLE, edges=edges)
    task = replace(task, features=task.features.double(), sampling=Neighbours((60, 60)))
    network = Network(config).double().eval()
    (whole,) = replace(task, sampling=None).batches("train", 0)
    everywhere = network(WHOLE, task.features, **({} if edges is None else {"edges": edges}))
    for batch in task.batches("train", 8, shuffled=True):
        here = batch.outputs(network)
        nodes = [int((task.features == row).all(1).nonzero()) for row in batch.features[: len(batch.targets)]]
        assert_equal_as_promised(here, everywhere[nodes])
        assert torch.equal(batch.targets, task.targets[nodes])
    assert whole.graphs is WHOLE


def test_any_set_of_senders_is_as_likely():
    torch.manual_seed(0)
    rows, draws = 6000, 3
    row, place = draw(torch.full((rows,), 6), draws)
    sets = torch.zeros(rows, 6, dtype=torch.int64)
    sets[row, place] = 1
    assert bool((sets.sum(1) == draws).all())
    seen = (sets * 2 ** torch.arange(6)).sum(1).bincount(minlength=64)
    seen = seen[seen > 0]
    expected = rows / 20
    assert len(seen) == 20 and ((seen - expected) ** 2 / expected).sum() < 43.8  # chi-square of 19 at 0.001


def test_on_a_star_each_leaf_is_as_likely():
    torch.manual_seed(0)
    graph, heard = star(20), torch.zeros(21)
    for _ in range(2000):
        heard[Neighbours((5,)).sample({"edges": graph}, torch.tensor([0])).nodes[1:]] += 1
    expected = 2000 * 5 / 20
    # Leaves of one draw exclude each other, so the sum is 15/19 of a chi-square of 19.
    assert ((heard[1:] - expected) ** 2 / expected).sum() * 19 / 15 < 43.8


def test_who_is_visited_more_is_heard_more():
    senders, receivers = torch.tensor([1, 2, 3, 1]), torch.tensor([0, 0, 2, 2])
    graph = Graph.from_edges(senders, receivers, num_senders=4)
    torch.manual_seed(0)
    walks = RandomWalks(walks=4000, length=2, neighbours=2, hops=1, restart=0.0, importance=True)
    sample = walks.sample({"edges": graph}, torch.tensor([0]))
    # Half of the walks see 1, the others 2; of these half see 1 after it, and half 3.
    assert sample.nodes.tolist() == [0, 1, 2]
    weights = sample.weights["edges"]
    assert weights.sum().item() == pytest.approx(1) and weights[0] > weights[1] > 0.3


def test_of_nodes_visited_equally_often_some_are_drawn():
    torch.manual_seed(0)
    graph, heard = star(10), torch.zeros(11)
    for _ in range(1000):
        walks = RandomWalks(walks=200, length=1, neighbours=5, hops=1, restart=1.0)
        heard[walks.sample({"edges": graph}, torch.tensor([0])).nodes[1:]] += 1
    assert heard[1:].min() > 400 and heard[1:].max() < 600 and heard.sum() == 5000


def test_senders_are_found_in_runs_and_alone():
    for graph in (WHOLE, Graph.from_mask(torch.rand(9, 9) < 0.7), star(5)):
        edges = torch.randperm(graph.num_edges)
        assert torch.equal(senders_of(graph.runs, graph.run_edge_start, edges), graph.edges()[0][edges])


def test_batches_hold_each_training_node_once():
    task = task_on(WHOLE, sampling=Neighbours((2, 2)))
    assert (task.num_batches("train", 8), task.num_batches("train", 0)) == (4, 1)
    batches = list(task.batches("train", 8, shuffled=True))
    sizes = [len(batch.targets) for batch in batches]
    assert sum(sizes) == 30 and max(sizes) <= 8 and len(batches) == 4
    seeds = torch.cat([batch.features[batch.asked] for batch in batches])
    assert torch.equal(seeds.sort(0).values, task.features[task.train].sort(0).values)
    (batch,) = task.batches("validation", 8)
    assert batch.graphs is WHOLE and torch.equal(batch.asked, task.validation)


def test_sparse_features_stay_sparse_and_several_graphs_keep_their_names():
    words = sparse_table(torch.arange(60), torch.arange(60) % 5, torch.ones(60), (60, 5))
    both = {"likes": WHOLE, "buys": star(59)}
    task = replace(task_on(WHOLE), features=words, graphs=both, edges={"likes": torch.randn(WHOLE.num_edges, 1)})
    task = task.sampled(Neighbours((3,)))
    batch = next(task.batches("train", 8, shuffled=True))
    assert set(batch.graphs) == {"likes", "buys"} and batch.features.layout is torch.sparse_csr
    assert set(batch.edges) == {"likes"} and len(batch.edges["likes"]) == batch.graphs["likes"].num_edges


def test_importance_is_the_one_feature_of_edges():
    task = task_on(WHOLE).sampled(RandomWalks(importance=True))
    assert task.num_edge_features == 1
    batch = next(task.batches("train", 8, shuffled=True))
    assert batch.edges.shape == (batch.graphs.num_edges, 1)
    (whole,) = task.batches("validation", 0)
    shares = torch.zeros(60).index_add_(0, WHOLE.edges()[1], whole.edges[:, 0])
    assert torch.allclose(shares, (WHOLE.degree() > 0).float())
    with pytest.raises(
        ValueError, match="town: the sampling brings the importance of edges as their feature, and they"
    ):
        replace(task, edges=torch.ones(WHOLE.num_edges, 2))


def test_edge_features_cannot_follow_walks():
    task = task_on(WHOLE, edges=torch.ones(WHOLE.num_edges, 2), sampling=RandomWalks())
    with pytest.raises(
        ValueError, match="RandomWalks hears along edges that town need not have, so its 2 edge features"
    ):
        next(task.batches("train", 8, shuffled=True))


def test_many_graphs_need_no_sampling():
    graph = star(2)
    task = GraphTask(
        name="stars",
        graphs=[graph] * 3,
        features=[torch.ones(3, 1)] * 3,
        targets=torch.zeros(3, dtype=torch.int64),
        train=torch.tensor([0]),
        validation=torch.tensor([1]),
        test=torch.tensor([2]),
        answer=Classes(("one",)),
    )
    with pytest.raises(
        ValueError, match="sampling Neighbours is of the nodes or links of one graph, and stars is a GraphTask; le"
    ):
        task.sampled(Neighbours((2,)))


@pytest.mark.parametrize("fanouts", [(), (0,), (3, -1)])
def test_fanouts_that_are_none_are_refused(fanouts):
    with pytest.raises(ValueError, match="sampling neighbours: expected fanouts of at least 1, one a hop, such as"):
        Neighbours(fanouts)


@pytest.mark.parametrize("option", ["walks", "length", "neighbours", "hops"])
def test_walks_of_nothing_are_refused(option):
    with pytest.raises(ValueError, match=f"sampling random_walks: {option} must be at least 1, got 0"):
        RandomWalks(**{option: 0})
    with pytest.raises(ValueError, match="sampling random_walks: restart is a probability, 0 to 1, got 1.5"):
        RandomWalks(restart=1.5)
