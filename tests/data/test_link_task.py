from dataclasses import replace

import pytest
import torch

from edgewise.data import LinkTask, Neighbours, RandomWalks, links_of
from edgewise.data.parts import PARTS
from edgewise.data.splits import shares
from edgewise.graph import Graph
from edgewise.models import Network, gat

DIRECTED = pytest.mark.parametrize("directed", [False, True])


def friends(*, nodes=30, seed=0, directed=False, density=0.12, **options):
    """A random graph in which node 0 is linked to itself; half of its links are learned from."""
    mask = torch.rand(nodes, nodes, generator=torch.Generator().manual_seed(seed)) < density
    mask = mask if directed else mask | mask.T
    mask.fill_diagonal_(False)[0, 0] = True
    graph = Graph.from_mask(mask)
    split = shares(torch.ones(links_of(graph, directed).shape[1]), train=0.5, validation=0.2, seed=seed)
    options = {"features": torch.randn(nodes, 3, generator=torch.Generator().manual_seed(seed)), **options}
    return LinkTask(name="friends", graph=graph, directed=directed, **split._asdict(), **options)


def both(mask, directed):
    return mask if directed else mask | mask.T


def dense(task, pairs):
    mask = torch.zeros(task.num_nodes, task.num_nodes, dtype=torch.bool)
    mask[pairs[1], pairs[0]] = True
    return mask


def asked_of(batch):
    """The pairs of a batch that are linked, and those that are not."""
    pairs = torch.stack(batch.graphs["links"].edges())
    right = batch.targets[:, 0].bool()
    return pairs[:, right], pairs[:, ~right]


@DIRECTED
@pytest.mark.parametrize(("seed", "k", "size"), [(0, 1, 0), (1, 1, 7), (2, 2, 13), (3, 2, 0), (4, 1, 40), (5, 1, 3)])
def test_negatives_are_never_links_nor_loops_nor_twice_and_held_out_links_are_not_heard(seed, directed, k, size):
    task = friends(seed=seed, directed=directed, negatives_per_link=k)
    linked = task.graph.dense()
    held_out = both(dense(task, task.links[:, torch.cat([task.validation, task.test])]), directed)
    torch.manual_seed(seed)
    seen = {}
    for part, shuffled in [*((part, False) for part in PARTS), ("train", True)]:
        links, others = [], []
        for batch in task.batches(part, size, shuffled):
            assert not (batch.graphs["edges"].dense() & held_out).any()
            assert len(batch.targets) == batch.graphs["links"].num_edges <= (1 + k) * (size or 10**9) + k
            yes, no = asked_of(batch)
            links.append(yes)
            others.append(no)
        links, others = torch.cat(links, 1), torch.cat(others, 1)
        mask = dense(task, others)
        assert others.shape[1] == k * links.shape[1] == k * len(getattr(task, part)) == int(mask.sum())
        assert not (mask & linked).any() and not mask.diagonal().any() and (directed or not (mask & mask.T).any())
        assert torch.equal(dense(task, links), dense(task, task.links[:, getattr(task, part)]))
        seen[part, shuffled] = mask
    fixed = [mask for (_, shuffled), mask in seen.items() if not shuffled]
    assert int(torch.stack(fixed).sum(0).max()) == 1
    assert not (seen["train", True] & (seen["validation", False] | seen["test", False])).any()


@DIRECTED
def test_what_is_looked_at_is_fixed_by_the_seed_and_leaves_the_global_stream_alone(directed):
    task = friends(directed=directed)
    torch.manual_seed(7)
    first = [asked_of(batch)[1] for part in PARTS for batch in task.batches(part, 4)]
    stream = torch.rand(1)
    again = [asked_of(batch)[1] for part in PARTS for batch in replace(task).batches(part, 4)]
    torch.manual_seed(7)
    assert torch.equal(stream, torch.rand(1))
    assert all(map(torch.equal, first, again))
    others = [asked_of(batch)[1] for part in PARTS for batch in replace(task, negatives_seed=1).batches(part, 4)]
    assert not all(map(torch.equal, first, others))


def test_every_epoch_draws_anew_and_the_same_stream_draws_the_same():
    task, drawn = friends(), []
    for seed in (1, 2, 1):
        torch.manual_seed(seed)
        drawn.append([(batch.graphs["links"], batch.graphs["edges"]) for batch in task.batches("train", 8, True)])
    assert drawn[0] == drawn[2] != drawn[1]


@DIRECTED
@pytest.mark.parametrize("unheard", [0.0, 0.3, 1.0])
def test_a_share_of_the_links_asked_in_a_step_is_not_heard_in_it(directed, unheard):
    task = friends(directed=directed, unheard=unheard)
    everything = task.heard[0].dense()
    for batch in task.batches("train", 9, shuffled=True):
        yes, _ = asked_of(batch)
        heard, asked = batch.graphs["edges"].dense(), dense(task, yes)
        silent = everything & ~heard
        assert torch.equal(silent, both(silent & asked, directed))
        assert int((silent & asked).sum()) == round(unheard * yes.shape[1])
    for batch in task.batches("train", 9):
        assert batch.graphs["edges"] is task.heard[0]


@DIRECTED
def test_edge_features_stay_with_the_edges_that_are_heard(directed):
    task = friends(directed=directed)
    senders, receivers = task.graph.edges()
    task = replace(task, edges=torch.stack([senders, receivers], dim=1).float())
    assert task.num_edge_features == 2 and ", 2 edge features, " in task.described()
    for batch in [*task.batches("train", 9, shuffled=True), *task.batches("test", 0)]:
        assert torch.equal(batch.edges["edges"], torch.stack(batch.graphs["edges"].edges(), dim=1).float())
    with pytest.raises(ValueError, match="friends: expected floating-point edge features .*, got torch.float32"):
        replace(task, edges=torch.rand(2, 2))


def test_targets_come_in_the_order_they_are_asked_in():
    task = friends(negatives_per_link=2)
    for part in PARTS:
        together = torch.cat([batch.targets for batch in task.batches(part, 5)])
        assert torch.equal(task.asked(part), together) and together.mean().item() == pytest.approx(1 / 3)
    assert task.num_batches("train", 5) == -(-len(task.train) // 5) and task.num_batches("train", 0) == 1
    assert torch.equal(task.asked("test"), task.to("cpu").asked("test"))


def test_links_in_no_part_and_to_oneself_are_heard_and_not_asked():
    task = friends()
    left = replace(task, train=task.train[1:])
    assert left.heard[0] == task.heard[0] and left.heard[0].dense()[0, 0]
    asked = dense(left, torch.cat([asked_of(batch)[0] for part in PARTS for batch in left.batches(part, 0)], 1))
    assert int(asked.sum()) == len(task.targets) - 1 and not asked.diagonal().any()


def test_a_task_of_links_knows_its_sizes():
    task = friends()
    assert (task.num_nodes, task.num_features, task.num_classes, task.example) == (30, 3, 1, "link")
    assert task.described() == (
        f"30 nodes, {task.links.shape[1]} links without a direction, {task.heard[0].num_edges} edges heard,"
        " 3 features, 1 pairs that are not linked asked beside each link"
    )


def index(*numbers):
    return torch.tensor(numbers, dtype=torch.long)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"validation": index()}, ValueError, "friends: the validation part holds no link"),
        ({"test": index(0), "train": index(0)}, ValueError, "friends: link 0 is named more than once, in train and te"),
        ({"test": index(10**6)}, IndexError, "friends: the test part names link 1000000, but links go from 0 to"),
        ({"negatives_per_link": 0}, ValueError, "friends: negatives_per_link must be at least 1, got 0"),
        ({"unheard": 1.5}, ValueError, "friends: unheard is a share, from 0 to 1, got 1.5"),
        (
            {"negatives_per_link": 9},
            ValueError,
            r"friends: negatives_per_link = 9 asks about \d+ pairs that are not linked, and there are only \d+; the gr",
        ),
        ({"features": torch.ones(4, 3)}, ValueError, "friends: the graph has 30 senders and 30 receivers, but there"),
        ({"features": torch.ones(30)}, TypeError, r"friends: expected floating-point features \[nodes, features\]"),
        ({"features": torch.full((30, 1), torch.nan)}, ValueError, "friends: expected finite features, got nan"),
    ],
)
def test_what_cannot_be_is_refused(changed, error, message):
    with pytest.raises(error, match=message):
        replace(friends(), **changed)


def test_an_edge_without_its_opposite_has_a_direction():
    with pytest.raises(ValueError, match="a link without a direction is two edges, and some edge has no opposite; a"):
        replace(friends(directed=True), directed=False)


def test_a_dense_graph_has_no_pairs_left():
    with pytest.raises(ValueError, match="and there are only 0; the graph is too dense for so many"):
        friends(density=1.1)


@DIRECTED
def test_pairs_hear_a_sample_and_a_large_one_says_what_the_whole_graph_says(directed):
    task = friends(directed=directed, edges=None, unheard=0.3)
    network = Network(gat(3, 1, hidden=4, num_heads=2, num_layers=2, head="links")).eval()
    said = {}
    for fanouts in (None, (100, 100), (1, 1)):
        sampled = task if fanouts is None else task.sampled(Neighbours(fanouts))
        torch.manual_seed(0)
        batches = list(sampled.batches("train", 11, shuffled=True))
        torch.manual_seed(0)
        fair = list(task.batches("train", 11, shuffled=True))
        said[fanouts] = batches[0].outputs(network)
        assert torch.equal(batches[0].targets, fair[0].targets)
        assert fanouts is None or batches[0].graphs["edges"].num_receivers == len(batches[0].features)
    torch.testing.assert_close(said[None], said[100, 100])
    assert not torch.allclose(said[None], said[1, 1])


def test_edge_features_follow_the_sample_of_pairs():
    graph = friends().graph
    senders, receivers = graph.edges()
    task = friends(edges=torch.stack([senders, receivers], 1).float(), features=torch.arange(30.0)[:, None])
    for batch in task.sampled(Neighbours((2,))).batches("train", 5, shuffled=True):
        ends = torch.stack(batch.graphs["edges"].edges(), 1)
        assert torch.equal(batch.edges["edges"], batch.features[ends][..., 0])


def test_a_look_at_links_hears_everything():
    task = friends().sampled(Neighbours((1,)))
    assert [len(batch.features) for batch in task.batches("test", 0)] == [30]


def test_what_links_cannot_be_sampled_by_is_refused():
    with pytest.raises(ValueError, match="RandomWalks brings the importance of edges as their feature, and friends l"):
        friends().sampled(RandomWalks(importance=True))
    walks = friends(edges=torch.ones(friends().graph.num_edges, 2)).sampled(RandomWalks())
    with pytest.raises(ValueError, match="RandomWalks hears along edges that friends need not have, so its 2 edge f"):
        next(walks.batches("train", 0, shuffled=True))
