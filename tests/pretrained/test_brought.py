"""What comes with a batch, a graph, trees, spans, links, is heard by its example, or refused where it does not fit."""

import pytest
import torch
from tests.equal import assert_equal_as_promised
from tests.patterns.own import near
from tests.pretrained.eager_along import IDS, LEFT, eager_along
from tests.pretrained.test_rewire import answer, made

from edgewise import parse, restore, rewire

GIVEN = {
    "tree": [[1, -1, 1, 2, 3, 3, 5, 5, 0], [-1, 0, 0, 1, 1, 4]],
    "spans": [[(0, 4), (2, 5), (7, 9)], [(1, 2)]],
    "links": [[0, -1, 3, 0, 0, -1, 3, -1, 0], [-1, 5, -1, -1, 5, 5]],
}


def test_the_graph_of_a_batch_is_heard_by_rewired_heads_alone():
    model = made("bert")
    wired = rewire(model, "complete", layers=1, heads=[2])
    weights = wired(IDS[:1], graph="window(0, 0)", output_attentions=True).attentions
    heard = torch.stack([w[0] > 0 for w in weights])
    assert torch.equal(heard[1, 2], torch.eye(9).bool())
    heard[1, 2] = True
    assert bool(heard.all())


def test_copies_of_a_prompt_are_no_license_for_other_batches():
    model = rewire(made("llama"), [parse("causal").build(9)])
    model.generate(IDS[:1, :8], num_beams=2, max_new_tokens=1, pad_token_id=0)
    with pytest.raises(ValueError, match="expected a graph for each of the 2 examples of the batch, got 1"):
        answer(model, None)


def test_trees_ride_along_with_the_batch():
    trees = [[1, -1, 1, 2, 3, 3, 5, 5, 0], [-1, 0, 0, 1, 1, 4]]
    model = rewire(made("bert"), "tree | window(0, 0)")
    ours = answer(model, tree=trees)
    graphs = [parse("tree | window(0, 0)").build(len(tree), tree=tree) for tree in trees]
    assert_equal_as_promised(ours, answer(rewire(restore(model), "complete"), graph=graphs))


@pytest.mark.parametrize("name", ["bert", "llama"])
@pytest.mark.parametrize(
    "text", ["tree | window(0, 0)", "spans | hubs(0)", "links | window(1, 1)", "tree | spans & links | window(0, 0)"]
)
def test_what_is_known_of_tokens_rides_along_with_the_batch(name, text):
    model, pattern = made(name), parse(text)
    given = {need: GIVEN[need] for need in pattern.needs}
    graphs = [pattern.build(n, **{need: GIVEN[need][k] for need in given}) for k, n in enumerate((9, 6))]
    ours = answer(rewire(model, pattern), **given)
    restore(model)
    for k, graph in enumerate(graphs):
        n = graph.num_senders
        with eager_along(model, lambda r, c, graph=graph: graph.dense()):
            theirs = answer(model, None, IDS[k : k + 1, :n])
        assert_equal_as_promised(ours[k : k + 1, :n], theirs)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_left_padding_does_not_move_what_is_known_of_tokens(name):
    model = rewire(made(name), "tree | spans | links | window(0, 0)")
    alone = answer(model, None, IDS[1:, :6], **{need: GIVEN[need][1:] for need in GIVEN})
    position = (LEFT.cumsum(1) - 1).clamp(min=0)
    ids = torch.cat([IDS[:1], IDS[1:].roll(3, 1)])
    assert_equal_as_promised(answer(model, LEFT, ids, position_ids=position, **GIVEN)[1:, 3:], alone)


def test_the_graph_of_a_batch_may_need_a_tree_as_well():
    model = rewire(made("bert"), "complete")
    ids = IDS[:, :6]
    trees = [[1, -1, 1, 2, 3, 3], [-1, 0, 0, 1, 1, 4]]
    ours = answer(model, None, ids, graph="tree | window(0, 0)", tree=trees)
    graphs = [parse("tree | window(0, 0)").build(6, tree=tree) for tree in trees]
    assert torch.equal(ours, answer(model, None, ids, graph=graphs))
    assert not torch.equal(graphs[0].dense(), graphs[1].dense())


def test_of_packed_sentences_each_has_its_part_of_what_is_known():
    model = rewire(made("llama"), "tree | spans | links | window(0, 0)")
    position = torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3, 4]])
    given = {
        "tree": [1, -1, 1, 7, 5, 7, 5, 0, 7],
        "spans": [(0, 2), (2, 6), (7, 9)],
        "links": [0, 1, 0, -1, 0, 2, 2, -1, 2],
    }
    packed = model(IDS[:1], position_ids=position, use_cache=False, **{n: [own] for n, own in given.items()}).logits
    parts = [
        {"tree": [1, -1, 1, -1], "spans": [(0, 2), (2, 4)], "links": [0, 1, 0, -1]},
        {"tree": [1, 3, 1, -1, 3], "spans": [(0, 2), (3, 5)], "links": [0, 2, 2, -1, 2]},
    ]
    for part, (start, stop) in zip(parts, ((0, 4), (4, 9)), strict=True):
        alone = model(IDS[:1, start:stop], **{name: [own] for name, own in part.items()}).logits
        assert_equal_as_promised(packed[:, start:stop], alone)


def test_a_tree_that_does_not_fit_is_refused():
    model = rewire(made("bert"), "tree | window(0, 0)")
    with pytest.raises(
        ValueError, match="needs tree= for each example; give it with the batch: .*each the head of each"
    ):
        answer(model)
    with pytest.raises(
        ValueError, match="tree of example 1, which has 6 tokens without padding: tree: expected a head"
    ):
        answer(model, tree=[[-1] + [0] * 8] * 2)
    with pytest.raises(TypeError, match="tree must be a list with an entry for each example, got int; an entry is the"):
        answer(model, tree=3)
    with pytest.raises(ValueError, match="expected a tree for each of the 2 examples of the batch, got 1"):
        answer(model, tree=[[-1] + [0] * 8])


def test_spans_and_labels_that_do_not_fit_are_refused():
    model = rewire(made("bert"), "spans | links | window(0, 0)")
    labels = [[-1] * 9, [-1] * 6]
    with pytest.raises(
        IndexError, match="spans of example 1, which has 6 tokens without padding: spans: expected 0 <="
    ):
        answer(model, spans=[[(0, 9)], [(3, 7)]], links=labels)
    with pytest.raises(
        ValueError, match="links of example 0, which has 9 tokens without padding: links: expected a lab"
    ):
        answer(model, spans=[[], []], links=labels[::-1])
    with pytest.raises(TypeError, match="links of example 0, which has 9 tokens without padding: build: links must be"):
        answer(model, spans=[[], []], links=[torch.ones(9), labels[1]])


def test_what_no_pattern_needs_is_refused():
    model = rewire(made("llama"), "tree | window(1, 0)")
    trees = [[-1] + [0] * 8, [-1] + [0] * 5]
    with pytest.raises(ValueError, match="links= was given, and no pattern of the model needs it; leave it out"):
        answer(model, tree=trees, links=trees)
    with pytest.raises(ValueError, match="spans= was given, and no pattern of the model needs it"):
        model.generate(IDS[:1], tree=trees[:1], spans=[[]], max_new_tokens=1)
    answer(model, tree=trees, links=[[-1] * 9, [-1] * 6], graph="causal | links")
    with pytest.raises(ValueError, match="the pattern needs features=, which it is not told; tree, spans, links come"):
        answer(model, tree=trees, graph=near())
