"""A past with room is heard as one without, writes in place, and is refused where places count."""

import pytest
import torch
from tests.models.test_past import PAST, SIZES, TOKENS, configs, network_of

from edgewise.graph.spaced import spaced
from edgewise.layers import Hearing, MessagePassing
from edgewise.layers.positions.places import receiver_places
from edgewise.layers.scores import Dot
from edgewise.models import decoder
from edgewise.part import Part
from edgewise.patterns import causal


def with_room(network, pasts, rows):
    """What `generate` does, of so many rows: attention takes room in a batch, one graph always."""
    return [
        [kept.with_room(rows) if len(kept.offsets) == 2 or layer.takes_room else kept
         for kept, layer in zip(past, block.layers, strict=True)] if hasattr(block, "layers") else past
        for past, block in zip(pasts, network.blocks, strict=True)
    ]  # fmt: skip


@pytest.mark.parametrize("rows", [0, 1, 100])
@pytest.mark.parametrize("lengths", [[5], [3, 1, 4]], ids=str)
@configs
@torch.inference_mode()
def test_a_past_with_room_is_heard_as_one_without(config, lengths, rows):
    network = network_of(config)
    counts, packed, roomy = [0] * len(lengths), None, None
    for new in (lengths, [1] * len(lengths), [2, 0, 3][: len(lengths)], [1] * len(lengths)):
        graphs, tokens = network.graphs(new, past=counts), torch.randint(TOKENS, (sum(new),))
        expected, packed = network(graphs, tokens, past=packed, keep_past=True)
        found, roomy = network(graphs, tokens, past=roomy, keep_past=True)
        torch.testing.assert_close(found, expected)
        roomy = with_room(network, roomy, rows) if counts[0] == 0 else roomy
        counts = [a + b for a, b in zip(counts, new, strict=True)]
    for kept in (kept for past in roomy for kept in past if kept.room is not None):
        assert (kept.offsets.diff() - torch.tensor(kept.room)).tolist() == counts and min(kept.room) >= 0


def test_room_is_not_copied():
    network, tokens = network_of(decoder(TOKENS, **SIZES)), torch.tensor([1, 2])
    with torch.no_grad():
        _, past = network(network.graphs([1, 1]), tokens, keep_past=True)
        past = [[kept.with_room(2) for kept in block] for block in past]
        _, later = network(network.graphs([1, 1], past=[1, 1]), tokens, past=past, keep_past=True)
    assert later[0][0].value.data_ptr() == past[0][0].value.data_ptr() and later[0][0].room == (1, 1)


def test_a_past_with_room_is_for_inference_and_forgets_nobody():
    network, tokens = network_of(decoder(TOKENS, **SIZES)), torch.tensor([1, 2])
    _, past = network(network.graphs([1, 1]), tokens, keep_past=True)
    with torch.no_grad():
        past = [[kept.with_room(2) for kept in block] for block in past]
    with pytest.raises(ValueError, match="past: one with room is for inference"):
        network(network.graphs([1, 1], past=[1, 1]), tokens, past=past)
    with pytest.raises(ValueError, match="past: one with room forgets nobody"):
        past[0][0].last(1)


def test_room_takes_what_is_wider_and_refuses_another_mode():
    network, tokens = network_of(decoder(TOKENS, **SIZES)), torch.tensor([1, 2])
    graphs = network.graphs([1, 1], past=[1, 1])
    with torch.inference_mode():
        with torch.autocast("cpu", torch.bfloat16):
            _, packed = network(network.graphs([1, 1]), tokens, keep_past=True)
        past = [[kept.with_room(2) for kept in block] for block in packed]
        (expected, _), (found, later) = (network(graphs, tokens, past=p, keep_past=True) for p in (packed, past))
        torch.testing.assert_close(found, expected)
        assert past[0][0].value.dtype == torch.bfloat16 and later[0][0].value.dtype == torch.float32
    with torch.no_grad(), pytest.raises(ValueError, match="made in torch.inference_mode"):
        network(network.graphs([1, 1], past=[2, 2]), tokens, past=later)


def test_learned_keys_are_no_inference():
    layer, x = MessagePassing(4, 4, Hearing(num_heads=2)), torch.randn(2, 4)
    layer.projections.to_value.requires_grad_(False)
    with torch.no_grad():
        past = layer.hear(x, causal().build_batch([1, 1]))[1].with_room(2)
    with pytest.raises(ValueError, match="past: one with room is for inference"):
        layer.hear(x, causal().build_batch([1, 1], past=[1, 1]), past=past)


class Placed(Dot):
    """A score that goes by places."""

    def forward(self, query, key, edge_key, graph, edges):
        return super().forward(query * (1 + receiver_places(graph))[:, None, None], key, edge_key, graph, edges)


@torch.no_grad()
def test_who_goes_by_places_refuses_room_between_texts():
    word = Part("tests.models.test_room:Placed", {})
    for hearing in (Hearing(num_heads=2, score=word), Hearing(num_heads=2, edge_bias="t5")):
        layer, x = MessagePassing(4, 4, hearing), torch.randn(2, 4)
        past = layer.hear(x, causal().build_batch([1, 1]))[1]
        assert not layer.takes_room
        with pytest.raises(ValueError, match="this layer goes by places"):
            layer.hear(x, causal().build_batch([1, 1], past=[1, 1]), past=past.with_room(2))


def test_some_graphs_of_a_past_keep_their_room():
    some = PAST.with_room(3).of([1])
    assert some.room == (3,) and some.offsets.tolist() == [0, 3 + int(PAST.offsets.diff()[1])]
    with pytest.raises(ValueError, match="past: has room in 1 graphs, but the batch has 2"):
        spaced(causal().build_batch([1, 1]), [3])


def test_attention_takes_room_between_texts_and_what_goes_by_places_does_not():
    def takes(**options):
        network = network_of(decoder(TOKENS, **{**SIZES, **options}))
        return {layer.takes_room for block in network.blocks for layer in block.layers}

    for hears in ("attention", "mean", "sum", "max"):
        assert takes(hears=hears, positions=("sinusoidal",)) == {True}
    for options in ({"hears": "gaussian"}, {"hears": "light_convolution"}, {"hears": "gated_convolution"}):
        assert takes(**options, positions=()) == {False}
    assert takes(memories=2) == {False}
