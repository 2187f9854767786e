import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.data.negatives import draw_pairs, unlinked
from edgewise.graph import Graph


def graph_of(mask):
    return Graph.from_mask(mask)


def masks():
    return st.integers(0, 9).flatmap(
        lambda n: st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=n, max_size=n).map(
            lambda rows: torch.tensor(rows, dtype=torch.bool).reshape(n, n)
        )
    )


@given(masks(), st.booleans())
@settings(max_examples=100, deadline=None)
def test_the_unlinked_are_all_pairs_but_the_edges_and_the_loops(mask, directed):
    mask = mask if directed else mask | mask.T
    expected = ~mask & ~torch.eye(len(mask), dtype=torch.bool)
    expected = expected if directed else expected.tril(-1)
    assert torch.equal(unlinked(graph_of(mask), directed).dense(), expected)


@given(masks(), st.floats(0, 1), st.integers(0, 9))
@settings(max_examples=100, deadline=None)
def test_drawn_pairs_are_edges_and_no_two_the_same(mask, share, seed):
    pairs = graph_of(mask)
    count = round(share * pairs.num_edges)
    senders, receivers = draw_pairs(pairs, count, torch.Generator().manual_seed(seed))
    assert len(senders) == count and bool(mask[receivers, senders].all())
    assert len(pairs.locate(senders, receivers).unique()) == count
    again = draw_pairs(pairs, count, torch.Generator().manual_seed(seed))
    assert torch.equal(again[0], senders) and torch.equal(again[1], receivers)


@pytest.mark.parametrize("count", [3, 7])
def test_every_pair_is_as_likely_as_any_other(count):
    pairs = graph_of(torch.ones(4, 3).bool())
    chance, rounds = torch.Generator().manual_seed(0), 3000
    drawn = torch.cat([pairs.locate(*draw_pairs(pairs, count, chance)) for _ in range(rounds)])
    # The deviation of a share p over n rounds is √(p (1 - p) / n): four of them.
    share = count / 12
    found = torch.bincount(drawn, minlength=12) / rounds
    assert (found - share).abs().max() < 4 * (share * (1 - share) / rounds) ** 0.5


def test_a_million_nodes_cost_what_is_drawn():
    nobody = Graph.from_edges(*torch.zeros(2, 0).long(), num_senders=10**6)
    senders, receivers = draw_pairs(unlinked(nobody, directed=False), 1000, torch.Generator().manual_seed(0))
    assert bool((senders < receivers).all()) and senders.max() > 5 * 10**5


def test_without_a_generator_the_global_stream_is_drawn_from():
    pairs = graph_of(torch.ones(9, 9).bool())
    torch.manual_seed(3)
    first = draw_pairs(pairs, 5)
    second = draw_pairs(pairs, 5)
    torch.manual_seed(3)
    assert torch.equal(torch.stack(first), torch.stack(draw_pairs(pairs, 5)))
    assert not torch.equal(torch.stack(first), torch.stack(second))


def test_more_than_there_are_cannot_be_drawn():
    with pytest.raises(ValueError, match="negatives: expected 5 pairs that are not linked, and there are only 4"):
        draw_pairs(graph_of(torch.ones(2, 2).bool()), 5)
