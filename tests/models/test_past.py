"""Step by step with what earlier steps kept equals all at once."""

import sys
from dataclasses import replace

import pytest
import torch
from tests.equal import assert_equal_as_promised, error

from edgewise.graph import Graph
from edgewise.layers import RECURRENCES, BlockConfig, GraphNetworkConfig, Hearing, MessagePassing, Past
from edgewise.models import HEARINGS, EmbedConfig, Network, NetworkConfig, decoder, encoder_decoder, gpt2, llama
from edgewise.part import Part
from edgewise.patterns import causal, complete, window

TOKENS, LENGTHS = 11, [5, 1, 8, 3]


def attending(hearing):
    """Two layers that hear by `hearing`, with sinusoidal positions."""
    block = BlockConfig(hears=(hearing,), norm="layer")
    embed = EmbedConfig(dim=12, tokens=TOKENS, positions=("sinusoidal",))
    return NetworkConfig({"nodes": embed}, (block, block), {"words": "causal"}, head=Part("tokens", {"tokens": TOKENS}))


SIZES = {"dim": 12, "num_heads": 3, "num_layers": 2, "hidden": 20}
CONFIGS = {
    "learned positions": gpt2(TOKENS, **SIZES, max_length=16),
    "sinusoidal positions": decoder(TOKENS, **SIZES),
    "rotary positions, grouped heads": llama(TOKENS, **{**SIZES, "num_heads": 6}, num_key_value_heads=2),
    "window": llama(TOKENS, **{**SIZES, "num_heads": 2}, pattern="causal & window(3, 0)"),
    "strided": gpt2(TOKENS, **SIZES, pattern="causal & strided(2)"),
    "hubs": decoder(TOKENS, **SIZES, pattern="causal & (window(1, 0) | hubs(0))"),
    "deep": decoder(
        TOKENS, **SIZES, join="gru", memories=4, layer_dropout=0.9, combination="linear", rotary=True, positions=()
    ),
    "mean": attending(Hearing("words", score="constant", aggregator="mean")),
    "max": attending(Hearing("words", score="constant", aggregator="max", project_value=False)),
    "additive": attending(Hearing("words", score="additive", num_heads=3, share="all")),
    "self-loops": attending(Hearing("words", score="gatv2", num_heads=3, share="key_value", self_loops="mean")),
    "alibi": attending(Hearing("words", num_heads=3, edge_bias="alibi")),
    "t5": attending(Hearing("words", num_heads=3, edge_bias=Part("t5", {"bidirectional": False}))),
    "gaussian": attending(Hearing("words", score="constant", num_heads=3, edge_bias="gaussian")),
    "memories": attending(Hearing("words", num_heads=3, rotary="rotary", memories=4)),
    "memories, alibi": attending(Hearing("words", num_heads=3, edge_bias="alibi", memories=4)),
    "several": attending(Hearing("words", num_heads=2, aggregator="several")),
    **{f"hears {word}": decoder(TOKENS, **SIZES, hears=word) for word in (*HEARINGS, *RECURRENCES)},
    "hears gated_convolution, narrow": decoder(TOKENS, **SIZES, hears="gated_convolution", width=2),
}
configs = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


LAYER = MessagePassing(4, 4, Hearing(num_heads=2))
PAST = LAYER.hear(torch.zeros(3, 4), causal().build_batch([2, 1]))[1]


def network_of(config):
    torch.manual_seed(0)
    network = Network(config).eval()
    with torch.no_grad():
        for p in network.parameters():
            p += 0.1 * torch.randn_like(p)
    return network


def step_by_step(network, sentences, first, keep=lambda past: past):
    """The answer for every word: `first[g]` words of each sentence at once, then one by one while there are any."""
    past, done, answers = None, [0] * len(sentences), [[] for _ in sentences]
    new = first
    while any(new):
        words = torch.cat([s[d : d + n] for s, d, n in zip(sentences, done, new, strict=True)])
        out, past = network(network.graphs(new, past=done), words, past=past, keep_past=True)
        past = keep(past)
        for answer, rows in zip(answers, out.split(new), strict=True):
            answer.append(rows)
        done = [d + n for d, n in zip(done, new, strict=True)]
        new = [min(1, len(s) - d) for s, d in zip(sentences, done, strict=True)]
    return torch.cat([torch.cat(answer) for answer in answers])


@configs
@pytest.mark.parametrize("first", [1, 4])
def test_a_sentence_step_by_step_equals_all_at_once(config, first):
    network, words = network_of(config), torch.randint(TOKENS, (9,))
    assert_equal_as_promised(step_by_step(network, [words], [first]), network(network.graphs([9]), words))


@configs
@pytest.mark.parametrize("first", [[1, 1, 1, 1], [2, 1, 6, 3]], ids=["words", "prompts"])
def test_sentences_of_different_lengths_grow_side_by_side(config, first):
    network = network_of(config)
    sentences = [torch.randint(TOKENS, (length,)) for length in LENGTHS]
    whole = network(network.graphs(LENGTHS), torch.cat(sentences))
    assert_equal_as_promised(step_by_step(network, sentences, first), whole)


FORGETTING = {
    "rotary": CONFIGS["window"],
    "learned": gpt2(TOKENS, **SIZES, max_length=16, pattern="causal & window(2, 5)"),
    "sinusoidal, blocks": decoder(TOKENS, **SIZES, pattern="causal & blocks(3)"),
    "nobody else": decoder(TOKENS, **SIZES, pattern="window(0, 0)"),
    "alibi": replace(CONFIGS["alibi"], patterns={"words": "window(2, 0)"}),
    "t5": replace(CONFIGS["t5"], patterns={"words": "window(4, 0) - window(1, 0)"}),
    "mean, self-loops": replace(CONFIGS["self-loops"], patterns={"words": "window(2, 0)"}),
    "max": replace(CONFIGS["max"], patterns={"words": "window(3, 0) & strided(2)"}),
}


@pytest.mark.parametrize("config", FORGETTING.values(), ids=FORGETTING)
@pytest.mark.parametrize("first", [[1, 1, 1, 1], [2, 1, 6, 3]], ids=["words", "prompts"])
def test_what_lies_beyond_the_reach_can_be_forgotten(config, first):
    network = network_of(config)
    reach = network.patterns["words"].hears_back
    sentences = [torch.randint(TOKENS, (length,)) for length in LENGTHS]
    whole = network(network.graphs(LENGTHS), torch.cat(sentences))
    kept = []

    def forgetting(past):
        kept.append([[one.last(reach) for one in block] for block in past])
        return kept[-1]

    assert_equal_as_promised(step_by_step(network, sentences, first, forgetting), whole)
    assert all(int(one.offsets.diff().max()) <= reach for past in kept for block in past for one in block)
    assert kept[-1][0][0].forgotten.tolist() == [max(length - reach, 0) for length in LENGTHS]


def test_graphs_of_a_past_are_taken_in_any_order():
    assert_equal_as_promised(PAST.of([1, 0, 1]).value, torch.cat([PAST.value[2:], PAST.value]))
    assert PAST.of([1, 0, 1]).offsets.tolist() == [0, 1, 3, 4] and len(PAST.of([]).value) == 0
    assert PAST.last(1).of([1, 0]).forgotten.tolist() == [0, 1] and PAST.last(2) is PAST


@pytest.mark.parametrize(
    ("past", "graph", "message"),
    [
        (
            PAST.last(1),
            causal().build_batch([1, 1], past=[2, 1]),
            "the first 1 senders of graph 0 are forgotten, and one",
        ),
        (PAST.last(1), window(0, 0).build(1, 4), "past: forgot senders of 2 graphs, but the batch has 1"),
    ],
)
def test_who_is_forgotten_cannot_be_heard(past, graph, message):
    with pytest.raises(ValueError, match=message):
        LAYER(torch.zeros(graph.num_receivers, 4), graph, past=past)


def test_the_comparison_sees_a_past_that_is_lost():
    network, words = network_of(CONFIGS["learned positions"]), torch.randint(TOKENS, (9,))
    whole = network(network.graphs([9]), words)
    alone = torch.cat([network(network.graphs([1]), word[None]) for word in words])
    assert error(alone, whole) > 0.01


def test_gradients_flow_through_the_past():
    network, words = network_of(CONFIGS["rotary positions, grouped heads"]), torch.randint(TOKENS, (9,))
    found = []
    for answer in (step_by_step(network, [words], [4]), network(network.graphs([9]), words)):
        network.zero_grad()
        answer.square().sum().backward()
        found.append([p.grad.clone() for p in network.parameters()])
    for ours, theirs in zip(*found, strict=True):
        assert_equal_as_promised(ours, theirs)


def test_leading_batch_dimensions_have_a_past_each():
    network, words = network_of(CONFIGS["learned positions"]), torch.randint(TOKENS, (2, 3, 9))
    first, past = network(network.graphs([5]), words[..., :5], keep_past=True)
    second = network(network.graphs([4], past=[5]), words[..., 5:], past=past)
    assert_equal_as_promised(torch.cat([first, second], dim=-2), network(network.graphs([9]), words))


@pytest.mark.parametrize("placement", ["pre", "post"])
@pytest.mark.parametrize("sources", [[6], [4, 2, 7]])
def test_a_source_is_read_once_and_stays(placement, sources):
    network = network_of(encoder_decoder(TOKENS, TOKENS, **SIZES, placement=placement))
    targets = [5, 3, 1][: len(sources)]
    words = [torch.randint(TOKENS, (n,)) for n in targets]
    source = torch.randint(TOKENS, (sum(sources),))
    lengths = {"source": sources, "target": targets}
    whole = network(network.graphs(lengths), {"source": source, "target": torch.cat(words)}).split(targets)
    past, kept = None, {"source": [0] * len(sources), "target": [0] * len(sources)}
    for step in range(max(targets)):
        new = {
            "source": [0] * len(sources) if step else sources,
            "target": [int(step < length) for length in targets],
        }
        x = {"source": source[: sum(new["source"])], "target": torch.cat([word[step : step + 1] for word in words])}
        out, past = network(network.graphs(new, past=kept), x, past=past, keep_past=True)
        kept = {name: [a + b for a, b in zip(kept[name], new[name], strict=True)] for name in kept}
        expected = torch.cat([rows[step : step + 1] for rows in whole])
        assert_equal_as_promised(out, expected)


def test_positions_follow_the_graph_among_themselves_whatever_stands_first():
    network = network_of(encoder_decoder(TOKENS, TOKENS, **SIZES))
    x = {"source": torch.randint(TOKENS, (7,)), "target": torch.randint(TOKENS, (4,))}
    graphs = network.graphs({"source": [7], "target": [4]})
    assert_equal_as_promised(network(dict(reversed(graphs.items())), x), network(graphs, x))


def test_new_senders_of_another_node_set_come_after_the_past_ones():
    torch.manual_seed(0)
    layer = MessagePassing(12, 12, Hearing(num_heads=3, rotary="rotary"), sender_dim=8)
    x, senders = torch.randn(5, 12), [torch.randn(n, 8) for n in (2, 1, 3, 2)]
    first, second, third, fourth = senders
    batch = Graph.batch([complete().build(2, 5), complete().build(3, 3)])
    whole = layer(x, batch, senders=torch.cat([first, third, second, fourth]))
    part = Graph.batch([complete().build(2, 2), complete().build(3, 1)])
    _, past = layer.hear(x, part, senders=torch.cat([first, second]))
    assert_equal_as_promised(layer(x, batch, senders=torch.cat([third, fourth]), past=past), whole)


@pytest.mark.parametrize(
    ("past", "graph", "message"),
    [
        (
            PAST,
            causal().build_batch([1, 1], past=[1, 1]),
            r"there are \[2, 1\] past and 2 new ones, but the graph has \[",
        ),
        (
            PAST,
            causal().build_batch([2, 0], past=[1, 2]),
            r"past: in each graph of the batch the past senders come first",
        ),
        (PAST, causal().build(2, 5), "past: holds 2 graphs, but the batch has 1"),
        (
            PAST._replace(key=None),
            causal().build_batch([1, 1], past=[2, 1]),
            "past: keeps no keys, and the score reads",
        ),
        (
            PAST._replace(value=PAST.value[..., :1]),
            causal().build_batch([1, 1], past=[2, 1]),
            r"past: its values are \[3, 2, 1\], which do not go before \[2, 2, 2\]; all but the number of nodes",
        ),
        (
            PAST._replace(key=PAST.key[None]),
            causal().build_batch([1, 1], past=[2, 1]),
            r"past: its keys are \[1, 3, 2, 2\], which do not go before \[2, 2, 2\]",
        ),
    ],
)
def test_a_past_that_does_not_fit_is_refused(past, graph, message):
    with pytest.raises(ValueError, match=message):
        LAYER(torch.zeros(2, 4), graph, past=past)


def test_a_past_with_keys_is_refused_where_none_are_read():
    layer = MessagePassing(4, 4, Hearing(score="constant", aggregator="mean", num_heads=2))
    with pytest.raises(
        ValueError, match="past: keeps keys, and the score reads none; give each layer the past that it"
    ):
        layer(torch.zeros(2, 4), causal().build_batch([1, 1], past=[2, 1]), past=PAST)


def test_past_senders_of_another_node_set_cannot_get_fewer():
    layer = MessagePassing(4, 4, Hearing(num_heads=2), sender_dim=4)
    with pytest.raises(
        ValueError, match="past: in each graph of the batch the past senders come first and then the new"
    ):
        layer(torch.zeros(2, 4), complete().build_batch([1, 1], past=[0, 2]), senders=torch.zeros(1, 4), past=PAST)


def test_a_past_without_new_senders_is_of_the_same_graphs():
    layer = MessagePassing(4, 4, Hearing(num_heads=2), sender_dim=4)
    graph = Graph.batch([complete().build(1, 1), complete().build(1, 2)])
    with pytest.raises(ValueError, match=r"there are \[2, 1\] past and 0 new ones, but the graph has \[1, 2\] senders"):
        layer(torch.zeros(2, 4), graph, senders=torch.zeros(0, 4), past=PAST)


@pytest.mark.parametrize("score", ["symmetric", "gaussian"])
def test_degrees_of_past_senders_are_not_guessed(score):
    layer = MessagePassing(4, 4, Hearing(score=score, aggregator="sum"))
    _, past = layer.hear(torch.zeros(2, 4), causal().build(2))
    message = f"the score '{score}' reads how many each sender hears, which a past does not keep"
    with pytest.raises(ValueError, match=message):
        layer(torch.zeros(1, 4), causal().build(1, 3), past=past)


def test_a_past_for_other_blocks_or_hearings_is_refused():
    network = network_of(CONFIGS["learned positions"])
    _, past = network(network.graphs([2]), torch.zeros(2, dtype=torch.int64), keep_past=True)
    graphs, word = network.graphs([1], past=[2]), torch.zeros(1, dtype=torch.int64)
    with pytest.raises(ValueError, match="Network: past has 1 entries for 2 blocks"):
        network(graphs, word, past=past[:1])
    with pytest.raises(ValueError, match="Block: 0 pasts were given for 1 hearings"):
        network(graphs, word, past=[[], []])


def test_a_graph_network_step_has_no_past():
    embed = EmbedConfig(dim=4, features=4)
    config = NetworkConfig({"nodes": embed}, (GraphNetworkConfig(hidden=4, edge_out_dim=2),))
    network, graph = Network(config), causal().build(2)
    _, past = network(graph, torch.zeros(2, 4), keep_past=True)
    with pytest.raises(ValueError, match="GraphNetwork: renews edges, so it has no past senders; give it the whole"):
        network(graph, torch.zeros(2, 4), past=past)


def test_lengths_and_past_speak_of_the_same_graphs():
    network = network_of(encoder_decoder(TOKENS, TOKENS, **SIZES))
    with pytest.raises(
        ValueError, match=r"Network.graphs: lengths and past must count the same graphs in every node set"
    ):
        network.graphs([3, 2], past=[1])
    with pytest.raises(ValueError, match=r"Network.graphs: past must have the node sets source, target, got target"):
        network.graphs([3, 2], past={"target": [1, 1]})


def test_a_past_is_plain_tensors():
    assert PAST._fields == Past._fields == ("key", "value", "offsets", "forgotten", "room")
    assert [list(x.shape) for x in PAST.last(1)[:4]] == [[2, 2, 2], [2, 2, 2], [3], [2]]


def test_pieces_are_joined_one_by_one_as_all_at_once(monkeypatch):
    past = Past(torch.randn(5, 2, 3), torch.randn(5, 2, 4), torch.tensor([0, 2, 5, 5]))
    new, found = (torch.randn(5, 2, 3), torch.randn(5, 2, 4)), []
    for piece in (0, 100):
        monkeypatch.setattr(sys.modules[Past.__module__], "PIECE", piece)
        found.append(past.joined(*new, causal().build_batch([1, 0, 4], past=[2, 3, 0]), among_themselves=True))
    for one_by_one, at_once, kept, given in zip(*found, past[:2], new, strict=True):
        assert torch.equal(one_by_one, at_once)
        assert torch.equal(one_by_one, torch.cat([kept[:2], given[:1], kept[2:], given[1:]]))
