"""A rewired model equals eager attention with the pattern's dense mask added to its own; restored, it is as it was."""

import copy

import pytest
import torch
import transformers as hf
from tests.equal import assert_equal_as_promised, assert_states_equal_as_promised
from tests.pretrained.eager_along import IDS, LEFT, RIGHT, SHAPE, eager_along, heard_by
from tests.pretrained.peers import gradients, shaken

import edgewise
from edgewise import Graph, parse, restore, rewire

GPT2 = {"n_embd": 16, "n_head": 4, "n_layer": 2, "vocab_size": 40, "bos_token_id": 1, "eos_token_id": 2}
BART = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 2, "encoder_attention_heads": 4, "vocab_size": 40}
BART |= {"decoder_attention_heads": 4, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24}
T5 = {"d_model": 16, "d_kv": 4, "num_heads": 4, "num_layers": 2, "d_ff": 24, "vocab_size": 40}
GROUPED = {**SHAPE, "num_key_value_heads": 2}
MADE = {
    "llama": lambda: hf.LlamaForCausalLM(hf.LlamaConfig(**GROUPED)),
    "gpt2": lambda: hf.GPT2LMHeadModel(hf.GPT2Config(**GPT2)),
    "bert": lambda: hf.BertModel(hf.BertConfig(**SHAPE)),
    "mistral": lambda: hf.MistralModel(hf.MistralConfig(**GROUPED, sliding_window=4)),
    "gemma2": lambda: hf.Gemma2Model(hf.Gemma2Config(**GROUPED, head_dim=8, sliding_window=4)),  # soft-capping
    "gpt_oss": lambda: hf.GptOssModel(
        hf.GptOssConfig(**GROUPED, head_dim=8, num_local_experts=4, sliding_window=4)
    ),  # sinks
    "modernbert": lambda: hf.ModernBertModel(hf.ModernBertConfig(**SHAPE, local_attention=4, pad_token_id=0)),
    "llama4": lambda: hf.Llama4ForCausalLM(
        hf.Llama4TextConfig(
            **GROUPED, head_dim=8, num_local_experts=2, attention_chunk_size=4, intermediate_size_mlp=16, pad_token_id=0
        )
    ),  # chunks
    "t5": lambda: hf.T5EncoderModel(hf.T5Config(**T5)),  # biases by position
}
CAUSAL = ("llama", "gpt2", "mistral", "gemma2", "gpt_oss", "llama4")
PATTERN = parse("window(2, 1) | hubs(0)")


def made(name):
    torch.manual_seed(0)
    return shaken(MADE[name]())


def answer(model, mask=RIGHT, ids=IDS, **more):
    return model(ids, attention_mask=mask, **more)[0]


def test_import_edgewise_leaves_transformers_alone():
    assert edgewise.rewire is rewire and "rewire" in dir(edgewise)


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("mask", [None, RIGHT], ids=["whole", "padded"])
def test_complete_equals_eager(name, mask):
    model = made(name)
    real = torch.ones_like(RIGHT).bool() if mask is None else RIGHT.bool()
    with eager_along(model, heard_by(parse("complete"))):
        theirs = answer(model, mask)[real]
    assert_equal_as_promised(answer(rewire(model, "complete"), mask)[real], theirs)


@pytest.mark.parametrize("name", MADE)
def test_a_pattern_equals_eager_with_its_dense_mask_forward_and_gradient(name):
    model = made(name)
    real = RIGHT.bool()
    before = answer(model)[real]
    weights = torch.randn(before.shape)
    with eager_along(model, heard_by(PATTERN)):
        theirs = answer(model)[real]
        wanted = gradients(model, theirs, weights)
    ours = answer(rewire(model, PATTERN))[real]
    assert_equal_as_promised(ours, theirs)
    assert_states_equal_as_promised(gradients(model, ours, weights), wanted)
    assert (ours - before).abs().max() > 1e-3


@pytest.mark.parametrize("name", [name for name in MADE if name not in ("bert", "modernbert", "t5")])
def test_left_padding_does_not_move_a_pattern(name):
    model = rewire(made(name), "window(3, 0) | hubs(0) | blocks(3)")
    model.eval()
    alone = answer(model, None, IDS[1:, :6])
    position = (LEFT.cumsum(1) - 1).clamp(min=0)
    padded = answer(model, LEFT, torch.cat([IDS[:1], IDS[1:].roll(3, 1)]), position_ids=position)
    assert_equal_as_promised(padded[1:, 3:], alone)


@pytest.mark.parametrize("pattern", ["complete", "window(2, 0)", "hubs(0) | window(1, 0)"])
def test_packed_sentences_equal_those_alone(pattern):
    model = rewire(made("llama"), pattern)
    position = torch.tensor([[0, 1, 2, 3, 0, 1, 0, 1, 2]])
    packed = model(IDS[:1], position_ids=position, use_cache=False).logits
    for start, stop in ((0, 4), (4, 6), (6, 9)):
        assert_equal_as_promised(packed[:, start:stop], model(IDS[:1, start:stop]).logits)


@pytest.mark.parametrize("name", ["llama", "bert", "gpt_oss", "gemma2", "t5"])
def test_heads_hear_their_own_patterns_and_the_others_the_models_mask(name):
    model = made(name)
    masks = [parse("window(1, 0)"), parse("window(2, 1)"), parse("complete"), parse("window(2, 1)")]
    with eager_along(model, lambda r, c: torch.stack([mask.build(r, c).dense() for mask in masks])):
        theirs = answer(model)[RIGHT.bool()]
    rewire(model, [([0], "window(1, 0)"), ([3, 1], "window(2, 1)")])
    assert_equal_as_promised(answer(model)[RIGHT.bool()], theirs)
    restore(model)
    rewire(rewire(model, "window(2, 1)", heads=[1, 3]), "window(1, 0)", heads=[0])
    assert_equal_as_promised(answer(model)[RIGHT.bool()], theirs)


@pytest.mark.parametrize("layers", [1, [1], "layers.1", "*layers.1*"])
def test_layers_are_named_by_number_or_path(layers):
    model = made("mistral")
    with eager_along(model, heard_by(PATTERN), paths=["layers.1."]):
        theirs = answer(model)[RIGHT.bool()]
    assert_equal_as_promised(answer(rewire(model, PATTERN, layers=layers))[RIGHT.bool()], theirs)


def test_each_layer_may_hear_its_own():
    model = made("bert")
    with eager_along(model, heard_by(parse("window(1, 1)")), paths=["layer.0."]):
        first = model.encoder.layer[0](torch.ones(1, 4, 16))[0]
    rewire(rewire(model, "window(1, 1)", layers=0), "hubs(0)", layers=1)
    paths = model._edgewise_rewiring.attentions
    assert [str(paths[path].wires[0].heard) for path in sorted(paths)] == ["window(1, 1)", "hubs(0)"]
    assert first.shape == (1, 4, 16) or first.shape == (4, 16)


@pytest.mark.parametrize("name", ["bert", "llama"])
def test_each_example_may_hear_its_own_graph(name):
    model = rewire(made(name), "complete")
    graphs = [parse("window(1, 1)").build(9), parse("window(3, 0)").build(6)]
    ours = answer(model, graph=graphs)
    for n, (graph, count) in enumerate(zip(graphs, (9, 6), strict=True)):
        with eager_along(made(name), lambda r, c, graph=graph: graph.dense()) as peer:
            theirs = answer(peer, None, IDS[n : n + 1, :count])
        assert_equal_as_promised(ours[n : n + 1, :count], theirs)
    fixed = rewire(restore(model), graphs)
    assert torch.equal(answer(fixed), ours)


def test_padding_behind_a_text_counts_on_since_some_models_read_it():
    model = made("bert")
    for pattern in ("complete", "window(4, 0)", "hubs(0)"):
        with eager_along(model, heard_by(parse(pattern))):
            theirs = answer(model)
        assert_equal_as_promised(answer(rewire(model, pattern)), theirs)
        restore(model)


def test_a_graph_may_count_padding_as_well():
    model = rewire(made("bert"), "complete")
    whole, real = parse("window(1, 1)").build(9), parse("window(1, 1)").build(6)
    assert torch.equal(
        answer(model, graph=[whole, whole])[RIGHT.bool()], answer(model, graph=[whole, real])[RIGHT.bool()]
    )


def test_decoders_hear_the_source_as_before_unless_told():
    torch.manual_seed(0)
    model = shaken(hf.BartModel(hf.BartConfig(**BART)))
    target = IDS[:, :4]
    with eager_along(model, heard_by(PATTERN)):
        theirs = model(IDS, attention_mask=RIGHT, decoder_input_ids=target)[0]
    rewire(model, PATTERN)
    assert_equal_as_promised(model(IDS, attention_mask=RIGHT, decoder_input_ids=target)[0], theirs)


@pytest.mark.parametrize("family", ["bart", "t5"])
def test_a_graph_from_source_to_target(family):
    torch.manual_seed(0)
    model = hf.BartModel(hf.BartConfig(**BART)) if family == "bart" else hf.T5Model(hf.T5Config(**T5))
    shaken(model)
    heard = torch.eye(9, dtype=torch.bool)[:4] | torch.eye(9, dtype=torch.bool)[1:5]
    rewire(model, "complete", cross=Graph.from_mask(heard))
    out = model(IDS[:1], decoder_input_ids=IDS[:1, :4], output_attentions=True)
    assert all(torch.equal(weights[0, 0] > 0, heard) for weights in out.cross_attentions)
    assert all(bool((weights > 0).all()) for weights in out.encoder_attentions)


@pytest.mark.parametrize("name", ["llama", "bert", "gpt_oss", "gemma2", "t5"])
@pytest.mark.parametrize("batch", [1, 2])
def test_output_attentions_are_those_of_eager(name, batch):
    model = made(name)
    ids, mask = IDS[:batch], RIGHT[:batch]
    with eager_along(model, heard_by(PATTERN)):
        theirs = model(ids, attention_mask=mask, output_attentions=True).attentions
    ours = rewire(model, PATTERN)(ids, attention_mask=mask, output_attentions=True).attentions
    assert len(ours) == len(theirs) == 2
    real = mask.bool()
    for a, b in zip(ours, theirs, strict=True):
        assert_equal_as_promised(a.transpose(1, 2)[real], b.transpose(1, 2)[real])


def test_dropout_falls_on_edges_and_rests_in_evaluation():
    model = hf.GPT2Model(hf.GPT2Config(**GPT2, attn_pdrop=0.5, resid_pdrop=0.0, embd_pdrop=0.0)).train()
    rewire(model, "window(4, 0)")
    torch.manual_seed(0)
    one, two = answer(model), answer(model)
    torch.manual_seed(0)
    assert torch.equal(answer(model), one) and not torch.equal(one, two)
    model.eval()
    assert torch.equal(answer(model), answer(model))


@pytest.mark.parametrize("reentrant", [False, True])
def test_gradient_checkpointing_changes_no_gradient(reentrant):
    found = []
    for checkpointing in (False, True):
        model = rewire(made("llama"), "window(2, 0)").train()
        if checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": reentrant})
            model.enable_input_require_grads()
        out = answer(model, graph=[parse("hubs(0) | window(1, 0)").build(9), parse("window(2, 0)").build(6)])
        found.append(gradients(model, out, torch.ones_like(out)))
        answer(model, None)
    assert_states_equal_as_promised(found[1], found[0])


def test_restore_gives_the_first_model_back():
    model = made("mistral")
    hooks = [len(m._forward_pre_hooks) for m in model.modules()]
    before, state = answer(model), copy.deepcopy(model.state_dict())
    restore(rewire(rewire(model, "window(1, 0)", layers=0), "causal", layers=1, heads=[2]))
    assert torch.equal(answer(model), before)
    assert all(torch.equal(state[name], x) for name, x in model.state_dict().items())
    assert [len(m._forward_pre_hooks) for m in model.modules()] == hooks
    assert model.config._attn_implementation == "sdpa" and "generate" not in vars(model)
    assert not any("_edgewise" in vars(m) for m in model.modules())


def test_a_copy_is_rewired_and_restored_on_its_own():
    model = rewire(made("llama"), "window(1, 0)")
    other = copy.deepcopy(model)
    wired = answer(model)
    assert torch.equal(answer(other), wired)
    restore(other)
    assert other.config._attn_implementation == "sdpa" and not torch.equal(answer(other), wired)
    assert torch.equal(answer(model), wired)


def test_the_graph_of_a_shape_is_made_once():
    model = rewire(made("llama"), "window(1, 0)")
    answer(model)
    kept = list(model._edgewise_rewiring.kept.values())
    answer(model)
    assert len(kept) == 1 and next(iter(model._edgewise_rewiring.kept.values()))[0] is kept[0][0]


def test_half_precision_is_as_near_to_the_truth_as_eager():
    model = made("llama")
    with eager_along(copy.deepcopy(model).double(), heard_by(PATTERN)) as peer:
        truth = answer(peer)[RIGHT.bool()]
    model = model.bfloat16()
    with eager_along(model, heard_by(PATTERN)):
        theirs = answer(model)[RIGHT.bool()]
    ours = answer(rewire(model, PATTERN))[RIGHT.bool()]
    assert (ours.double() - truth).abs().mean() <= 2 * (theirs.double() - truth).abs().mean()


def test_pictures_are_rewired_too_and_hear_the_graph_of_the_batch():
    torch.manual_seed(0)
    shape = {**SHAPE, "image_size": 8, "patch_size": 4}
    shape.pop("vocab_size")
    model = shaken(hf.ViTModel(hf.ViTConfig(**shape)))
    pixels = torch.randn(2, 3, 8, 8)
    with eager_along(model, heard_by(parse("window(1, 1)"))):
        theirs = model(pixels)[0]
    rewire(model, "window(1, 1)")
    assert_equal_as_promised(model(pixels)[0], theirs)
    assert_equal_as_promised(rewire(model, "complete")(pixels, graph=["window(1, 1)"] * 2)[0], theirs)


def test_a_new_pattern_is_never_taken_for_an_old_one():
    model = made("bert")
    for before in range(1, 9):
        fresh = answer(rewire(made("bert"), f"window({before}, 0)"))
        assert torch.equal(answer(rewire(model, f"window({before}, 0)")), fresh)


def test_a_receiver_that_hears_nobody_gets_zeros():
    model = rewire(made("llama"), "window(3, 0) - window(0, 0)")
    weights = model(IDS, output_attentions=True).attentions[0]
    assert not weights[:, :, 0].any() and torch.allclose(weights[:, :, 1:].sum(-1), torch.ones(2, 4, 8))
