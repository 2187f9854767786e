"""A pattern of one's own is a dataclass with one method, and does all that ours do."""

import pickle

import torch
from tests.patterns.own import dilated, near
from tests.patterns.rules import Example, assert_follows, each

from edgewise.graph import Graph
from edgewise.patterns import causal, hubs, parse

rule = each(lambda self, p, j, n, given: (j - p) % self.step == 0 and abs(j - p) <= self.reach * self.step)


def test_a_rule_of_positions():
    for rows, n in [(9, 9), (1, 9), (4, 9), (0, 0), (9, 4)]:
        example = Example(dilated(2, 3), rows, n)
        assert_follows(example.build(), rule(example))


def test_a_rule_of_features():
    draw = torch.Generator().manual_seed(0)
    features = torch.randn(9, 2, generator=draw)
    mask = (features[:, None] - features).abs().sum(-1) < 1
    assert_follows(near().build(9, features=features), mask)
    assert_follows(near().build(1, 9, features=features), mask[-1:])
    assert_follows((near() & causal()).build(9, features=features), mask.tril())
    parts = near().build_batch([4, 2], past=[1, 2], features=features)
    assert parts == Graph.batch([near().build(4, 5, features=features[:5]), near().build(2, 4, features=features[5:])])


def test_a_tree_in_a_batch_counts_nodes_within_its_graph():
    heads = [-1, 0, 1, -1, 0]
    batch = parse("tree | hubs(0)").build_batch([3, 2], tree=heads)
    parts = [parse("tree | hubs(0)").build(n, tree=part) for n, part in ((3, heads[:3]), (2, heads[3:]))]
    assert batch == Graph.batch(parts)


def test_it_combines_and_is_written_by_its_import_path():
    pattern = causal() & dilated(4, 2) | hubs(0)
    assert str(pattern) == "causal & tests.patterns.own:dilated(4, 2) | hubs(0)"
    assert parse(str(pattern)) == pattern
    assert pickle.loads(pickle.dumps(pattern)) == pattern
    batch = pattern.build_batch([5, 3])
    assert batch == Graph.batch([pattern.build(5), pattern.build(3)])
