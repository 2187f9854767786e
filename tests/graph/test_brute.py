"""The comparing helper passes the right graph and fails a wrong one."""

import pytest
import torch
from tests.graph.brute import assert_graph, edge_ids, graph_of, mask_of, random_mask

from edgewise.graph import Graph, Runs

MASK = torch.tensor([[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 1, 0]]).bool()


def test_a_mask_and_its_graph_are_equal():
    graph = graph_of(MASK)
    assert graph.run_offsets.tolist() == [0, 2, 2, 3]
    assert graph.run_start.tolist() == [0, 3, 1]
    assert graph.run_stop.tolist() == [2, 4, 3]
    assert_graph(graph, MASK)


@pytest.mark.parametrize("place", range(12))
def test_one_wrong_pair_fails(place):
    wrong = MASK.clone()
    wrong.view(-1)[place] ^= True
    with pytest.raises(AssertionError, match="instead of"):
        assert_graph(graph_of(MASK), wrong)


def test_a_wrong_shape_fails():
    with pytest.raises(AssertionError):
        assert_graph(graph_of(MASK), MASK[:, :3])


def test_runs_that_touch_fail():
    runs = Runs(torch.tensor([0, 2]), torch.tensor([0, 1]).int(), torch.tensor([1, 2]).int())
    with pytest.raises(ValueError, match="overlap, touch or are out of order"):
        assert_graph(Graph._trusted(runs, 2), torch.ones(1, 2).bool())


def test_runs_that_overlap_fail():
    runs = Runs(torch.tensor([0, 2]), torch.tensor([0, 0]).int(), torch.tensor([1, 1]).int())
    with pytest.raises(AssertionError, match="twice"):
        mask_of(Graph._trusted(runs, 1))


def test_edges_are_numbered_by_receiver_then_sender():
    assert edge_ids(MASK).tolist() == [[0, 1, -1, 2], [-1, -1, -1, -1], [-1, 3, 4, -1]]


def test_random_masks_have_both_kinds_of_pairs():
    mask = random_mask(9, 4)
    assert mask.any()
    assert not mask.all()
