"""A rewired model equals eager attention with the pattern's dense mask added to its own; restored, it is as it was."""

import copy

import pytest
import torch
import transformers as hf
from tests.equal import assert_equal_as_promised, assert_states_equal_as_promised
from tests.patterns.own import near
from tests.pretrained.eager_along import IDS, LEFT, RIGHT, SHAPE, eager_along, heard_by
from tests.pretrained.peers import gradients, shaken
from torch import nn

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


def test_the_graph_of_a_batch_is_heard_by_rewired_heads_alone():
    model = made("bert")
    wired = rewire(model, "complete", layers=1, heads=[2])
    weights = wired(IDS[:1], graph="window(0, 0)", output_attentions=True).attentions
    heard = torch.stack([w[0] > 0 for w in weights])
    assert torch.equal(heard[1, 2], torch.eye(9).bool())
    heard[1, 2] = True
    assert bool(heard.all())


def test_copies_of_a_prompt_are_no_license_for_other_batches():
    model = rewire(made("llama"), [parse("causal").build(9)])
    model.generate(IDS[:1, :8], num_beams=2, max_new_tokens=1, pad_token_id=0)
    with pytest.raises(ValueError, match="expected a graph for each of the 2 examples of the batch, got 1"):
        answer(model, None)


def test_padding_behind_a_text_counts_on_since_some_models_read_it():
    model = made("bert")
    for pattern in ("complete", "window(4, 0)", "hubs(0)"):
        with eager_along(model, heard_by(parse(pattern))):
            theirs = answer(model)
        assert_equal_as_promised(answer(rewire(model, pattern)), theirs)
        restore(model)


def test_trees_ride_along_with_the_batch():
    trees = [[1, -1, 1, 2, 3, 3, 5, 5, 0], [-1, 0, 0, 1, 1, 4]]
    model = rewire(made("bert"), "tree | window(0, 0)")
    ours = answer(model, tree=trees)
    graphs = [parse("tree | window(0, 0)").build(len(tree), tree=tree) for tree in trees]
    assert_equal_as_promised(ours, answer(rewire(restore(model), "complete"), graph=graphs))


GIVEN = {
    "tree": [[1, -1, 1, 2, 3, 3, 5, 5, 0], [-1, 0, 0, 1, 1, 4]],
    "spans": [[(0, 4), (2, 5), (7, 9)], [(1, 2)]],
    "links": [[0, -1, 3, 0, 0, -1, 3, -1, 0], [-1, 5, -1, -1, 5, 5]],
}


@pytest.mark.parametrize("name", ["bert", "llama"])
@pytest.mark.parametrize(
    "text", ["tree | window(0, 0)", "spans | hubs(0)", "links | window(1, 1)", "tree | spans & links | window(0, 0)"]
)
def test_what_is_known_of_tokens_rides_along_with_the_batch(name, text):
    model, pattern = made(name), parse(text)
    given = {need: GIVEN[need] for need in pattern.needs}
    graphs = [pattern.build(n, **{need: GIVEN[need][k] for need in given}) for k, n in enumerate((9, 6))]
    ours = answer(rewire(model, pattern), **given)
    restore(model)
    for k, graph in enumerate(graphs):
        n = graph.num_senders
        with eager_along(model, lambda r, c, graph=graph: graph.dense()):
            theirs = answer(model, None, IDS[k : k + 1, :n])
        assert_equal_as_promised(ours[k : k + 1, :n], theirs)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_left_padding_does_not_move_what_is_known_of_tokens(name):
    model = rewire(made(name), "tree | spans | links | window(0, 0)")
    alone = answer(model, None, IDS[1:, :6], **{need: GIVEN[need][1:] for need in GIVEN})
    position = (LEFT.cumsum(1) - 1).clamp(min=0)
    ids = torch.cat([IDS[:1], IDS[1:].roll(3, 1)])
    assert_equal_as_promised(answer(model, LEFT, ids, position_ids=position, **GIVEN)[1:, 3:], alone)


def test_the_graph_of_a_batch_may_need_a_tree_as_well():
    model = rewire(made("bert"), "complete")
    ids = IDS[:, :6]
    trees = [[1, -1, 1, 2, 3, 3], [-1, 0, 0, 1, 1, 4]]
    ours = answer(model, None, ids, graph="tree | window(0, 0)", tree=trees)
    graphs = [parse("tree | window(0, 0)").build(6, tree=tree) for tree in trees]
    assert torch.equal(ours, answer(model, None, ids, graph=graphs))
    assert not torch.equal(graphs[0].dense(), graphs[1].dense())


def test_of_packed_sentences_each_has_its_part_of_what_is_known():
    model = rewire(made("llama"), "tree | spans | links | window(0, 0)")
    position = torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3, 4]])
    given = {
        "tree": [1, -1, 1, 7, 5, 7, 5, 0, 7],
        "spans": [(0, 2), (2, 6), (7, 9)],
        "links": [0, 1, 0, -1, 0, 2, 2, -1, 2],
    }
    packed = model(IDS[:1], position_ids=position, use_cache=False, **{n: [own] for n, own in given.items()}).logits
    parts = [
        {"tree": [1, -1, 1, -1], "spans": [(0, 2), (2, 4)], "links": [0, 1, 0, -1]},
        {"tree": [1, 3, 1, -1, 3], "spans": [(0, 2), (3, 5)], "links": [0, 2, 2, -1, 2]},
    ]
    for part, (start, stop) in zip(parts, ((0, 4), (4, 9)), strict=True):
        alone = model(IDS[:1, start:stop], **{name: [own] for name, own in part.items()}).logits
        assert_equal_as_promised(packed[:, start:stop], alone)


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


# --- what is refused


def test_a_network_of_ours_is_refused():
    with pytest.raises(TypeError, match="rewire: expected a transformers model, got Linear"):
        rewire(nn.Linear(2, 2), "causal")


def test_attention_by_its_own_code_is_refused():
    big_bird = hf.BigBirdModel(hf.BigBirdConfig(**SHAPE))
    with pytest.raises(ValueError, match="BigBirdModel computes attention by its own code and not through"):
        rewire(big_bird, "causal")
    assert big_bird.config._attn_implementation != "edgewise"


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


def test_a_new_pattern_is_never_taken_for_an_old_one():
    model = made("bert")
    for before in range(1, 9):
        fresh = answer(rewire(made("bert"), f"window({before}, 0)"))
        assert torch.equal(answer(rewire(model, f"window({before}, 0)")), fresh)


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


def test_a_receiver_that_hears_nobody_gets_zeros():
    model = rewire(made("llama"), "window(3, 0) - window(0, 0)")
    weights = model(IDS, output_attentions=True).attentions[0]
    assert not weights[:, :, 0].any() and torch.allclose(weights[:, :, 1:].sum(-1), torch.ones(2, 4, 8))


def test_a_dense_mask_beside_a_graph_is_refused():
    model = rewire(made("llama"), "causal")
    with pytest.raises(ValueError, match="attention_mask is a 4-D mask, .*Give a 2-D mask of padding, or restore"):
        model(IDS, attention_mask=torch.ones(2, 1, 9, 9, dtype=torch.bool))


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


def test_a_tree_that_does_not_fit_is_refused():
    model = rewire(made("bert"), "tree | window(0, 0)")
    with pytest.raises(
        ValueError, match="needs tree= for each example; give it with the batch: .*each the head of each"
    ):
        answer(model)
    with pytest.raises(
        ValueError, match="tree of example 1, which has 6 tokens without padding: tree: expected a head"
    ):
        answer(model, tree=[[-1] + [0] * 8] * 2)
    with pytest.raises(TypeError, match="tree must be a list with an entry for each example, got int; an entry is the"):
        answer(model, tree=3)
    with pytest.raises(ValueError, match="expected a tree for each of the 2 examples of the batch, got 1"):
        answer(model, tree=[[-1] + [0] * 8])


def test_spans_and_labels_that_do_not_fit_are_refused():
    model = rewire(made("bert"), "spans | links | window(0, 0)")
    labels = [[-1] * 9, [-1] * 6]
    with pytest.raises(
        IndexError, match="spans of example 1, which has 6 tokens without padding: spans: expected 0 <="
    ):
        answer(model, spans=[[(0, 9)], [(3, 7)]], links=labels)
    with pytest.raises(
        ValueError, match="links of example 0, which has 9 tokens without padding: links: expected a lab"
    ):
        answer(model, spans=[[], []], links=labels[::-1])
    with pytest.raises(TypeError, match="links of example 0, which has 9 tokens without padding: build: links must be"):
        answer(model, spans=[[], []], links=[torch.ones(9), labels[1]])


def test_what_no_pattern_needs_is_refused():
    model = rewire(made("llama"), "tree | window(1, 0)")
    trees = [[-1] + [0] * 8, [-1] + [0] * 5]
    with pytest.raises(ValueError, match="links= was given, and no pattern of the model needs it; leave it out"):
        answer(model, tree=trees, links=trees)
    with pytest.raises(ValueError, match="spans= was given, and no pattern of the model needs it"):
        model.generate(IDS[:1], tree=trees[:1], spans=[[]], max_new_tokens=1)
    answer(model, tree=trees, links=[[-1] * 9, [-1] * 6], graph="causal | links")
    with pytest.raises(ValueError, match="the pattern needs features=, which it is not told; tree, spans, links come"):
        answer(model, tree=trees, graph=near())
