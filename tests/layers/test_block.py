"""A block is its sub-layers in turn or in parallel, along the graphs it names."""

import pytest
import torch
from tests.kernels.graphs import complete, irregular, numbers

from edgewise.layers import Block, BlockConfig, FeedForwardConfig, Hearing, Past, State
from edgewise.part import Part

GRAPH, OTHER = irregular(7, 7, seed=1), irregular(7, 7, seed=2)
ACROSS = irregular(7, 5, seed=3)
DIM = 6
TWO = (Hearing(), Hearing(graph="others", score="gatv2"))


def built(dims=None, **words) -> Block:
    torch.manual_seed(0)
    return Block(DIM, BlockConfig(**words), dims).double()


def test_in_turn_each_hears_what_the_one_before_made():
    block = built(hears=TWO, norm="layer", feed_forward=FeedForwardConfig(hidden=9))
    x = numbers(7, DIM)
    h = x + block.hearings[0](block.around[0].norm(x), GRAPH)
    h = h + block.hearings[1](block.around[1].norm(h), OTHER)
    h = h + block.feed_forward(block.around_feed_forward.norm(h))
    torch.testing.assert_close(block(x, {"edges": GRAPH, "others": OTHER}), h)


def test_in_parallel_all_hear_the_same_and_are_summed():
    block = built(hears=TWO, together="parallel", norm="layer", placement="post")
    x = numbers(7, DIM)
    first, second = (
        around.norm(x + hearing(x, graph))
        for around, hearing, graph in zip(block.around, block.hearings, (GRAPH, OTHER), strict=True)
    )
    torch.testing.assert_close(block(x, {"edges": GRAPH, "others": OTHER}), first + second)


def test_widths_change_where_nothing_is_added():
    block = built(
        hears=(Hearing(), Hearing()),
        out_dim=8,
        residual=False,
        activation="relu",
        feed_forward=FeedForwardConfig(hidden=9),
        feed_forward_dim=3,
    )
    x = numbers(7, DIM)
    h = block.hearings[1](block.hearings[0](x, GRAPH), GRAPH).relu()
    torch.testing.assert_close(block(x, GRAPH), block.feed_forward(h))
    assert block.out_dim == 3


def test_in_parallel_widths_change_too():
    block = built(hears=TWO, together="parallel", out_dim=8, residual=False)
    x = numbers(7, DIM)
    expected = block.hearings[0](x, GRAPH) + block.hearings[1](x, OTHER)
    torch.testing.assert_close(block(x, {"edges": GRAPH, "others": OTHER}), expected)


@pytest.mark.parametrize("together", ["turn", "parallel"])
def test_a_block_may_hear_nothing(together):
    block = built(hears=(), together=together, feed_forward=FeedForwardConfig(hidden=9))
    x = numbers(7, DIM)
    torch.testing.assert_close(block(x, {}), x + block.feed_forward(x))


def test_another_node_set_is_heard_and_not_renewed():
    hears = (Hearing(graph="b->b"), Hearing(graph="a->b"))
    block = built({"a": 4, "b": DIM}, hears=hears, nodes="b")
    a, b = numbers(5, 4), numbers(7, DIM, seed=1)
    state, kept = block.step(State({"a": a, "b": b}), {"b->b": GRAPH, "a->b": ACROSS})
    h = b + block.hearings[0](b, GRAPH)
    torch.testing.assert_close(state.nodes["b"], h + block.hearings[1](h, ACROSS, senders=a))
    assert state.nodes["a"] is a
    assert [past.value.shape[-3] for past in kept] == [7, 5]


def test_edge_features_reach_only_those_who_read_them():
    hears = (Hearing(edge_dim=3), Hearing())
    block = built(hears=hears)
    x, e = numbers(7, DIM), numbers(GRAPH.num_edges, 3)
    h = x + block.hearings[0](x, GRAPH, edges=e)
    expected = h + block.hearings[1](h, GRAPH)
    state, _ = block.step(State({"nodes": x}, {"edges": e}), {"edges": GRAPH})
    torch.testing.assert_close(state.nodes["nodes"], expected)
    assert state.edges["edges"] is e


def test_distance_is_measured_along_the_graph_that_is_named():
    hearing = Hearing(graph="everyone", edge_bias=Part("shortest_path", {"along": "edges"}))
    block, x = built(hears=(hearing,)), numbers(7, DIM)
    expected = x + block.hearings[0](x, complete(7), along=GRAPH)
    torch.testing.assert_close(block(x, {"everyone": complete(7), "edges": GRAPH}), expected)


def test_states_are_dropped_before_they_are_heard():
    torch.manual_seed(0)
    block = built(hears=(), input_dropout=0.5)
    x = torch.ones(7, DIM).double()
    assert set(block(x, {}).unique().tolist()) == {0.0, 2.0}
    assert torch.equal(block.eval()(x, {}), x)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("field", ["together", "placement"])
def test_an_unknown_word_lists_the_known_ones(field):
    with pytest.raises(ValueError, match=rf"unknown BlockConfig\.{field} 'paralel'\. Known: "):
        BlockConfig(**{field: "paralel"})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"hears": (), "out_dim": 8}, "out_dim=8 is of the hearing, and nothing is heard"),
        ({"feed_forward_dim": 8}, "feed_forward_dim=8 needs a feed_forward"),
        ({"placement": "post"}, "placement='post' places a norm, and there is none; set norm="),
        ({"layer_dropout": 1.0}, "layer_dropout must be at least 0 and below 1, got 1.0"),
        (
            {"layer_dropout": 0.1, "residual": False},
            "leaves the state as it was, which only a block with a residual may; set residual=True",
        ),
        ({"out_dim": 8}, "a residual adds the state itself, so 6 and 8 channels must be equal"),
        ({"activation": "rlu"}, "unknown activation 'rlu'.*Did you mean 'relu'"),
        ({"norm": "layr"}, "unknown norm 'layr'"),
        (
            {"hears": (Hearing(graph="a->b"),)},
            "renews the node set 'nodes' but hears along 'a->b', whose receivers are 'b'",
        ),
        ({"hears": (Hearing(graph="sources->nodes"),)}, "unknown node set 'sources'. Known: source. Did you mean"),
    ],
)
def test_words_that_do_not_go_together_are_refused(words, message):
    with pytest.raises(ValueError, match=message):
        Block(DIM, BlockConfig(**words), {"source": 4})


def test_one_graph_is_not_enough_for_two_names():
    with pytest.raises(ValueError, match="Block: hears edges, others; give the graphs by name, got one alone"):
        built(hears=TWO)(numbers(7, DIM), GRAPH)


def test_a_graph_that_is_missing_is_named():
    with pytest.raises(ValueError, match="unknown graph 'others'. Known: edges, other. Did you mean 'other'"):
        built(hears=TWO)(numbers(7, DIM), {"edges": GRAPH, "other": OTHER})


def test_every_hearing_has_its_past():
    past = Past(None, torch.ones(1, 1, DIM), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="Block: 1 pasts were given for 2 hearings"):
        built(hears=TWO).step(State({"nodes": numbers(7, DIM)}), {"edges": GRAPH, "others": OTHER}, [past])


def test_a_training_step_leaves_the_whole_block_out_with_the_probability_asked_for():
    words = {"hears": TWO, "norm": "layer", "feed_forward": FeedForwardConfig(hidden=9)}
    block, graphs, x = built(**words, layer_dropout=0.25), {"edges": GRAPH, "others": OTHER}, numbers(7, DIM)
    whole = built(**words)(x, graphs)
    torch.manual_seed(0)
    outs = [block(x, graphs) for _ in range(200)]
    left_out = [torch.equal(out, x) for out in outs]
    assert 30 < sum(left_out) < 70
    for out in (out for out, left in zip(outs, left_out, strict=True) if not left):
        assert torch.equal(out, whole)  # nothing is rescaled
    torch.manual_seed(0)
    assert [torch.equal(block(x, graphs), x) for _ in range(200)] == left_out
    block.eval()
    assert all(torch.equal(block(x, graphs), whole) for _ in range(20))


def test_a_block_left_out_still_closes_and_leaves_what_may_be_heard_later():
    hears = (Hearing(graph="b->b", rotary="rotary", num_heads=3), Hearing(graph="a->b"))
    words = {"hears": hears, "nodes": "b", "norm": "layer", "closing_norm": "layer"}
    block = built({"a": 4, "b": DIM}, **words, layer_dropout=0.999)
    a, b = numbers(5, 4), numbers(7, DIM, seed=1)
    state, kept = block.step(State({"a": a, "b": b}), {"b->b": GRAPH, "a->b": ACROSS})
    torch.testing.assert_close(state.nodes["b"], block.closing_norm(b))
    own = block.hearings[0].hear(block.around[0].norm(b), GRAPH)[1]
    other = block.hearings[1].hear(block.around[1].norm(b), ACROSS, senders=a)[1]
    for ours, theirs in zip(kept, (own, other), strict=True):
        assert ours.forgotten is theirs.forgotten is None
        assert all(torch.equal(x, y) for x, y in zip(ours[:3], theirs[:3], strict=True))
