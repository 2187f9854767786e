import pytest
import torch

from edgewise.data import per_class

TARGETS = torch.tensor([0, 1, 2] * 10)


def split(**changes):
    return per_class(TARGETS, **{"train_per_class": 2, "validation": 5, "test": 6, "seed": 0, **changes})


@pytest.mark.parametrize("seed", range(5))
def test_the_parts_have_their_sizes_and_share_no_node(seed):
    parts = split(seed=seed)
    assert [len(part) for part in parts] == [6, 5, 6]
    assert len(torch.cat(list(parts)).unique()) == 17
    assert torch.bincount(TARGETS[parts.train]).tolist() == [2, 2, 2]


def test_every_node_can_be_used():
    assert torch.equal(torch.cat(list(split(validation=12, test=12))).sort().values, torch.arange(30))


def test_drawing_does_not_touch_the_global_stream():
    before = torch.get_rng_state()
    split()
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", ["train_per_class", "validation", "test"])
def test_an_empty_part_is_refused(name):
    with pytest.raises(ValueError, match=f"split: {name} must be at least 1, got 0. It counts nodes."):
        split(**{name: 0})


def test_a_class_that_is_too_small_is_named():
    with pytest.raises(ValueError, match="split: class 0 has 10 nodes, fewer than train_per_class = 11"):
        split(train_per_class=11)


def test_more_nodes_than_there_are_is_refused():
    with pytest.raises(ValueError, match="leave 24, fewer than validation . test = 20 . 5"):
        split(validation=20, test=5)
