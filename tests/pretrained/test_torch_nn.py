"""The attention, layers and stacks of torch.nn equal ours, outputs and all gradients."""

from dataclasses import replace

import pytest
import torch
from tests.equal import assert_equal_as_promised, assert_states_equal_as_promised
from tests.pretrained.peers import LENGTHS, REAL, gradients, shaken
from torch import nn

from edgewise.graph import Graph
from edgewise.layers import Block, BlockConfig, FeedForwardConfig, GraphNetworkConfig, Hearing, MessagePassing, State
from edgewise.models import EmbedConfig, Network, NetworkConfig
from edgewise.part import Part
from edgewise.patterns import causal, complete, parse
from edgewise.pretrained import from_torch, to_torch

D, H, HIDDEN = 12, 3, 20
MEMORIES = [2, 6, 1, 4]
REMEMBERED = torch.arange(max(MEMORIES)) < torch.tensor(MEMORIES)[:, None]
HEARD = Graph.batch([complete().build(rows, columns) for rows, columns in zip(LENGTHS, MEMORIES, strict=True)])

patterns = pytest.mark.parametrize("pattern", ["complete", "causal"])
placements = pytest.mark.parametrize("placement", ["pre", "post"])
activations = pytest.mark.parametrize("activation", ["relu", "gelu"])


@pytest.fixture(autouse=True, params=[torch.float32, torch.float64], ids=["float32", "float64"])
def dtype(request):
    torch.manual_seed(0)
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(torch.float32)


def block_config(graphs, nodes, placement, activation, bias=True):
    """What torch.nn calls a layer."""
    hearings = (Hearing(graph=graph, num_heads=H, projection_bias=bias, output_bias=bias) for graph in graphs)
    return BlockConfig(
        hears=tuple(hearings),
        nodes=nodes,
        norm="layer",
        placement=placement,
        feed_forward=FeedForwardConfig(hidden=HIDDEN, activation=activation, bias=bias),
    )


def layer(kind, placement="pre", activation="relu", **options):
    norm_first = placement == "pre"
    made = kind(D, H, HIDDEN, 0.0, activation, batch_first=True, norm_first=norm_first, **options)
    return shaken(made)


def copied(ours, theirs):
    """Ours with their numbers, which leave as they came."""
    state = theirs.state_dict()
    ours.load_state_dict(from_torch(state, ours))
    back = to_torch(ours.state_dict(), ours)
    assert set(back) == set(state)
    assert all(torch.equal(x, state[name]) for name, x in back.items())
    return ours


def masked(pattern, nodes=REAL.shape[1]):
    """What their layers call a mask: true where nothing is heard."""
    return ~parse(pattern).build(nodes).dense()


def assert_same(ours, theirs, out, their_out, inputs=()):
    """Outputs, gradients of all parameters, gradients of (our, their) inputs."""
    assert_equal_as_promised(out, their_out)
    weights = torch.randn_like(their_out)
    found = to_torch(gradients(ours, out, weights), ours)
    assert_states_equal_as_promised(found, gradients(theirs, their_out, weights))
    for own, other in inputs:
        assert_equal_as_promised(own.grad, other.grad)


def twice(*shape):
    """The same random leaf for each side."""
    x = torch.randn(*shape)
    return x.clone().requires_grad_(), x.clone().requires_grad_()


@patterns
def test_attention_among_nodes_equals_multihead_attention(pattern):
    theirs = shaken(nn.MultiheadAttention(D, H, batch_first=True))
    ours = copied(MessagePassing(D, D, Hearing(num_heads=H)), theirs)
    x, y = twice(2, 7, D)
    their_out = theirs(y, y, y, attn_mask=masked(pattern, 7))[0]
    assert_same(ours, theirs, ours(x, parse(pattern).build(7)), their_out, [(x, y)])


def test_attention_without_biases_equals_multihead_attention():
    theirs = shaken(nn.MultiheadAttention(D, H, bias=False, batch_first=True))
    ours = copied(MessagePassing(D, D, Hearing(num_heads=H, projection_bias=False, output_bias=False)), theirs)
    x, y = twice(7, D)
    assert_same(ours, theirs, ours(x, complete().build(7)), theirs(y, y, y)[0], [(x, y)])


@pytest.mark.parametrize("width", [D, 10])
@patterns
def test_attention_to_other_nodes_equals_multihead_attention(width, pattern):
    theirs = shaken(nn.MultiheadAttention(D, H, kdim=width, vdim=width, batch_first=True))
    ours = copied(MessagePassing(D, D, Hearing(num_heads=H), sender_dim=width), theirs)
    graph = parse(pattern).build(5, 9)
    (x, y), (memory, their_memory) = twice(2, 5, D), twice(2, 9, width)
    out = ours(x, graph, senders=memory)
    their_out = theirs(y, their_memory, their_memory, attn_mask=~graph.dense())[0]
    assert_same(ours, theirs, out, their_out, [(x, y), (memory, their_memory)])


@patterns
@placements
@activations
def test_a_block_equals_an_encoder_layer(pattern, placement, activation):
    theirs = layer(nn.TransformerEncoderLayer, placement, activation)
    ours = copied(Block(D, block_config(("words",), "nodes", placement, activation)), theirs)
    x, y = twice(2, 7, D)
    their_out = theirs(y, src_mask=masked(pattern, 7))
    assert_same(ours, theirs, ours(x, parse(pattern).build(7)), their_out, [(x, y)])


@patterns
@placements
def test_packed_sentences_equal_a_padded_batch_in_an_encoder_layer(pattern, placement):
    theirs = layer(nn.TransformerEncoderLayer, placement)
    ours = copied(Block(D, block_config(("words",), "nodes", placement, "relu")), theirs)
    y = torch.randn(*REAL.shape, D, requires_grad=True)
    x = y.detach()[REAL].requires_grad_()
    their_out = theirs(y, src_mask=masked(pattern), src_key_padding_mask=~REAL)[REAL]
    assert_same(ours, theirs, ours(x, parse(pattern).build_batch(LENGTHS)), their_out)
    assert_equal_as_promised(x.grad, y.grad[REAL])


def test_a_block_without_biases_equals_an_encoder_layer():
    theirs = layer(nn.TransformerEncoderLayer, bias=False)
    config = block_config(("words",), "nodes", "pre", "relu", bias=False)
    ours = copied(Block(D, replace(config, norm=Part("layer", {"bias": False}))), theirs)
    x, y = twice(7, D)
    assert_same(ours, theirs, ours(x, complete().build(7)), theirs(y[None])[0], [(x, y)])


def hear_both(block, x, memory, graphs):
    state = State({"target": x, "source": memory})
    return block.step(state, graphs)[0].nodes["target"]


@patterns
@placements
@activations
def test_a_block_of_two_hearings_equals_a_decoder_layer(pattern, placement, activation):
    theirs = layer(nn.TransformerDecoderLayer, placement, activation)
    config = block_config(("target->target", "source->target"), "target", placement, activation)
    ours = copied(Block(D, config, {"source": D}), theirs)
    (x, y), (memory, their_memory) = twice(2, 5, D), twice(2, 9, D)
    graphs = {"target->target": parse(pattern).build(5), "source->target": complete().build(5, 9)}
    their_out = theirs(y, their_memory, tgt_mask=masked(pattern, 5))
    assert_same(ours, theirs, hear_both(ours, x, memory, graphs), their_out, [(x, y), (memory, their_memory)])


@patterns
def test_packed_sentences_equal_a_padded_batch_in_a_decoder_layer(pattern):
    theirs = layer(nn.TransformerDecoderLayer)
    config = block_config(("target->target", "source->target"), "target", "pre", "relu")
    ours = copied(Block(D, config, {"source": D}), theirs)
    y, their_memory = (torch.randn(*real.shape, D, requires_grad=True) for real in (REAL, REMEMBERED))
    x, memory = y.detach()[REAL].requires_grad_(), their_memory.detach()[REMEMBERED].requires_grad_()
    their_out = theirs(
        y,
        their_memory,
        tgt_mask=masked(pattern),
        tgt_key_padding_mask=~REAL,
        memory_key_padding_mask=~REMEMBERED,
    )[REAL]
    graphs = {"target->target": parse(pattern).build_batch(LENGTHS), "source->target": HEARD}
    assert_same(ours, theirs, hear_both(ours, x, memory, graphs), their_out)
    assert_equal_as_promised(x.grad, y.grad[REAL])
    assert_equal_as_promised(memory.grad, their_memory.grad[REMEMBERED])


def raw(dim):
    """States that come in as they are."""
    return EmbedConfig(dim=dim, features=dim, project=False)


@patterns
@placements
def test_a_network_equals_a_whole_encoder(pattern, placement):
    norm = nn.LayerNorm(D) if placement == "pre" else None
    stack = nn.TransformerEncoder(layer(nn.TransformerEncoderLayer, placement), 3, norm, enable_nested_tensor=False)
    theirs = shaken(stack)
    blocks = (block_config(("words",), "nodes", placement, "relu"),) * 3
    config = NetworkConfig({"nodes": raw(D)}, blocks, {"words": pattern}, "layer" if norm else None)
    ours = copied(Network(config), theirs)
    y = torch.randn(*REAL.shape, D, requires_grad=True)
    x = y.detach()[REAL].requires_grad_()
    their_out = theirs(y, mask=masked(pattern), src_key_padding_mask=~REAL)[REAL]
    assert_same(ours, theirs, ours(ours.graphs(LENGTHS), x), their_out)
    assert_equal_as_promised(x.grad, y.grad[REAL])


def test_a_network_equals_a_whole_decoder():
    theirs = shaken(nn.TransformerDecoder(layer(nn.TransformerDecoderLayer), 2, nn.LayerNorm(D)))
    blocks = (block_config(("target->target", "source->target"), "target", "pre", "relu"),) * 2
    config = NetworkConfig({"target": raw(D), "source": raw(D)}, blocks, norm="layer", answers="target")
    ours = copied(Network(config), theirs)
    (x, y), (memory, their_memory) = twice(2, 5, D), twice(2, 9, D)
    graphs = {"target->target": causal().build(5), "source->target": complete().build(5, 9)}
    out = ours(graphs, {"target": x, "source": memory})
    their_out = theirs(y, their_memory, tgt_mask=masked("causal", 5))
    assert_same(ours, theirs, out, their_out, [(x, y), (memory, their_memory)])


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")  # it cannot be told to leave that road
@placements
def test_a_network_of_three_graphs_equals_the_whole_transformer(placement):
    norm_first = placement == "pre"
    theirs = shaken(nn.Transformer(D, H, 2, 3, HIDDEN, 0.0, batch_first=True, norm_first=norm_first))
    reading = block_config(("source->source",), "source", placement, "relu")
    writing = block_config(("target->target", "source->target"), "target", placement, "relu")
    blocks = (reading, replace(reading, closing_norm="layer"), *[writing] * 3)
    patterns = {"source->source": "complete", "target->target": "causal", "source->target": "complete"}
    config = NetworkConfig({"source": raw(D), "target": raw(D)}, blocks, patterns, norm="layer", answers="target")
    ours = copied(Network(config), theirs)
    y, their_source = (torch.randn(*real.shape, D, requires_grad=True) for real in (REAL, REMEMBERED))
    x, source = y.detach()[REAL].requires_grad_(), their_source.detach()[REMEMBERED].requires_grad_()
    unheard = {"src_key_padding_mask": ~REMEMBERED, "memory_key_padding_mask": ~REMEMBERED}
    unheard["tgt_key_padding_mask"] = ~REAL
    their_out = theirs(their_source, y, tgt_mask=masked("causal"), **unheard)[REAL]
    out = ours(ours.graphs({"source": MEMORIES, "target": LENGTHS}), {"source": source, "target": x})
    assert_same(ours, theirs, out, their_out)
    assert_equal_as_promised(x.grad, y.grad[REAL])
    assert_equal_as_promised(source.grad, their_source.grad[REMEMBERED])


def test_learned_keys_of_nobody_have_no_place():
    theirs = nn.MultiheadAttention(D, H, add_bias_kv=True)
    ours = MessagePassing(D, D, Hearing(num_heads=H))
    message = "MultiheadAttention: the state does not fit the model: unknown bias_k, bias_v. skip= says which names"
    with pytest.raises(ValueError, match=message):
        from_torch(theirs.state_dict(), ours)
    assert set(from_torch(theirs.state_dict(), ours, skip=["bias_?"])) == set(ours.state_dict())


def test_a_layer_that_torch_does_not_have_is_refused():
    with pytest.raises(ValueError, match="MultiheadAttention: has no place for every part of this model"):
        to_torch({}, MessagePassing(D, D, Hearing(score="gatv2", num_heads=H)))
    step = NetworkConfig({"nodes": raw(D)}, (GraphNetworkConfig(hidden=4, edge_out_dim=2),))
    for module in (nn.Linear(2, 2), Network(step)):
        with pytest.raises(TypeError, match=f"expected a MessagePassing, a Block or .*, got {type(module).__name__}"):
            from_torch({}, module)
