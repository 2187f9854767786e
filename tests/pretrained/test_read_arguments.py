"""An argument that a rewired model would swallow is an error; one that it reads does what it says."""

import pytest
import torch
import transformers as hf
from tests.equal import assert_equal_as_promised
from tests.pretrained.eager_along import IDS
from tests.pretrained.test_rewire import BART, MADE, made

from edgewise import restore, rewire
from edgewise.pretrained.read_arguments import read_arguments

# What 4.x read and 5.x takes and does nothing with, and slips of the pen.
SWALLOWED = ("head_mask", "cache_position", "encoder_head_mask", "cross_attn_head_mask", "attention_maks", "lables")


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("argument", SWALLOWED)
def test_what_a_model_swallows_is_refused(name, argument):
    model = rewire(made(name), "complete")
    with pytest.raises(TypeError, match=f"takes {argument}= and does nothing with it; leave it out"):
        model(IDS, **{argument: torch.ones(2, 9)})


def test_what_one_class_reads_another_swallows():
    bert, head = made("bert"), hf.BertForSequenceClassification(made("bert").config)
    assert "labels" in read_arguments(head) and "labels" not in read_arguments(bert)
    with pytest.raises(TypeError, match="BertModel takes labels= and does nothing with it"):
        rewire(bert, "complete")(IDS, labels=torch.tensor([0, 1]))
    assert rewire(head, "complete")(IDS, labels=torch.tensor([0, 1]), num_items_in_batch=2).loss > 0
    with pytest.raises(TypeError, match="T5EncoderModel takes position_ids= and does nothing with it"):
        rewire(made("t5"), "complete")(IDS, position_ids=torch.arange(9)[None])
    with pytest.raises(TypeError, match="LlamaForCausalLM takes output_router_logits= and does nothing with it"):
        rewire(made("llama"), "complete")(IDS, output_router_logits=True)


@pytest.mark.parametrize("name", MADE)
def test_what_is_asked_to_be_returned_is_returned(name):
    out = rewire(made(name), "complete")(IDS, output_attentions=True, output_hidden_states=True)
    assert len(out.attentions) == 2 and len(out.hidden_states) >= 2


@pytest.mark.parametrize("family", ["bart", "llama"])
def test_generate_refuses_it_too(family):
    model = hf.BartForConditionalGeneration(hf.BartConfig(**BART)) if family == "bart" else made("llama")
    rewire(model, "complete")
    with pytest.raises(ValueError, match="model_kwargs.*head_mask"):
        model.generate(IDS, head_mask=torch.ones(2, 4), max_new_tokens=2)


@pytest.mark.parametrize("name", ["llama", "gpt2", "mistral"])
def test_a_decoder_made_to_hear_both_ways_does(name):
    model = made(name)
    model.set_attn_implementation("eager")
    eager, before = model(IDS, is_causal=False)[0], model(IDS)[0]
    model.set_attn_implementation("sdpa")
    assert_equal_as_promised(rewire(model, "complete")(IDS, is_causal=False)[0], eager)
    assert (eager - before).abs().max() > 1e-3
    assert_equal_as_promised(model(IDS, is_causal=True)[0], before)


def test_is_causal_where_the_mask_is_made_without_it_is_refused():
    with pytest.raises(ValueError, match="is_causal=True was asked for, and encoder.layer.0.attention.self makes its"):
        rewire(made("bert"), "complete")(IDS, is_causal=True)
    with pytest.raises(ValueError, match="is_causal=False was asked for, .* leave it out: the mask stays as it is"):
        rewire(made("llama4"), "complete")(IDS, is_causal=False)


PACKED = {"cu_seq_lens_q": torch.tensor([0, 4, 6, 9]), "cu_seq_lens_k": torch.tensor([0, 4, 6, 9])}
PACKED |= {"max_length_q": 4, "max_length_k": 4}
POSITIONS = torch.tensor([[0, 1, 2, 3, 0, 1, 0, 1, 2]])


@pytest.mark.parametrize("told", [PACKED, {"seq_idx": torch.tensor([[0, 0, 0, 0, 1, 1, 2, 2, 2]])}])
def test_packed_sequences_never_hear_each_other(told):
    """transformers hands these to flash attention, whose words they are; eager attention and SDPA forget them."""
    model = made("llama")
    assert torch.equal(model(IDS[:1], **told).logits, model(IDS[:1]).logits)
    rewire(model, "complete")
    with pytest.raises(
        ValueError, match=f"{next(iter(told))}= says where packed sequences begin, .* Give position_ids="
    ):
        model(IDS[:1], **told)
    packed = model(IDS[:1], position_ids=POSITIONS, use_cache=False, **told).logits
    for start, stop in ((0, 4), (4, 6), (6, 9)):
        assert_equal_as_promised(packed[:, start:stop], model(IDS[:1, start:stop]).logits)
    with pytest.raises(ValueError, match="so that they would hear each other"):
        model(IDS[:1], position_ids=torch.tensor([[0, 1, 2, 0, 1, 2, 0, 1, 2]]), use_cache=False, **told)
    assert model(IDS[:1], cu_seq_lens_q=torch.tensor([0, 9])).logits.shape[1] == 9
    restore(model)
