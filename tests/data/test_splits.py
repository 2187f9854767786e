import pytest
import torch

from edgewise.data import SPLITS, Classes, Labels, Split, per_class, scaffold, shares
from edgewise.data.splits import drawn

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


def test_shares_cover_everything_once_and_follow_their_seed():
    parts = shares(TARGETS, train=0.5, validation=0.2, seed=1)
    assert [len(part) for part in parts] == [15, 6, 9]
    assert torch.equal(torch.cat(list(parts)).sort().values, torch.arange(30))
    assert torch.equal(parts.train, shares(TARGETS, train=0.5, validation=0.2, seed=1).train)
    assert not torch.equal(parts.train, shares(TARGETS, train=0.5, validation=0.2, seed=2).train)


@pytest.mark.parametrize(("train", "validation"), [(0.0, 0.5), (0.5, 0.0), (0.5, 0.5), (0.9, 0.2)])
def test_shares_that_leave_a_part_empty_are_refused(train, validation):
    with pytest.raises(
        ValueError, match="split: expected shares above 0 that leave something for testing, got train = "
    ):
        shares(TARGETS, train=train, validation=validation, seed=0)


@pytest.mark.parametrize("name", sorted(SPLITS))
def test_every_split_leaves_out_what_is_unknown(name):
    assert SPLITS[name].__doc__
    targets = TARGETS.clone()
    targets[:6] = -1
    own = Split(torch.arange(0, 12), torch.arange(12, 20), torch.arange(20, 30))
    options = {"train_per_class": 2, "validation": 5, "test": 6} if name == "per_class" else {}
    groups = [k // 4 for k in range(30)]
    answer = Classes(("a", "b", "c"))
    parts = drawn({"name": name, **options}, targets=targets, answer=answer, seed=0, given=own, groups=lambda: groups)
    assert min(torch.cat(list(parts))) >= 6 and len(torch.cat(list(parts)).unique()) == sum(map(len, parts))
    if name == "given":
        assert parts.train.tolist() == [6, 7, 8, 9, 10, 11] and torch.equal(parts.test, own.test)


def test_data_without_a_split_of_their_own_say_so():
    with pytest.raises(
        ValueError, match="split: these data bring none of their own; take one of given, in_order, per_class"
    ):
        drawn("given", targets=TARGETS, answer=Classes(("a", "b", "c")), seed=0)


def test_labels_have_no_classes_to_split_by():
    split = {"name": "per_class", "train_per_class": 1, "validation": 1, "test": 1}
    with pytest.raises(
        ValueError, match="split: per_class wants one class an example; random takes labels and numbers"
    ):
        drawn(split, targets=torch.ones(9, 2), answer=Labels(("a", "b")), seed=0)


def test_groups_are_kept_whole_and_the_largest_are_learned_from():
    groups = list("aaaabbbcccdde")
    parts = scaffold(torch.zeros(13), train=0.6, validation=0.2, groups=lambda: groups)
    assert ["".join(groups[k] for k in part) for part in parts] == [
        "aaaaccc",
        "bbb",
        "dde",
    ]  # of one size, the last first


def test_examples_without_groups_have_no_scaffold():
    with pytest.raises(
        ValueError, match="split: scaffold keeps molecules of one scaffold together, and these examples"
    ):
        scaffold(torch.zeros(13), groups=None)
