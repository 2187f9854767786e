"""Bad input to rewire is one clear error: where, what was expected, what came, how to mend it."""

import pytest
import torch
import transformers as hf
from tests.pretrained.eager_along import IDS, RIGHT, SHAPE
from tests.pretrained.test_rewire import BART, answer, made
from torch import nn

from edgewise import Graph, parse, restore, rewire


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_name_is_no_model():
    with pytest.raises(TypeError, match="expected a transformers model, got str; load it first, as AutoModel"):
        rewire("bert-base-uncased", "causal")


@pytest.mark.parametrize(
    ("family", "config"),
    [
        (hf.BigBirdModel, hf.BigBirdConfig(vocab_size=40, hidden_size=16, num_attention_heads=4, num_hidden_layers=1)),
        (hf.FNetModel, hf.FNetConfig(vocab_size=40, hidden_size=16, num_hidden_layers=1, intermediate_size=16)),
        (hf.MambaModel, hf.MambaConfig(vocab_size=40, hidden_size=16, num_hidden_layers=1)),
    ],
)
def test_a_model_without_the_interface_keeps_its_own_way(family, config):
    model = family(config)
    with pytest.raises(
        ValueError, match=f"rewire: {family.__name__} computes attention by its own code and not through"
    ):
        rewire(model, "causal")
    assert not hasattr(model, "_edgewise_rewiring") and model.config._attn_implementation != "edgewise"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("wndow(1, 0)", "unknown name 'wndow'. Known: .*Did you mean 'window'"),
        ("window(1)", "window"),
        ("window(-1, 0)", "window: before must be at least 0, got -1"),
        ("window(1, 0) |", "expected a pattern's name, ~ or .*, got the end"),
        ("", "expected a pattern's name, ~ or .*, got the end"),
    ],
)
def test_text_that_is_no_pattern_says_where(pattern, message):
    model = made("bert")
    with pytest.raises((ValueError, TypeError), match=message):
        rewire(model, pattern)
    with pytest.raises((ValueError, TypeError), match=message):
        rewire(model, "complete")(IDS, graph=pattern)


def test_a_graph_of_the_wrong_size_names_the_example_and_both_sizes():
    model = rewire(made("bert"), "complete")
    sizes = [parse("window(1, 1)").build(9), parse("window(1, 1)").build(8)]
    expected = (
        "graph of example 1 has 8 receivers and 8 senders, but the example has 6 tokens .9 positions with padding"
    )
    with pytest.raises(ValueError, match=expected):
        model(IDS, attention_mask=RIGHT, graph=sizes)
    with pytest.raises(ValueError, match="graph of example 0 has 9 receivers and 7 senders"):
        model(IDS[:1], graph=Graph.from_mask(torch.ones(9, 7, dtype=torch.bool)))
    with pytest.raises(ValueError, match="expected a graph for each of the 2 examples of the batch, got 3"):
        rewire(restore(model), sizes[:1] * 3)(IDS)


@pytest.mark.parametrize("name", ["bert", "llama"])
def test_a_graph_that_isolates_everyone_is_refused_and_one_that_isolates_some_is_not(name):
    model = rewire(made(name), "complete")
    nobody = Graph.from_mask(torch.zeros(9, 9, dtype=torch.bool))
    with pytest.raises(ValueError, match="nobody of example 0 hears anybody.* share none of its 9 x 9 pairs"):
        model(IDS[:1], graph=nobody)
    with pytest.raises(ValueError, match="nobody of example 0 hears anybody"):
        rewire(restore(model), [([0], nobody)])(IDS[:1])
    one = Graph.from_mask(torch.eye(9, dtype=torch.bool) & (torch.arange(9) == 3))
    out = rewire(restore(model), one)(IDS[:1], output_attentions=True)
    assert all(int((weights > 0).sum()) == 4 for weights in out.attentions)  # one pair in each of four heads


def test_a_source_that_nobody_hears_is_refused():
    nobody = Graph.from_mask(torch.zeros(4, 9, dtype=torch.bool))
    model = rewire(hf.BartModel(hf.BartConfig(**BART)), "complete", cross=nobody)
    with pytest.raises(ValueError, match="nobody of example 0 hears anybody.* 4 x 9 pairs"):
        model(IDS, decoder_input_ids=IDS[:, :4])


DENSE = torch.ones(2, 1, 9, 9, dtype=torch.bool).tril()


@pytest.mark.parametrize(
    ("name", "given", "where"),
    [
        ("llama", {"attention_mask": DENSE}, r"attention_mask is a 4-D mask, \[2, 1, 9, 9\]"),
        ("bert", {"attention_mask": DENSE}, "attention_mask is a 4-D mask"),
        (
            "gemma2",
            {"attention_mask": {"full_attention": DENSE, "sliding_attention": DENSE}},
            r"mask\['full_attention'\]",
        ),
    ],
)
def test_a_dense_mask_and_a_graph_both_say_who_hears_whom(name, given, where):
    model = rewire(made(name), "complete")
    with pytest.raises(ValueError, match=where + ".* both say who hears whom. Give a 2-D mask of padding, or restore"):
        model(IDS, **given)
    assert restore(model)(IDS, **given)[0].shape[:2] == (2, 9)


def test_a_dense_mask_of_the_target_or_in_generate_is_refused_too():
    model = rewire(hf.BartModel(hf.BartConfig(**BART)), "complete")
    with pytest.raises(ValueError, match="decoder_attention_mask is a 4-D mask"):
        model(IDS, decoder_input_ids=IDS[:, :4], decoder_attention_mask=DENSE[..., :4, :4])
    with pytest.raises(ValueError, match="`attention_mask` passed to `generate` must be 2D"):
        rewire(made("llama"), "complete").generate(IDS, attention_mask=DENSE, max_new_tokens=2)


def test_keys_whose_positions_nobody_knows_are_refused():
    """Segformer shrinks its keys: nothing says which pixels each of them stands for."""
    config = hf.SegformerConfig(num_encoder_blocks=1, depths=[1], sr_ratios=[2], hidden_sizes=[8], strides=[4])
    config.num_attention_heads, config.patch_sizes, config.mlp_ratios = [1], [7], [1]
    model = rewire(hf.SegformerModel(config), "complete")
    with pytest.raises(
        ValueError, match="from 64 queries to 16 keys; which position each key stands for is the model's"
    ):
        model(torch.randn(1, 3, 32, 32))


def test_a_network_of_ours_is_refused():
    with pytest.raises(TypeError, match="rewire: expected a transformers model, got Linear"):
        rewire(nn.Linear(2, 2), "causal")


def test_attention_beside_the_interface_is_refused():
    model = made("bert")
    model.encoder.layer[0].MoreAttention = type("MoreAttention", (nn.Linear,), {})(2, 2)
    with pytest.raises(ValueError, match=r"encoder.layer.0.MoreAttention .* does not go through the attention"):
        rewire(model, "causal")
    rewire(model, "causal", layers=1)


@pytest.mark.parametrize(
    ("pattern", "options", "message"),
    [
        ("wndow(1, 0)", {}, "unknown name 'wndow'. Known: .* Did you mean 'window'"),
        (3, {}, "pattern must be a pattern's text, a Pattern, a Graph, a list of these"),
        (type(parse("causal")), {}, "causal is a family of patterns and not one itself"),
        ([], {}, "expected a pattern for each example, got an empty list"),
        ([([0], "causal"), ([0, 1], "causal")], {}, "head 0 stands in two of the"),
        ([([0], "causal")], {"heads": [0]}, "both say which heads; leave heads= out"),
        ("causal", {"heads": [0, 0]}, "heads must be distinct"),
        ("causal", {"heads": [-1]}, "heads must be numbers from 0 on"),
        ("causal", {"heads": [4]}, "head 4 does not exist in .*, which has 4 heads"),
        ("causal", {"layers": 2}, r"no attention of BertModel is in layer 2. Known: 0, 1; paths such as"),
        ("causal", {"layers": []}, "layers= names no layer; leave it out for all of them"),
        ("causal", {"cross": "causal"}, "cross= was given, and no attention of BertModel hears another sequence"),
        ("blocks()", {}, "needs lengths=, which it is not told; tree, spans, links come with the batch, any graph"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_changes(pattern, options, message):
    model = made("bert")
    with pytest.raises((ValueError, TypeError), match=message):
        rewire(model, pattern, **options)
    assert model.config._attn_implementation == "sdpa" and not hasattr(model, "_edgewise_rewiring")


def test_a_part_of_a_rewired_model_is_refused():
    model = rewire(made("llama"), "causal")
    with pytest.raises(ValueError, match="layers.0.self_attn hears what LlamaForCausalLM was rewired to; rewire or"):
        rewire(model.model, "window(1, 0)")
    restore(model)
    rewire(model.model, "window(1, 0)")
    with pytest.raises(ValueError, match="hears what LlamaModel was rewired to"):
        rewire(model, "window(1, 0)")


def test_text_that_does_not_go_through_the_interface_is_refused():
    vision = {**SHAPE, "image_size": 8, "patch_size": 4}
    vision.pop("vocab_size")
    model = hf.GitModel(hf.GitConfig(**SHAPE, vision_config=vision))
    with pytest.raises(
        ValueError, match="no attention of GitModel that goes through the attention interface is of its"
    ):
        rewire(model, "causal")


def test_a_pattern_that_no_attention_hears_is_refused():
    torch.manual_seed(0)
    model = rewire(hf.BartModel(hf.BartConfig(**BART)), "causal", layers="*encoder_attn")
    with pytest.raises(ValueError, match="none of the attentions named to rewire heard its own sequence; cross="):
        model(IDS, decoder_input_ids=IDS[:, :4])
    rewire(restore(model), "complete", layers="*encoder_attn", cross="complete")
    model(IDS, decoder_input_ids=IDS[:, :4])


def test_two_sequences_in_one_attention_are_refused():
    model = made("bert")
    attention = model.encoder.layer[0].attention.self
    forward = attention.forward
    attention.forward = lambda hidden_states, merged_attention_mask=None, **more: forward(hidden_states, **more)
    with pytest.raises(ValueError, match="hears its own sequence and another in one attention, which no pattern"):
        rewire(model, "causal")


def test_a_second_pattern_for_some_heads_of_a_layer_is_refused():
    model = rewire(made("bert"), "causal")
    with pytest.raises(ValueError, match="all heads of this layer hear one pattern already; restore"):
        rewire(model, "window(1, 1)", heads=[0])
    assert rewire(model, "window(1, 1)") is model


def test_a_graph_of_another_size_is_refused():
    model = rewire(made("bert"), parse("window(1, 1)").build(7))
    with pytest.raises(ValueError, match=r"graph of example 0 has 7 receivers and 7 senders, but the\s+example has 9"):
        answer(model)
    with pytest.raises(ValueError, match="expected a graph for each of the 2 examples of the batch, got 3"):
        answer(rewire(restore(model), "complete"), graph=["causal"] * 3)


def test_a_graph_of_another_source_is_refused():
    torch.manual_seed(0)
    model = rewire(hf.BartModel(hf.BartConfig(**BART)), "complete", cross=parse("complete").build(4, 7))
    with pytest.raises(ValueError, match="has 4 receivers and 7 senders, but its target has 4 positions and"):
        model(IDS, decoder_input_ids=IDS[:, :4])


def test_a_pattern_that_isolates_everyone_is_refused():
    model = rewire(made("llama"), "window(0, 2) - window(0, 0)")
    with pytest.raises(ValueError, match="nobody of example 0 hears anybody: the model's own mask and the pattern"):
        answer(model)
    one = [parse("causal").build(9), parse("window(0, 2) - window(0, 0)").build(6)]
    with pytest.raises(ValueError, match="nobody of example 1 hears anybody"):
        answer(rewire(restore(model), "causal"), graph=one)


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_mask_of_other_shapes_is_refused():
    model = rewire(made("llama"), "causal")
    with pytest.raises(ValueError, match=r"attention_mask must be \[batch, positions\], got shape"):
        model(IDS, attention_mask=torch.ones(2, 9, 9, dtype=torch.bool))


@pytest.mark.parametrize("name", ["llama", "bert", "gpt2"])
def test_arguments_that_transformers_swallows_are_refused(name):
    model = rewire(made(name), "causal")
    with pytest.raises(TypeError, match="takes head_mask= and does nothing with it; leave it out. Heads are rewired"):
        answer(model, head_mask=torch.ones(2, 4))
    with pytest.raises(TypeError, match="takes grph= and does nothing with it.*Did you mean 'graph'"):
        answer(model, grph=[])
    assert answer(restore(model), head_mask=torch.zeros(2, 4)).shape[:2] == (2, 9)
