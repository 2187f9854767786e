"""Every pattern of the registry does what its equation says, whichever road builds it."""

import importlib
import pickle
from dataclasses import FrozenInstanceError, fields

import pytest
import torch
from tests.patterns.rules import RULES, SQUARE, Example, assert_follows, example_patterns, examples

from edgewise.graph import Graph
from edgewise.patterns import PATTERNS, causal, complete, parse, window

FAMILIES = list(PATTERNS)


def test_every_family_has_a_rule_and_no_rule_is_left_over():
    assert set(RULES) == set(PATTERNS)


def test_every_family_is_known_by_its_own_name():
    assert {name: family.__name__ for name, family in PATTERNS.items()} == {name: name for name in PATTERNS}


@pytest.mark.parametrize("name", FAMILIES)
def test_pattern_equals_its_brute_force(name):
    count = 0
    for example in examples(name):
        graph = example.build()
        assert (graph.num_receivers, graph.num_senders) == (example.num_receivers, example.num_senders)
        assert_follows(graph, RULES[name](example), example)
        count += 1
    assert count >= 7


@pytest.mark.parametrize("name", FAMILIES)
def test_rows_in_small_chunks_are_the_same_rows(name, monkeypatch):
    ground = importlib.import_module("edgewise.patterns.ground")
    whole = [example.build() for example in examples(name)]
    monkeypatch.setattr(ground, "CHUNK", 5)
    assert [example.build() for example in examples(name)] == whole


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - SQUARE))
def test_one_receiver_is_the_last_row_of_all(name):
    for pattern, given in example_patterns(16)[name]:
        last = pattern.build(1, 16, **given).dense()
        assert torch.equal(last, pattern.build(16, **given).dense()[-1:]), pattern


@pytest.mark.parametrize("name", FAMILIES)
def test_batch_is_the_disjoint_union(name):
    sizes = [7, 0, 16, 1, 7]
    fitting = [pattern for pattern, given in example_patterns(7)[name] if not given]
    for pattern in fitting:
        lengths = [7, 7] if name == "grid" else sizes
        if name == "random_regular":
            lengths = [16, 8, 16, 0] if pattern.degree else sizes
        union = Graph.batch([pattern.build(length) for length in lengths])
        batch = pattern.build_batch(lengths)
        assert batch == union, pattern
        assert torch.equal(batch.sender_offsets, union.sender_offsets)
        assert batch == pattern.build_batch(torch.tensor(lengths))


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - SQUARE - {"grid"}))
def test_batch_with_a_past_is_the_disjoint_union(name):
    for pattern, given in example_patterns(7)[name]:
        if not given:
            union = Graph.batch([pattern.build(3, 8), pattern.build(1, 1), pattern.build(0, 2), pattern.build(1, 9)])
            assert pattern.build_batch([3, 1, 0, 1], past=[5, 0, 2, 8]) == union, pattern


@pytest.mark.parametrize("name", ["tree", "spans", "links"])
def test_batch_of_what_is_given_is_the_disjoint_union(name):
    sizes, past = [7, 0, 16, 1, 3], [0, 2, 0, 1, 4]
    given = [
        example_patterns(rows + before)[name][-3 if name == "links" else 0 if name == "spans" else -2][1][name]
        for rows, before in zip(sizes, past, strict=True)
    ]
    pattern = PATTERNS[name]()
    alone = [
        pattern.build(rows, rows + before, **{name: own}) for rows, before, own in zip(sizes, past, given, strict=True)
    ]
    together = given if name == "spans" else [value for own in given for value in own]
    assert sum(graph.num_edges for graph in alone) > 20
    assert pattern.build_batch(sizes, past, **{name: together}) == Graph.batch(alone)


@pytest.mark.parametrize("name", FAMILIES)
def test_family_is_a_value(name):
    for pattern, _ in example_patterns(16)[name]:
        again = parse(str(pattern))
        assert again == pattern
        assert hash(again) == hash(pattern)
        assert pickle.loads(pickle.dumps(pattern)) == pattern
        assert eval(repr(pattern), dict(PATTERNS)) == pattern
        for field in fields(pattern):
            with pytest.raises(FrozenInstanceError):
                setattr(pattern, field.name, 1)


def test_families_with_equal_fields_differ():
    assert PATTERNS["ring"](2) != PATTERNS["tree"](2)
    assert complete() != causal()


def test_a_million_nodes_take_a_run_each():
    assert complete().build(10**6).num_edges == 10**12
    assert window(128, 128).build(10**6).num_runs == 10**6


@pytest.mark.parametrize(("pattern", "wrong"), [(causal(), ~causal()), (window(1, 0), window(0, 1))])
def test_the_comparison_fails_on_a_wrong_graph(pattern, wrong):
    rule = RULES[str(pattern).partition("(")[0]]
    with pytest.raises(AssertionError, match="is not"):
        assert_follows(wrong.build(7), rule(Example(pattern, 7, 7)))


def test_the_comparison_fails_on_runs_that_touch():
    runs = torch.tensor([0, 2]), torch.tensor([0, 1], dtype=torch.int32), torch.tensor([1, 2], dtype=torch.int32)
    touching = Graph._trusted(type(causal().build(1).runs)(*runs), 2)
    with pytest.raises(ValueError, match="touch or are out of order"):
        assert_follows(touching, torch.ones(1, 2, dtype=torch.bool))


@pytest.mark.parametrize(
    ("mask", "degree"),
    [
        ([[0, 1, 0], [0, 0, 1], [1, 0, 0]], 1),
        ([[1, 0], [0, 1]], 1),
        ([[0, 1], [1, 0]], 0),
    ],
    ids=["directed", "self-loops", "another degree"],
)
def test_the_rule_of_random_graphs_fails_on_a_wrong_one(mask, degree):
    class Wrong:
        pattern = PATTERNS["random_regular"](degree)

        def build(self):
            return Graph.from_mask(torch.tensor(mask).bool())

    wrong = Wrong()
    assert not torch.equal(RULES["random_regular"](wrong), wrong.build().dense())
