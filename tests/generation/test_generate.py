"""Step by step: greedy is the likeliest token of full forwards, a batch is its sequences one by one."""

import sys
from dataclasses import replace

import pytest
import torch
from tests.models.test_past import CONFIGS, SIZES, TOKENS, attending, network_of

from edgewise.generation import generate, stream
from edgewise.layers import Hearing, Past
from edgewise.models import EmbedConfig, Network, bert, decoder, encoder_decoder, gcn, gpt2
from edgewise.part import Part

PROMPTS = [[1, 2, 3, 4, 5], [6], [7, 8, 9]]
WINDOWED = {
    "learned positions and a window": gpt2(TOKENS, **SIZES, max_length=16, pattern="causal & window(2, 0)"),
    "alibi and a window": replace(CONFIGS["alibi"], patterns={"words": "window(3, 0)"}),
}
configs = pytest.mark.parametrize("config", (CONFIGS | WINDOWED).values(), ids=CONFIGS | WINDOWED)


@torch.no_grad()
def all_at_once(network, prompt, count):
    """The likeliest token of a full forward of all so far, `count` times."""
    tokens = list(prompt)
    for _ in range(count):
        tokens.append(int(network(network.graphs([len(tokens)]), torch.tensor(tokens))[-1].argmax()))
    return tokens[len(prompt) :]


@configs
def test_greedy_says_the_likeliest_token_of_a_full_forward(config):
    network = network_of(config)
    expected = [all_at_once(network, prompt, 6) for prompt in PROMPTS]
    assert generate(network, PROMPTS, max_tokens=6) == expected
    assert len({token for said in expected for token in said}) > 1


@pytest.mark.parametrize("options", [{}, {"temperature": 1.5}, {"temperature": 0.9, "top_k": 5, "top_p": 0.9}])
def test_a_batch_is_its_sequences_one_by_one(options):
    network = network_of(CONFIGS["sinusoidal positions"])
    alone = [
        generate(network, [p], max_tokens=12, seed=3 + k, stop=(2, 5), **options)[0] for k, p in enumerate(PROMPTS)
    ]
    assert generate(network, PROMPTS, max_tokens=12, seed=3, stop=(2, 5), **options) == alone


def test_a_sequence_that_ends_leaves_the_others():
    network = network_of(CONFIGS["rotary positions, grouped heads"])
    free = generate(network, PROMPTS, max_tokens=12)
    for stop in {token for said in free for token in said}:
        cut = [said[: said.index(stop)] if stop in said else said for said in free]
        assert generate(network, PROMPTS, max_tokens=12, stop=stop) == cut
    assert all(min(step) >= 0 for step in map(list, stream(network, PROMPTS, max_tokens=12)))


@pytest.mark.parametrize("config", WINDOWED.values(), ids=WINDOWED)
def test_what_no_window_reaches_is_kept_no_longer(config, monkeypatch):
    network = network_of(config)
    run, sizes = network.run, []

    def watched(graphs, x, past=None):
        sizes.append(0 if past is None else max(int(one.offsets.diff().max()) for block in past for one in block))
        return run(graphs, x, past=past)

    monkeypatch.setattr(network, "run", watched)
    said = generate(network, PROMPTS, max_tokens=11)
    assert max(sizes) == network.patterns["words"].hears_back < len(sizes)
    stop = said[0][4]
    cut = [tokens[: tokens.index(stop)] if stop in tokens else tokens for tokens in said]
    assert generate(network, PROMPTS, max_tokens=11, stop=stop) == cut


@configs
@pytest.mark.parametrize("room", [0, 1])
def test_room_that_is_used_up_is_made_anew(config, room, monkeypatch):
    network = network_of(config)
    expected = generate(network, PROMPTS, max_tokens=11)
    steps = sys.modules[generate.__module__]
    for module in (steps, sys.modules[Past.__module__]):
        monkeypatch.setattr(module, "ROOM", room)
    assert generate(network, PROMPTS, max_tokens=11) == expected
    monkeypatch.setattr(steps, "_with_room", lambda past, layer: past)
    assert generate(network, PROMPTS, max_tokens=11) == expected


def test_the_seed_says_what_is_drawn():
    network = network_of(CONFIGS["sinusoidal positions"])
    one, again, other = (generate(network, PROMPTS, max_tokens=12, temperature=2.0, seed=seed) for seed in (0, 0, 7))
    assert one == again != other
    assert generate(network, PROMPTS, max_tokens=12, temperature=2.0, top_k=1) == generate(
        network, PROMPTS, max_tokens=12
    )


def test_torch_leaves_its_own_stream_alone():
    network, before = network_of(CONFIGS["window"]), torch.get_rng_state()
    generate(network, PROMPTS, max_tokens=2, temperature=1.0)
    assert torch.equal(torch.get_rng_state(), before)


def test_steps_come_as_they_are_said_and_leave_the_mode_alone():
    network = network_of(CONFIGS["window"])
    steps = stream(network, [torch.tensor([1, 2])], max_tokens=4)
    first = next(steps)
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    assert [first[0], *(token for (token,) in steps)] == generate(network, [[1, 2]], max_tokens=4)[0]


def test_no_prompts_say_nothing():
    assert generate(network_of(CONFIGS["window"]), [], max_tokens=3) == []


NETWORK = network_of(gpt2(TOKENS, **SIZES, max_length=16))


@pytest.mark.parametrize(
    ("prompts", "options", "message"),
    [
        ([[1], []], {}, "generate: prompt 1 is empty; give the token that a text begins with"),
        ([[1]], {"max_tokens": 0}, "generate: max_tokens must be at least 1, got 0"),
        ([[1]], {"max_tokens": 17}, "make 17 tokens, and the network has positions for 16; .* lower max_tokens by 1"),
        ([[1]], {"temperature": -1.0}, "sampling: temperature must be a number from 0 on, got -1.0"),
        ([[1]], {"top_k": 3}, "sampling: top_k=3 is of what is drawn, and nothing is at temperature 0"),
    ],
)
def test_a_mistake_is_refused_before_the_first_step(prompts, options, message):
    with pytest.raises(ValueError, match=message):
        stream(NETWORK, prompts, **{"max_tokens": 4, **options})


def test_the_last_token_needs_no_position():
    assert len(generate(NETWORK, [[1]], max_tokens=16)[0]) == 16


def test_a_token_that_is_not_known_is_refused():
    with pytest.raises(IndexError, match="tokens must be from 0 to 10, got 11 to 11"):
        generate(NETWORK, [[11]], max_tokens=2)


def heard_by(pattern):
    return decoder(TOKENS, **SIZES, pattern=pattern)


def with_positions(name):
    return replace(CONFIGS["alibi"], inputs={"nodes": EmbedConfig(dim=12, tokens=TOKENS, positions=(Part(name, {}),))})


REFUSED = {
    "no head": (gcn(5, 3), "the network's head is none, which says no next token"),
    "another head": (bert(TOKENS, **SIZES, max_length=16), "which says no next token; one whose head is 'tokens'"),
    "two node sets": (encoder_decoder(TOKENS, TOKENS, **SIZES), "the network reads source and target; expected one"),
    "no pattern": (replace(CONFIGS["alibi"], patterns={}), "hears the graph 'words', which no pattern makes of a text"),
    "needs": (heard_by("causal & tree()"), "the pattern causal & tree needs tree, which nobody knows of a text"),
    "complete": (heard_by("complete"), r"lets node 0 hear node 8, which is yet to be said; .* causal & \(complete\)"),
    "ahead": (heard_by("window(3, 1)"), r"the pattern window\(3, 1\) lets node 0 hear node 1, which is yet to be said"),
    "ring": (heard_by("causal & ring(2)"), r"among the first \d nodes is another thing among 9"),
    "walks": (with_positions("random_walk"), "RandomWalkPositions is measured on the whole graph"),
    "paths": (attending(Hearing("words", num_heads=3, edge_bias="shortest_path")), "ShortestPathBias is measured on"),
}


@pytest.mark.parametrize(("config", "message"), REFUSED.values(), ids=REFUSED)
def test_a_network_that_cannot_go_step_by_step_is_refused(config, message):
    with pytest.raises(ValueError, match=message):
        stream(Network(config).eval(), [[1, 2, 3, 4, 5]], max_tokens=5)


def test_a_network_in_training_is_refused():
    with pytest.raises(ValueError, match="generate: the network is in training, where states drop out"):
        generate(Network(CONFIGS["window"]), [[1]], max_tokens=2)
