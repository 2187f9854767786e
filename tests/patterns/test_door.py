"""What a pattern is given is checked at the door, and the error says how to mend it."""

import pytest
import torch
from tests.patterns.own import half, near, silent

from edgewise.patterns import (
    PATTERNS,
    Pattern,
    blocks,
    causal,
    fixed,
    grid,
    hubs,
    links,
    random_regular,
    ring,
    spans,
    tree,
    window,
)

LIMIT = 2**31 - 1


@pytest.mark.parametrize(
    ("family", "arguments", "message"),
    [
        (
            "window",
            (-1, 0),
            r"window: before must be at least 0, got -1\. It counts nodes to the left besides",
        ),
        (
            "window",
            (0, -2),
            r"window: after must be at least 0, got -2\. It counts nodes to the right besides",
        ),
        ("strided", (0,), r"strided: stride must be at least 1, got 0\. It counts nodes from one far neighbour"),
        ("fixed", (0,), r"fixed: stride must be at least 1, got 0\. It counts the nodes of a block"),
        ("fixed", (4, 0), r"fixed: summary must be at least 1, got 0\. It counts the nodes at a block's end"),
        ("fixed", (4, 5), r"fixed: summary must be at most stride=4, got 5\."),
        ("blocks", (0,), r"blocks: size must be at least 1, got 0\. It counts the nodes of a block"),
        ("hubs", (0, -1), r"hubs: a node must be at least 0, got -1\. Nodes count from 0"),
        ("hubs", (), r"hubs: expected at least one node, got none; write hubs\(0\) for the first one"),
        ("hubs", (2, 0, 2), r"hubs: node 2 is named twice; name each hub once"),
        ("random_regular", (-1,), r"random_regular: degree must be at least 0, got -1\. It counts the other nodes"),
        ("random_regular", (3, -1), r"random_regular: seed must be at least 0, got -1\. It names one of many"),
        ("random_regular", (3, 2**63), r"random_regular: seed must be less than 2\*\*63, got"),
        ("grid", (0, 3), r"grid: height must be at least 1, got 0\. It counts the rows of the grid"),
        ("grid", (3, 0), r"grid: width must be at least 1, got 0\. It counts the columns of the grid"),
        ("ring", (0,), r"ring: hops must be at least 1, got 0\. It counts nodes to one side besides the node itself"),
        ("tree", (0,), r"tree: arity must be at least 1, got 0\. It counts the children of a node"),
    ],
)
def test_argument_out_of_range_is_refused(family, arguments, message):
    with pytest.raises(ValueError, match=message):
        PATTERNS[family](*arguments)


WITH_NUMBERS = {
    "window": 2, "strided": 1, "fixed": 2, "blocks": 1, "hubs": 2, "random_regular": 2, "grid": 2, "ring": 1, "tree": 1
}  # fmt: skip


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("wrong", [1.0, True, "1", torch.tensor(1)], ids=repr)
@pytest.mark.parametrize("family", WITH_NUMBERS)
def test_argument_that_is_no_integer_is_refused(family, wrong):
    for place in range(WITH_NUMBERS[family]):
        arguments = [3] * WITH_NUMBERS[family]
        arguments[place] = wrong
        with pytest.raises(TypeError, match=rf"{family}: .* must be an integer, got .*\. (It|Nodes)"):
            PATTERNS[family](*arguments)


@pytest.mark.parametrize("pattern", [causal(), ~causal(), causal() & window(1, 1)], ids=str)
def test_number_of_nodes_is_checked(pattern):
    with pytest.raises(ValueError, match="num_receivers must be between 0 and"):
        pattern.build(-1)
    with pytest.raises(ValueError, match="num_senders must be between 0 and"):
        pattern.build(1, num_senders=-1)
    with pytest.raises(ValueError, match=f"num_senders must be between 0 and {LIMIT}"):
        pattern.build(1, num_senders=LIMIT + 1)
    with pytest.raises(TypeError, match="num_receivers must be an int, got True"):
        pattern.build(True)


def test_the_largest_number_of_senders_is_fine():
    graph = (causal() & window(9, 0) | hubs(0)).build(1, num_senders=LIMIT)
    assert (graph.run_start.tolist(), graph.run_stop.tolist()) == ([0, LIMIT - 10], [1, LIMIT])
    both = (causal() & window(9, 0) | hubs(0)).build(2, num_senders=LIMIT)
    assert both.run_stop.tolist() == [1, LIMIT - 1, 1, LIMIT]


def test_what_is_needed_must_be_given():
    with pytest.raises(ValueError, match=r"blocks\(\): needs lengths=..., the number of nodes in each block"):
        blocks().build(3)
    with pytest.raises(ValueError, match=r"tree\(\): needs tree=..., the head of each node, -1 for a root"):
        (causal() & tree()).build(3)
    with pytest.raises(
        ValueError, match=r"near\(\): needs features=..., one row of numbers a sender; give it to build"
    ):
        near().build(3)
    with pytest.raises(ValueError, match=r"blocks\(\): needs lengths"):
        blocks().build_batch([3])
    with pytest.raises(ValueError, match=r"spans\(\): needs spans=..., pairs of nodes, from start up to before stop"):
        spans().build(3)
    with pytest.raises(ValueError, match=r"links\(\): needs links=..., the label of each node, -1 for none"):
        links().build_batch([3])


@pytest.mark.parametrize(
    ("pattern", "given"),
    [
        (causal(), {"lengths": [3]}),
        (blocks(2), {"lengths": [3]}),
        (tree(2), {"tree": [-1, 0, 0]}),
        (causal() & blocks(), {"lengths": [3], "tree": [-1, 0, 0]}),
        (window(1, 1), {"features": torch.zeros(3, 1)}),
        (links(), {"links": [0, 0, 0], "spans": []}),
        (spans(), {"links": [0, 0, 0], "spans": []}),
    ],
    ids=str,
)
def test_nothing_is_silently_ignored(pattern, given):
    with pytest.raises(ValueError, match=r"build: .*=... was given, and nothing in .* needs it; leave it out"):
        pattern.build(3, **given)


def test_nothing_is_silently_ignored_in_a_batch():
    with pytest.raises(ValueError, match=r"build: tree=... was given, and nothing in causal\(\) needs it"):
        causal().build_batch([2, 1], tree=[-1, 0, -1])
    with pytest.raises(ValueError, match=r"build: spans=... was given, and nothing in causal\(\) needs it"):
        causal().build_batch([2, 1], spans=[[], []])


@pytest.mark.parametrize(("lengths", "total"), [([1, 1], 2), ([4], 4), ([], 0), (torch.tensor([5]), 5)])
def test_lengths_must_sum_to_the_senders(lengths, total):
    with pytest.raises(ValueError, match=f"lengths must sum to the number of senders, 3, got a sum of {total}"):
        blocks().build(3, lengths=lengths)


def test_lengths_must_be_counts():
    with pytest.raises(ValueError, match="blocks: lengths must be at least 0, got -1"):
        blocks().build(3, lengths=[4, -1])
    with pytest.raises(
        TypeError, match=r"build: lengths must be integers, got torch.float32. Give the number of nodes"
    ):
        blocks().build(3, lengths=torch.tensor([3.0]))
    with pytest.raises(TypeError, match=r"build: lengths must be integers, got torch.bool"):
        blocks().build(1, lengths=[True])
    with pytest.raises(ValueError, match=r"build: lengths must have one dimension, got shape \(1, 1\)"):
        blocks().build(3, lengths=torch.tensor([[3]]))


def test_a_block_may_be_empty():
    assert blocks().build(3, lengths=[0, 3, 0]) == blocks(3).build(3)


def test_heads_must_be_nodes():
    with pytest.raises(ValueError, match="tree: expected a head for each of the 3 nodes, got 2 heads"):
        tree().build(3, tree=[-1, 0])
    with pytest.raises(IndexError, match="tree: the head of node 1 is 3; heads must lie between 0 and 2, or be -1"):
        tree().build(3, tree=[-1, 3, 0])
    with pytest.raises(IndexError, match="tree: the head of node 2 is -2; heads must lie between"):
        tree().build(3, tree=[-1, 0, -2])
    with pytest.raises(TypeError, match="build: tree must be integers, got torch.float32. Give the head of each node"):
        tree().build(1, tree=torch.tensor([-1.0]))


@pytest.mark.parametrize(
    ("heads", "node"), [([0], 0), ([1, 0], 1), ([-1, 2, 1, 0], 2), ([1, 2, 3, 4, 0], 4), ([-1, 0, 1, 3], 3)]
)
def test_heads_must_not_go_round(heads, node):
    with pytest.raises(
        ValueError, match=rf"tree: node {node} is its own ancestor; heads must not go round in a circle"
    ):
        tree().build(len(heads), tree=heads)


@pytest.mark.parametrize("wrong", [(2, 2), (-1, 2), (1, 4), (2, 1)])
def test_spans_must_hold_nodes(wrong):
    a, b = wrong
    with pytest.raises(
        IndexError, match=rf"spans: expected 0 <= start < stop <= 3, got \({a}, {b}\); a span holds the"
    ):
        spans().build(3, spans=[(0, 1), wrong])


def test_spans_must_be_pairs():
    with pytest.raises(ValueError, match=r"build: spans must be pairs, got \(1, 2, 3\)\. Give pairs of nodes, from"):
        spans().build(3, spans=[(1, 2, 3)])
    with pytest.raises(ValueError, match=r"build: spans must be pairs, got shape \(3,\)\. Give pairs of nodes"):
        spans().build(3, spans=torch.tensor([1, 2, 3]))
    with pytest.raises(TypeError, match=r"build: spans must be integers, got torch.float32"):
        spans().build(3, spans=torch.tensor([[0.0, 1.0]]))
    with pytest.raises(ValueError, match="build_batch: spans must be a list for each of the 2 graphs, got 1"):
        spans().build_batch([2, 1], spans=[[(0, 1)]])


def test_labels_must_be_those_of_the_nodes():
    with pytest.raises(ValueError, match="links: expected a label for each of the 3 nodes, got 2 labels"):
        links().build(3, links=[0, 0])
    with pytest.raises(ValueError, match="links: the label of node 1 is -2; labels are numbers from 0 on, or -1 for"):
        links().build(3, links=[0, -2, -1])
    with pytest.raises(ValueError, match="build_batch: links must have one entry for each of the 3 senders, got 2"):
        links().build_batch([2, 1], links=[0, 0])


def test_a_forest_is_a_tree():
    assert tree().build(3, tree=[-1, -1, -1]).num_edges == 0
    assert tree().build(4, tree=[-1, 0, -1, 2]).num_edges == 4


def test_a_long_chain_is_a_tree():
    n = 1000
    assert tree().build(n, tree=list(range(-1, n - 1))) == tree(1).build(n)


def test_grid_must_fit():
    with pytest.raises(ValueError, match=r"grid: expected 2 \* 3 = 6 nodes, got 5"):
        grid(2, 3).build(5)
    with pytest.raises(ValueError, match=r"grid: expected 2 \* 3 = 6 nodes, got 5"):
        grid(2, 3).build_batch([6, 5])


@pytest.mark.parametrize(
    ("pattern", "given"),
    [
        (grid(1, 3), {}),
        (ring(), {}),
        (tree(2), {}),
        (tree(), {"tree": [-1, 0, 1]}),
        (blocks(), {"lengths": [3]}),
        (spans(), {"spans": [(0, 3)]}),
        (links(), {"links": [0, 0, 0]}),
    ],
    ids=str,
)
def test_receivers_must_be_among_the_senders(pattern, given):
    with pytest.raises(
        ValueError, match=r"num_receivers must be at most num_senders=3, got 4; the receivers are the last"
    ):
        pattern.build(4, 3, **given)


def test_a_random_regular_graph_must_exist():
    with pytest.raises(ValueError, match="random_regular: degree must be less than the number of nodes, 3, got 3"):
        random_regular(3).build(3)
    with pytest.raises(ValueError, match="degree or the number of nodes must be even, got degree 3 and 5 nodes"):
        random_regular(3).build(5)
    with pytest.raises(ValueError, match="expected as many senders as receivers, got 2 receivers and 4 senders"):
        random_regular(3).build(2, 4)


def test_a_batch_is_checked():
    with pytest.raises(ValueError, match="build_batch: expected a past for each of the 2 graphs, got 3"):
        causal().build_batch([1, 1], past=[0, 0, 0])
    with pytest.raises(ValueError, match="build_batch: lengths must be at least 0, got -1. It counts the receivers"):
        causal().build_batch([1, -1])
    with pytest.raises(ValueError, match="build_batch: past must be at least 0, got -2. It counts the senders"):
        causal().build_batch([1, 1], past=-2)
    with pytest.raises(ValueError, match="build_batch: the number of all senders must be between 0 and"):
        causal().build_batch([1, 1], past=2**30)
    with pytest.raises(TypeError, match="build_batch: lengths must be integers, got torch.float32"):
        causal().build_batch(torch.ones(2))
    with pytest.raises(ValueError, match="build_batch: tree must have one entry for each of the 3 senders, got 2"):
        tree().build_batch([2, 1], tree=[-1, 0])


def test_features_must_have_a_row_a_sender():
    with pytest.raises(ValueError, match="build: features must have one row for each of the 3 senders, got 2"):
        near().build(3, features=torch.zeros(2, 1))


def test_a_pattern_must_say_something():
    with pytest.raises(NotImplementedError, match=r"silent: a pattern defines intervals\(p, n\) or graph\(nodes\)"):
        silent().build(3)
    with pytest.raises(NotImplementedError, match="Pattern: a pattern defines"):
        Pattern().build(1)


@pytest.mark.usefixtures("unchecked_shapes")
def test_intervals_are_integers():
    with pytest.raises(
        TypeError, match="intervals: starts and stops must be integers, got a float tensor; divide with //"
    ):
        half().build(3)
    with pytest.raises(TypeError, match="'float' object cannot be interpreted as an integer"):
        half().build(1, 3)


def test_fixed_with_a_summary_of_everything_is_complete():
    assert fixed(4, 4).build(9) == PATTERNS["complete"]().build(9)
