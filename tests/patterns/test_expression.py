"""Patterns combine like the sets of edges that they make."""

import operator
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.patterns.own import dilated
from tests.patterns.rules import assert_follows

from edgewise.graph import Graph
from edgewise.patterns import (
    PATTERNS,
    Complement,
    Difference,
    Intersection,
    Pattern,
    Union,
    blocks,
    causal,
    complete,
    fixed,
    hubs,
    links,
    parse,
    random_regular,
    ring,
    spans,
    strided,
    tree,
    window,
)

small = st.integers(0, 9)
some = st.integers(1, 9)
leaves = st.one_of(
    st.sampled_from([complete(), causal(), blocks(), tree(), spans(), links()]),
    st.builds(window, small, small),
    st.builds(strided, some),
    st.builds(lambda a, b: fixed(a + b, a), some, small),
    st.builds(blocks, some),
    st.sets(small, min_size=1).map(lambda nodes: hubs(*nodes)),
    st.builds(random_regular, small, small),
    st.builds(PATTERNS["grid"], some, some),
    st.builds(ring, some),
    st.builds(tree, some),
    st.builds(
        dilated,
        some,
        st.integers(-3, 3),
        st.floats(allow_nan=False, allow_infinity=False),
        st.none() | st.text(),
        exact=st.booleans(),
    ),
)


def trees(leaf: st.SearchStrategy[Pattern]) -> st.SearchStrategy[Pattern]:
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            *(st.builds(pair, inner, inner) for pair in (Union, Intersection, Difference)), st.builds(Complement, inner)
        ),
        max_leaves=8,
    )


@settings(deadline=None)
@given(trees(leaves))
def test_text_parses_back(pattern):
    again = parse(str(pattern))
    assert again == pattern
    assert hash(again) == hash(pattern)
    assert parse(str(again)) == pattern
    assert pickle.loads(pickle.dumps(pattern)) == pattern


@settings(deadline=None)
@given(trees(leaves))
def test_python_reads_the_representation_back(pattern):
    assert eval(repr(pattern), {**PATTERNS, "dilated": dilated}) == pattern


@settings(deadline=None)
@given(trees(leaves))
def test_no_parentheses_could_be_left_out(pattern):
    text = str(pattern)
    for opened in (k for k, sign in enumerate(text) if sign == "(" and (k == 0 or text[k - 1] in " (~")):
        depth, closed = 0, opened
        for closed in range(opened, len(text)):
            depth += {"(": 1, ")": -1}.get(text[closed], 0)
            if depth == 0:
                break
        without = text[:opened] + text[opened + 1 : closed] + text[closed + 1 :]
        try:
            changed = parse(without) != pattern
        except ValueError:
            changed = True
        assert changed, without


LEAVES = (window(2, 1), causal(), hubs(1, 4), strided(3), fixed(4), ring(2), tree(2), blocks(3), dilated(2, 2))
JOINS = {Union: operator.or_, Intersection: operator.and_, Difference: lambda a, b: a & ~b}


def mask_of(pattern: Pattern, rows: int, n: int) -> torch.Tensor:
    if isinstance(pattern, Complement):
        return ~mask_of(pattern.inner, rows, n)
    if type(pattern) in JOINS:
        return JOINS[type(pattern)](mask_of(pattern.left, rows, n), mask_of(pattern.right, rows, n))
    return pattern.build(rows, n).dense()


@settings(deadline=None, max_examples=60)
@given(trees(st.sampled_from(LEAVES)), st.integers(0, 12), st.integers(0, 6))
def test_algebra_is_boolean_algebra_on_masks(pattern, rows, past):
    n = rows + past
    assert_follows(pattern.build(rows, n), mask_of(pattern, rows, n), pattern)


@settings(deadline=None, max_examples=60)
@given(trees(st.sampled_from(LEAVES)), st.integers(0, 9), st.integers(0, 7))
def test_nobody_hears_further_back_than_the_reach(pattern, rows, past):
    senders, receivers = mask_of(pattern, rows, rows + past).nonzero().flip(1).T
    assert (
        pattern.hears_back is None or not len(senders) or int((receivers + past - senders).max()) <= pattern.hears_back
    )


@pytest.mark.parametrize(
    ("text", "reach"),
    [
        ("window(127, 0)", 127),
        ("causal", None),
        ("blocks(8)", 7),
        ("causal & (window(3, 9) | blocks(8))", 7),
        ("window(3, 0) | hubs(0)", None),
        ("window(5, 0) - window(2, 0)", 5),
        ("~window(5, 0)", None),
        ("hubs(0) & causal", None),
    ],
)
def test_the_reach_of_a_pattern(text, reach):
    assert parse(text).hears_back == reach


@settings(deadline=None, max_examples=40)
@given(trees(st.sampled_from(LEAVES)), st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), max_size=4))
def test_batch_of_an_expression_is_the_disjoint_union(pattern, shapes):
    batch = pattern.build_batch([rows for rows, _ in shapes], past=[past for _, past in shapes])
    assert batch.num_graphs == len(shapes)
    assert batch.num_senders == sum(map(sum, shapes))
    if shapes:
        assert batch == Graph.batch([pattern.build(rows, rows + past) for rows, past in shapes])


@pytest.mark.parametrize("operation", [operator.or_, operator.and_, operator.sub])
def test_a_part_that_follows_from_more_than_positions(operation):
    heads = [1, -1, 1, 2, 2]
    own, other = tree().build(5, tree=heads).dense(), causal().build(5).dense()
    combined = operation(tree(), causal()).build(5, tree=heads)
    expected = own & ~other if operation is operator.sub else operation(own, other)
    assert_follows(combined, expected)
    last = operation(tree(), causal()).build(1, 5, tree=heads)
    assert_follows(last, expected[-1:])


def test_complement_of_a_part_that_follows_from_more_than_positions():
    graph = ~random_regular(2)
    assert_follows(graph.build(7), ~random_regular(2).build(7).dense())
    batch = graph.build_batch([7, 5])
    assert batch == Graph.batch([graph.build(7), graph.build(5)])


def test_needs_are_those_of_all_parts():
    assert (causal() & blocks()).needs == {"lengths"}
    assert (~tree() - blocks() | hubs(0)).needs == {"lengths", "tree"}
    assert (causal() & blocks(4)).needs == frozenset()
    assert (tree() | links() & ~spans()).needs == {"tree", "links", "spans"}


def test_trees_spans_and_labels_are_given_together():
    given = {"tree": [1, -1, 1, 2, 2], "spans": [(2, 5)], "links": [0, -1, 0, -1, -1]}
    graph = parse("tree | spans & window(1, 0) | links").build(5, **given)
    alone = [tree().build(5, tree=given["tree"]), links().build(5, links=given["links"])]
    assert graph == alone[0] | alone[1] | spans().build(5, spans=given["spans"]) & window(1, 0).build(5)
    batch = {"tree": [1, -1, 0, 1], "spans": [[(0, 2)], []], "links": [3, 3, -1, 3]}
    graph = parse("tree | spans | links").build_batch(
        [2, 1], past=[0, 1], tree=[1, -1, -1, 0], spans=batch["spans"], links=batch["links"]
    )
    assert graph.dense().int().tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1]]


def test_both_sides_are_checked():
    with pytest.raises(ValueError, match=r"blocks\(\): needs lengths"):
        (causal() & ~blocks()).build(3)


@pytest.mark.parametrize("operation", [operator.or_, operator.and_, operator.sub])
def test_a_family_is_no_pattern(operation):
    for left, right in [(causal, window(1, 1)), (window(1, 1), causal)]:
        with pytest.raises(TypeError, match=r"causal is a family of patterns and not one itself; write causal\(...\)"):
            operation(left, right)


@pytest.mark.parametrize("operation", [operator.or_, operator.and_, operator.sub])
def test_only_patterns_combine(operation):
    for left, right in [(causal(), 3), ("causal", window(1, 1)), (causal(), int)]:
        with pytest.raises(TypeError, match="expects a pattern on each side, got .*; parse makes one of a text"):
            operation(left, right)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (causal() & window(127, 0) | hubs(0), "causal & window(127, 0) | hubs(0)"),
        (causal() & (window(127, 0) | hubs(0)), "causal & (window(127, 0) | hubs(0))"),
        (causal() - (ring() - tree(2)), "causal - (ring - tree(2))"),
        (causal() - ring() - tree(2), "causal - ring - tree(2)"),
        (~(causal() | ring()) & ~~tree(), "~(causal | ring) & ~~tree"),
        (~causal() - ring() & tree(2), "~causal - ring & tree(2)"),
        (random_regular(4, seed=0) | random_regular(4, 1), "random_regular(4) | random_regular(4, 1)"),
        (dilated(2, 3), "tests.patterns.own:dilated(2, 3)"),
        (dilated(2, 3, loudness=-0.5, label="it's"), 'tests.patterns.own:dilated(2, 3, -0.5, "it\'s")'),
        (dilated(2, 3, exact=True), "tests.patterns.own:dilated(2, 3, exact=True)"),
    ],
    ids=str,
)
def test_text_has_the_fewest_signs(pattern, text):
    assert str(pattern) == text
    assert parse(text) == pattern
