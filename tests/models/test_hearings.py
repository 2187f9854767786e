"""One word makes a Transformer another model: what each hears, along which graph, and what it refuses."""

import pytest
import torch
from tests.equal import assert_equal_as_promised
from tests.models.pages import network_of

from edgewise.layers import RECURRENCES, Recurrent
from edgewise.models import HEARINGS, NetworkConfig, decoder, encoder
from edgewise.models.hearings import CONVOLUTIONS

SIZES = {"dim": 8, "num_heads": 2, "num_layers": 2, "hidden": 12}
WORDS = (*HEARINGS, *RECURRENCES)
PAGES = {"encoder": encoder, "decoder": decoder}
over = pytest.mark.parametrize("word", WORDS)


def page_of(page: str, word: str, **options) -> NetworkConfig:
    return PAGES[page](11, **SIZES, hears=word, **options)


@over
@pytest.mark.parametrize("page", PAGES)
def test_a_word_goes_through_json_and_answers(page, word):
    config = page_of(page, word)
    assert NetworkConfig.from_json(config.to_json()) == config
    network, lengths = network_of(config), [4, 1, 7]
    words = torch.randint(11, (12,))
    out = network(network.graphs(lengths), words)
    apart = [network(network.graphs([n]), part) for n, part in zip(lengths, words.split(lengths), strict=True)]
    assert_equal_as_promised(out, torch.cat(apart))
    out.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@over
def test_a_decoder_hears_no_later_word(word):
    network, words = network_of(page_of("decoder", word)), torch.randint(11, (9,))
    before = network(network.graphs([9]), words)
    words[6] = (words[6] + 1) % 11
    after = network(network.graphs([9]), words)
    assert torch.equal(before[:6], after[:6])
    assert not torch.equal(before[6:], after[6:])


@over
def test_an_encoder_hears_both_ways(word):
    network, words = network_of(page_of("encoder", word)), torch.randint(11, (5,))
    before = network(network.graphs([5]), words)
    words[2] = (words[2] + 1) % 11
    assert (network(network.graphs([5]), words) != before).any(1).all()


@over
@pytest.mark.parametrize("page", PAGES)
def test_the_pattern_follows_from_the_word(page, word):
    everyone, near = {"encoder": ("complete", "window(3, 3)"), "decoder": ("causal", "window(6, 0)")}[page]
    assert page_of(page, word).patterns == {"words": near if word in CONVOLUTIONS else everyone}


@pytest.mark.parametrize("word", CONVOLUTIONS)
def test_a_width_counts_the_words_heard(word):
    assert page_of("decoder", word, width=4).patterns == {"words": "window(3, 0)"}
    assert page_of("encoder", word, width=5).patterns == {"words": "window(2, 2)"}
    dilated = network_of(page_of("decoder", word, width=5, pattern="causal & strided(2) & window(4, 0)"))
    dilated(dilated.graphs([9]), torch.randint(11, (9,)))


@pytest.mark.parametrize("word", RECURRENCES)
def test_a_recurrent_layer_reads_and_feeds_forward(word):
    network, words = network_of(page_of("decoder", word)), torch.randint(11, (6,))
    embed = network.embed["nodes"]
    h = embed.tokens(words) * 8**0.5 + embed.positions[0](network.graphs([6])["words"])
    for reading, feeding in zip(network.blocks[::2], network.blocks[1::2], strict=True):
        assert isinstance(reading, Recurrent)
        h = h + reading.recurrence(reading.around.norm(h))[0]
        h = h + feeding.feed_forward(feeding.around_feed_forward.norm(h))
    assert_equal_as_promised(network(network.graphs([6]), words), network.head.project(network.norm(h)))


def test_rotary_turns_attention_alone():
    assert page_of("decoder", "attention", rotary="attention") == page_of("decoder", "attention", rotary=True)
    assert page_of("decoder", "light_convolution", rotary="attention") == page_of("decoder", "light_convolution")


def test_every_word_says_what_it_is():
    assert not [word for word, make in HEARINGS.items() if not make.__doc__]
    assert set(CONVOLUTIONS) < set(HEARINGS)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("page", "word", "options", "message"),
    [
        ("decoder", "atention", {}, "unknown hears 'atention'.*Did you mean 'attention'"),
        ("decoder", "attention", {"rotary": "atention"}, "unknown rotary 'atention'.*Did you mean 'attention'"),
        ("decoder", "mean", {"rotary": True}, "hears='mean': has no queries and keys, so rotary would be ignored"),
        ("encoder", "gru", {"rotary": True}, "hears='gru': has no queries and keys, so rotary would be ignored"),
        (
            "decoder",
            "mean",
            {"score": "gatv2"},
            "hears='mean': score and memories would be ignored, they are of attention",
        ),
        ("encoder", "gaussian", {"memories": 2}, "hears='gaussian': score and memories would be ignored"),
        ("decoder", "gru", {"layer_dropout": 0.1}, "hears='gru': reading has no join and no layer_dropout"),
        ("decoder", "lstm", {"join": "gru"}, "hears='lstm': reading has no join and no layer_dropout; leave them out"),
        ("encoder", "max", {"width": 3}, "hears='max': width would be ignored, it is of gated_convolution, light_conv"),
        (
            "encoder",
            "light_convolution",
            {"width": 4},
            "width: must be odd, as many nodes are heard to each side, got 4",
        ),
        (
            "decoder",
            "light_convolution",
            {"width": 0},
            "width: must be at least 1, got 0; it counts the nodes heard, the",
        ),
        (
            "decoder",
            "lstm",
            {"pattern": "window(2, 0)"},
            r"hears='lstm': reads whole sequences, so pattern must be 'causal', got 'window\(2, 0\)'",
        ),
    ],
)
def test_what_would_be_ignored_is_refused(page, word, options, message):
    with pytest.raises(ValueError, match=message):
        page_of(page, word, **options)
