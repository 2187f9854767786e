"""BERT of Hugging Face equals ours: a layer, the whole model, packed sentences against padded ones."""

import pytest
import torch
from tests.equal import assert_equal_as_promised, assert_states_equal_as_promised
from tests.pretrained.peers import LENGTHS, REAL, gradients, ours_of, shaken
from transformers import BertConfig, BertModel

from edgewise.models import Network
from edgewise.patterns import complete
from edgewise.pretrained import bert

SETTINGS = {
    "vocab_size": 30,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "max_position_embeddings": 16,
    "type_vocab_size": 3,
}
SKIP = ("pooler.*",)


@pytest.fixture(params=["eager", "sdpa"])
def model(request):
    torch.manual_seed(0)
    return shaken(BertModel(BertConfig(**SETTINGS, attn_implementation=request.param)))


def test_packed_sentences_equal_a_padded_batch(model):
    network = ours_of(bert, model, skip=SKIP)
    tokens, kinds = torch.randint(1, 30, REAL.shape), torch.randint(3, REAL.shape)
    theirs = model(tokens, attention_mask=REAL.long(), token_type_ids=kinds).last_hidden_state[REAL]
    ours = network(network.graphs(LENGTHS), tokens[REAL], kinds=kinds[REAL])
    assert_equal_as_promised(ours, theirs)
    weights = torch.randn_like(theirs)
    found = bert.to_hf(gradients(network, ours, weights), network.config)
    assert_states_equal_as_promised(found, gradients(model, theirs, weights))


def test_a_layer_equals_theirs(model):
    block, layer = ours_of(bert, model, skip=SKIP).blocks[1], model.encoder.layer[1]
    x = torch.randn(2, 7, 12, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    ours, theirs = block(x, complete().build(7)), layer(y)
    assert_equal_as_promised(ours, theirs)
    weights = torch.randn_like(theirs)
    (ours * weights).sum().backward()
    (theirs * weights).sum().backward()
    assert_equal_as_promised(x.grad, y.grad)


def test_names_and_tensors_survive_the_round_trip(model):
    config = bert.config_from_hf(model.config)
    state = model.bfloat16().state_dict()
    back = bert.to_hf(bert.from_hf(state, config, skip=SKIP), config)
    assert set(back) == {name for name in state if not name.startswith("pooler.")}
    assert all(torch.equal(x, state[name]) and x.dtype == torch.bfloat16 for name, x in back.items())


def test_a_model_with_a_head_has_a_prefix(model):
    config = bert.config_from_hf(model.config)
    state = {f"bert.{name}": x for name, x in model.state_dict().items()} | {"cls.bias": torch.zeros(30)}
    ours = bert.from_hf(state, config, prefix="bert.", skip=("cls.*", "bert.pooler.*"))
    assert set(bert.to_hf(ours, config, prefix="bert.")) == {n for n in state if "pooler" not in n and "cls" not in n}


def test_our_network_becomes_their_model(model):
    torch.manual_seed(1)
    config = bert.config_from_hf(model.config)
    network = shaken(Network(config))
    missing, unknown = model.load_state_dict(bert.to_hf(network.state_dict(), config), strict=False)
    assert (missing, unknown) == (["pooler.dense.weight", "pooler.dense.bias"], [])
    tokens = torch.randint(1, 30, (2, 9))
    assert_equal_as_promised(network(network.graphs([9]), tokens), model(tokens).last_hidden_state)


def test_the_pooler_is_left_out_only_on_request(model):
    config = bert.config_from_hf(model.config)
    with pytest.raises(ValueError, match=r"unknown pooler.dense.bias, pooler.dense.weight. prefix= says .* skip= "):
        bert.from_hf(model.state_dict(), config)


def test_every_setting_finds_its_place():
    config = bert.config_from_hf({**SETTINGS, "layer_norm_eps": 1e-6, "hidden_dropout_prob": 0.1})
    assert config.inputs["nodes"].tokens == 30
    assert config.inputs["nodes"].kinds == 3
    assert config.inputs["nodes"].norm.options == {"eps": 1e-6} == config.blocks[0].norm.options
    assert config.blocks[0].hears[0].num_heads == 3
    assert bert.config_from_hf(BertConfig(**SETTINGS)) == bert.config_from_hf(SETTINGS)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("hidden_act", "relu", "hidden_act must be 'gelu', got 'relu'; this model's page has no other"),
        ("position_embedding_type", "relative_key", "position_embedding_type must be 'absolute'"),
        ("is_decoder", True, "is_decoder must be False, got True"),
        ("add_cross_attention", True, "add_cross_attention must be False"),
        ("hidden_dropout_prob", 0.2, "are one number here, so they must be equal, got hidden_dropout_prob 0.2, att"),
        ("quantization", "4 bits", "bert: nothing here knows what these settings mean: quantization='4 bits'"),
        ("model_type", "roberta", "model_type must be 'bert', got 'roberta'"),
    ],
)
def test_a_setting_without_a_word_of_ours_is_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        bert.config_from_hf({**SETTINGS, name: value})
