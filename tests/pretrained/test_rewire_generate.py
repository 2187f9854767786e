"""Rewired models write what eager attention with the pattern's dense mask writes, a token at a time."""

import pytest
import torch
import transformers as hf
from tests.equal import assert_equal_as_promised
from tests.pretrained.eager_along import IDS, LEFT, eager_along, heard_by
from tests.pretrained.peers import shaken
from tests.pretrained.test_rewire import BART, GPT2, GROUPED, T5

from edgewise import Graph, parse, restore, rewire

PATTERN = parse("window(2, 0) | hubs(0)")
MADE = {
    "llama": lambda: hf.LlamaForCausalLM(hf.LlamaConfig(**GROUPED, eos_token_id=None)),
    "gpt2": lambda: hf.GPT2LMHeadModel(hf.GPT2Config(**{**GPT2, "eos_token_id": None})),
    "mistral": lambda: hf.MistralForCausalLM(hf.MistralConfig(**GROUPED, sliding_window=4, eos_token_id=None)),
    "gpt_oss": lambda: hf.GptOssForCausalLM(
        hf.GptOssConfig(**GROUPED, head_dim=8, num_local_experts=4, sliding_window=4, eos_token_id=None)
    ),
}
WAYS = {
    "greedy": {"do_sample": False},
    "beams": {"num_beams": 3, "do_sample": False},
    "sampling": {"do_sample": True, "num_return_sequences": 2},
    "no cache": {"do_sample": False, "use_cache": False},
}


def made(name):
    torch.manual_seed(0)
    return shaken(MADE[name]())


def written(model, ids, mask, **way):
    torch.manual_seed(1)
    return model.generate(ids, attention_mask=mask, max_new_tokens=7, pad_token_id=0, **way)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MADE)
def test_generate_equals_eager_with_the_dense_mask(name, way):
    model = made(name)
    ids, mask = IDS[:, :6], torch.ones(2, 6).long()
    # A sliding cache forgets the first token, and with it where the peer's dense mask begins.
    pattern = PATTERN if name in ("llama", "gpt2") else parse("window(2, 0)")
    with eager_along(model, heard_by(pattern)):
        theirs = written(model, ids, mask, **WAYS[way])
    ours = written(rewire(model, pattern), ids, mask, **WAYS[way])
    assert torch.equal(ours, theirs)
    assert not torch.equal(written(restore(model), ids, mask, **WAYS[way]), ours)


@pytest.mark.parametrize("name", MADE)
def test_left_padding_changes_no_continuation(name):
    model = rewire(made(name), PATTERN)
    ids = torch.cat([IDS[:1], IDS[1:].roll(3, 1)])
    together = written(model, ids, LEFT, do_sample=False)
    alone = written(model, IDS[1:, :6], None, do_sample=False)
    assert torch.equal(together[1, 3:], alone[0])


def test_a_static_cache_is_read_up_to_what_is_written():
    model = rewire(made("llama"), PATTERN)
    ids = IDS[:, :6]
    plain = written(model, ids, None, do_sample=False)
    assert torch.equal(
        written(model, ids, None, do_sample=False, cache_implementation="static", disable_compile=True), plain
    )


def test_steps_with_a_cache_equal_the_whole():
    for name in MADE:
        model = rewire(made(name), PATTERN)
        cache = hf.DynamicCache(config=model.config)
        whole = model(IDS[:1]).logits
        parts = [model(part, past_key_values=cache).logits for part in IDS[:1].split([4, 1, 3, 1], dim=1)]
        assert_equal_as_promised(torch.cat(parts, dim=1), whole)


@pytest.mark.parametrize("way", ["greedy", "beams"])
def test_each_prompt_may_have_its_own_graph(way):
    model = rewire(made("llama"), "causal")
    ids = IDS[:, :6]
    graphs = [parse("window(2, 0)").build(13), parse("hubs(0) | window(1, 0)").build(13)]
    together = written(model, ids, None, graph=graphs, **WAYS[way])
    for n, pattern in enumerate(("window(2, 0)", "hubs(0) | window(1, 0)")):
        alone = written(rewire(restore(model), pattern), ids[n : n + 1], None, **WAYS[way])
        assert torch.equal(together[n], alone[0])


def test_trees_grow_with_the_text():
    model = rewire(made("llama"), "tree | window(0, 0)")
    heads = [1, -1, 1, 2, 3, 3, 5, 5, 0, 8, 2, 1, 10]
    written(model, IDS[:1, :6], None, tree=[heads], do_sample=False)
    with pytest.raises(ValueError, match="tree of example 0, which has 7 tokens without padding: tree: expected a"):
        written(model, IDS[:1, :6], None, tree=[heads[:6]], do_sample=False)
    with pytest.raises(ValueError, match="the graph of example 0 has 7 receivers"):
        written(model, IDS[:1, :6], None, tree=[heads], graph=parse("causal").build(7), do_sample=False)


@pytest.mark.parametrize("way", ["greedy", "beams"])
def test_spans_and_labels_grow_with_the_text(way):
    model = rewire(made("llama"), "spans | links | window(0, 0)")
    spans, labels = [(0, 4), (3, 9), (8, 13)], [0, 1, 0, -1, 2, 2, 0, 1, -1, 2, 2, 0, 1]
    ours = written(model, IDS[:1, :6], None, spans=[spans], links=[labels], **WAYS[way])
    graph = parse("spans | links | window(0, 0)").build(13, spans=spans, links=labels)
    assert torch.equal(ours, written(rewire(restore(model), graph), IDS[:1, :6], None, **WAYS[way]))


@pytest.mark.parametrize("family", ["bart", "t5"])
@pytest.mark.parametrize("way", ["greedy", "beams"])
def test_translation_equals_eager_with_the_dense_mask(family, way):
    torch.manual_seed(0)
    config = hf.BartConfig(**BART, eos_token_id=None) if family == "bart" else hf.T5Config(**T5, eos_token_id=None)
    model = shaken((hf.BartForConditionalGeneration if family == "bart" else hf.T5ForConditionalGeneration)(config))
    options = {**WAYS[way], "decoder_start_token_id": 1}
    mask = (IDS != 0).long()
    with eager_along(model, heard_by(PATTERN)):
        theirs = written(model, IDS, mask, **options)
    assert torch.equal(written(rewire(model, PATTERN), IDS, mask, **options), theirs)


@pytest.mark.parametrize("family", ["bart", "t5"])
def test_a_graph_from_source_to_target_is_read_row_by_row(family):
    torch.manual_seed(0)
    config = hf.BartConfig(**BART, forced_eos_token_id=None) if family == "bart" else hf.T5Config(**T5)
    config.eos_token_id = None
    model = shaken((hf.BartForConditionalGeneration if family == "bart" else hf.T5ForConditionalGeneration)(config))
    heard = torch.rand(8, 9) > 0.5
    heard[:, 0] = True
    rewire(model, "causal", cross=Graph.from_mask(heard), layers="decoder" if family == "t5" else "model.decoder")
    out = written(model, IDS[:1], None, do_sample=False, decoder_start_token_id=1, forced_eos_token_id=None)
    assert out.shape == (1, 8)
    whole = model(IDS[:1], decoder_input_ids=out, use_cache=False).logits
    assert torch.equal(whole[0, :-1].argmax(-1), out[0, 1:])
