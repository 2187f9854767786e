"""GPT-2 of Hugging Face equals ours: a layer, the whole model, packed sentences against padded ones."""

import pytest
import torch
from tests.equal import assert_equal_as_promised, assert_states_equal_as_promised
from tests.pretrained.peers import LENGTHS, REAL, gradients, mask_of, ours_of, shaken
from transformers import GPT2Config, GPT2LMHeadModel

from edgewise.models import Network
from edgewise.patterns import causal
from edgewise.pretrained import gpt2

SETTINGS = {
    "vocab_size": 30,
    "n_embd": 12,
    "n_layer": 2,
    "n_head": 3,
    "n_positions": 16,
    "bos_token_id": 0,
    "eos_token_id": 0,
}


def made(**settings):
    torch.manual_seed(0)
    return shaken(GPT2LMHeadModel(GPT2Config(**SETTINGS, **settings)))


@pytest.mark.parametrize("settings", [{}, {"n_inner": 20, "tie_word_embeddings": False}], ids=["tied", "untied"])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_packed_sentences_equal_a_padded_batch(attention, settings):
    model = made(attn_implementation=attention, **settings)
    network = ours_of(gpt2, model)
    tokens = torch.randint(30, REAL.shape)
    theirs = model(tokens, attention_mask=REAL.long()).logits[REAL]
    ours = network(network.graphs(LENGTHS), tokens[REAL])
    assert_equal_as_promised(ours, theirs)
    weights = torch.randn_like(theirs)
    found = gpt2.to_hf(gradients(network, ours, weights), network.config)
    assert_states_equal_as_promised(found, gradients(model, theirs, weights))


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_a_layer_equals_theirs(attention):
    model = made(attn_implementation=attention)
    block, layer = ours_of(gpt2, model).blocks[1], model.transformer.h[1]
    graph = causal().build(7)
    x = torch.randn(2, 7, 12, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    ours, theirs = block(x, graph), layer(y, attention_mask=mask_of(graph))
    assert_equal_as_promised(ours, theirs)
    weights = torch.randn_like(theirs)
    (ours * weights).sum().backward()
    (theirs * weights).sum().backward()
    assert_equal_as_promised(x.grad, y.grad)


@pytest.mark.parametrize("tied", [True, False])
def test_names_and_tensors_survive_the_round_trip(tied):
    model = made(tie_word_embeddings=tied).half()
    config, state = gpt2.config_from_hf(model.config), model.state_dict()
    back = gpt2.to_hf(gpt2.from_hf(state, config), config)
    assert set(back) == set(state)
    assert all(torch.equal(x, state[name]) and x.dtype == torch.float16 for name, x in back.items())


def test_a_file_leaves_the_tied_table_out_and_so_does_the_way_back():
    model = made()
    config = gpt2.config_from_hf(model.config)
    file = {name: x for name, x in model.state_dict().items() if name != "lm_head.weight"}
    ours = gpt2.from_hf(file, config)
    assert set(gpt2.to_hf(ours, config)) == set(file)
    network = Network(config).eval()
    network.load_state_dict(ours)
    tokens = torch.randint(30, (2, 9))
    assert_equal_as_promised(network(network.graphs([9]), tokens), model(tokens).logits)


def test_a_file_of_the_base_model_holds_masks_and_no_prefix():
    model = made()
    config = gpt2.config_from_hf(model.config)
    file = dict(model.transformer.state_dict())
    masks = {f"h.{n}.attn.bias": torch.ones(1, 1, 16, 16) for n in range(2)}
    ours = gpt2.from_hf(file | masks, config, prefix="", skip=("h.*.attn.bias",))
    back = gpt2.to_hf(ours, config, prefix="")
    assert set(back) == set(file)
    assert all(torch.equal(x, file[name]) for name, x in back.items())


def test_tied_tensors_that_differ_are_refused():
    model = made()
    config = gpt2.config_from_hf(model.config)
    state = model.state_dict() | {"lm_head.weight": torch.zeros(30, 12)}
    with pytest.raises(
        ValueError, match=r"transformer.wte.weight and lm_head.weight are one tensor in this model, but"
    ):
        gpt2.from_hf(state, config)


def test_our_network_becomes_their_model():
    model = made()
    torch.manual_seed(1)
    network = shaken(Network(gpt2.config_from_hf(model.config)))
    model.load_state_dict(gpt2.to_hf(network.state_dict(), network.config))
    tokens = torch.randint(30, (2, 9))
    assert_equal_as_promised(network(network.graphs([9]), tokens), model(tokens).logits)


def test_parts_have_memory_of_their_own():
    model = made()
    ours = gpt2.from_hf(model.state_dict(), gpt2.config_from_hf(model.config))
    parts = [x for name, x in ours.items() if "projections" in name]
    assert len({x.untyped_storage().data_ptr() for x in parts}) == len(parts) == 12
    assert all(x.is_contiguous() for x in ours.values())


def test_every_setting_finds_its_place():
    config = gpt2.config_from_hf({"n_inner": 7, "layer_norm_epsilon": 1e-4, "n_embd": 12, "n_head": 3, "n_ctx": 1024})
    assert config.blocks[0].feed_forward.hidden == 7
    assert config.norm.options == {"eps": 1e-4} == config.blocks[0].norm.options
    assert len(config.blocks) == 12
    assert gpt2.config_from_hf(GPT2Config(**SETTINGS)) == gpt2.config_from_hf(SETTINGS)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("activation_function", "gelu", "activation_function must be 'gelu_new', got 'gelu'"),
        ("scale_attn_weights", False, "scale_attn_weights must be True, got False"),
        ("scale_attn_by_inverse_layer_idx", True, "scale_attn_by_inverse_layer_idx must be False"),
        ("reorder_and_upcast_attn", True, "reorder_and_upcast_attn must be False"),
        ("add_cross_attention", True, "add_cross_attention must be False"),
        ("attn_pdrop", 0.0, "attn_pdrop are one number here, so they must be equal, got resid_pdrop 0.1"),
        ("is_encoder_decoder", True, "is_encoder_decoder must be False"),
    ],
)
def test_a_setting_without_a_word_of_ours_is_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        gpt2.config_from_hf({**SETTINGS, name: value})


def test_a_setting_known_to_have_no_effect_can_be_ignored():
    odd = {**SETTINGS, "pruned_heads": {}}
    with pytest.raises(ValueError, match=r"Name them in ignore=\(...\) if they change no number of a forward pass"):
        gpt2.config_from_hf(odd)
    assert gpt2.config_from_hf(odd, ignore=["pruned_heads"]) == gpt2.config_from_hf(SETTINGS)


def test_what_is_no_config_is_refused():
    with pytest.raises(TypeError, match="expected a Hugging Face config or the mapping in its config.json, got 'gpt2'"):
        gpt2.config_from_hf("gpt2")
