"""Llama of Hugging Face equals ours: a layer, the whole model, packed sentences against padded ones."""

import pytest
import torch
from tests.equal import assert_equal_as_promised, assert_states_equal_as_promised
from tests.pretrained.peers import LENGTHS, REAL, gradients, mask_of, ours_of, shaken
from transformers import LlamaConfig, LlamaForCausalLM

from edgewise.models import Network
from edgewise.patterns import causal
from edgewise.pretrained import llama

SETTINGS = {
    "vocab_size": 30,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "intermediate_size": 20,
}
VARIANTS = {
    "grouped": {},
    "tied": {"tie_word_embeddings": True},
    "every head its own": {"num_key_value_heads": 6},
    "wide heads": {"head_dim": 8, "rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
}


def made(**settings):
    torch.manual_seed(0)
    return shaken(LlamaForCausalLM(LlamaConfig(**{**SETTINGS, **settings})))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_packed_sentences_equal_a_padded_batch(attention, variant):
    model = made(attn_implementation=attention, **VARIANTS[variant])
    network = ours_of(llama, model)
    tokens = torch.randint(30, REAL.shape)
    theirs = model(tokens, attention_mask=REAL.long()).logits[REAL]
    ours = network(network.graphs(LENGTHS), tokens[REAL])
    assert_equal_as_promised(ours, theirs)
    weights = torch.randn_like(theirs)
    found = llama.to_hf(gradients(network, ours, weights), network.config)
    assert_states_equal_as_promised(found, gradients(model, theirs, weights))


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_a_layer_equals_theirs(attention):
    model = made(attn_implementation=attention)
    block, layer = ours_of(llama, model).blocks[1], model.model.layers[1]
    graph = causal().build(7)
    x = torch.randn(2, 7, 12, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    angles = model.model.rotary_emb(y, torch.arange(7)[None])
    ours, theirs = block(x, graph), layer(y, attention_mask=mask_of(graph), position_embeddings=angles)
    assert_equal_as_promised(ours, theirs)
    weights = torch.randn_like(theirs)
    (ours * weights).sum().backward()
    (theirs * weights).sum().backward()
    assert_equal_as_promised(x.grad, y.grad)


@pytest.mark.parametrize("variant", VARIANTS)
def test_names_and_tensors_survive_the_round_trip(variant):
    model = made(**VARIANTS[variant]).bfloat16()
    config, state = llama.config_from_hf(model.config), model.state_dict()
    back = llama.to_hf(llama.from_hf(state, config), config)
    assert set(back) == set(state)
    assert all(torch.equal(x, state[name]) and x.dtype == torch.bfloat16 for name, x in back.items())


def test_a_table_that_is_not_tied_is_missed():
    model = made()
    state = {name: x for name, x in model.state_dict().items() if name != "lm_head.weight"}
    with pytest.raises(ValueError, match="LlamaForCausalLM: the state does not fit the model: missing lm_head.weight"):
        llama.from_hf(state, llama.config_from_hf(model.config))


def test_our_network_becomes_their_model():
    model = made()
    torch.manual_seed(1)
    network = shaken(Network(llama.config_from_hf(model.config)))
    model.load_state_dict(llama.to_hf(network.state_dict(), network.config))
    tokens = torch.randint(30, (2, 9))
    assert_equal_as_promised(network(network.graphs([9]), tokens), model(tokens).logits)


def test_every_setting_finds_its_place():
    config = llama.config_from_hf({**SETTINGS, "rms_norm_eps": 1e-5, "rope_theta": 500.0, "rope_scaling": None})
    assert config.norm.options == {"eps": 1e-5} == config.blocks[0].norm.options
    assert config.blocks[0].hears[0].rotary.options == {"base": 500.0}
    assert config.blocks[0].hears[0].num_key_value_heads == 2
    written = LlamaConfig(**SETTINGS, rms_norm_eps=1e-5, rope_parameters={"rope_type": "default", "rope_theta": 500.0})
    assert Network(llama.config_from_hf(written)).load_state_dict(Network(config).state_dict())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("hidden_act", "gelu", "hidden_act must be 'silu', got 'gelu'"),
        ("attention_bias", True, "attention_bias must be False, got True"),
        ("mlp_bias", True, "mlp_bias must be False"),
        ("attention_dropout", 0.1, "attention_dropout must be 0.0, got 0.1"),
        ("rope_scaling", {"type": "linear", "factor": 2.0}, "rope_scaling must be None, got .'type': 'linear'"),
        (
            "rope_parameters",
            {"rope_type": "llama3", "factor": 8.0, "rope_theta": 500.0},
            "rope_parameters must be of rope_type 'default' with a rope_theta alone, got .* not scaled here",
        ),
        ("rope_parameters", {"partial_rotary_factor": 0.5}, "got .'partial_rotary_factor': 0.5.; rotary positions"),
        ("sliding_window", 128, "llama: nothing here knows what these settings mean: sliding_window=128"),
    ],
)
def test_a_setting_without_a_word_of_ours_is_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        llama.config_from_hf({**SETTINGS, name: value})
