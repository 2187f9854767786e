"""The backend by itself: what it honours, and what it refuses by name."""

import pytest
import torch
import transformers as hf
from tests.equal import assert_equal_as_promised
from tests.pretrained.eager_along import IDS, RIGHT, SHAPE
from tests.pretrained.peers import shaken
from torch import nn

from edgewise import parse, rewire
from edgewise.pretrained import agreement, register
from edgewise.pretrained.attention_interface import attention, own_mask
from edgewise.pretrained.brought import Brought
from edgewise.pretrained.chosen import chosen_graph
from edgewise.pretrained.rewiring import Rewiring, Told
from edgewise.pretrained.wires import wires


def tensors(batch=2, heads=4, rows=5, columns=5, dim=8, kv_heads=2):
    torch.manual_seed(0)
    made = (torch.randn(batch, h, n, dim) for h, n in ((heads, rows), (kv_heads, columns), (kv_heads, columns)))
    return tuple(x.requires_grad_() for x in made)


def eager(query, key, value, mask, scaling=None, softcap=None, bias=0.0, sinks=None):
    """Softmax attention as anybody would write it down."""
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    logits = query @ key.transpose(2, 3) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    logits = logits if softcap is None else softcap * torch.tanh(logits / softcap)
    logits = (logits + bias).masked_fill(~mask, -torch.inf)
    if sinks is not None:
        sinks = sinks.view(1, -1, 1, 1) if sinks.dim() == 1 else sinks
        logits = torch.cat([logits, sinks.expand(*logits.shape[:3], 1)], dim=-1)
    weights = logits.softmax(-1)[..., : key.shape[2]]
    return (weights @ value).transpose(1, 2), weights


CAUSAL = torch.ones(5, 5).tril().bool()
TERMS = {
    "plain": {},
    "scaling": {"scaling": 0.3},
    "a learned scaling": {"scaling": torch.rand(1, 4, 1, 1)},
    "softcap": {"softcap": 1.5},
    "bias by position": {"bias": torch.randn(1, 4, 5, 5)},
    "bias by example": {"bias": torch.randn(2, 4, 5, 5)},
    "bias for all heads and queries": {"bias": torch.randn(1, 1, 1, 5)},
    "softcap and bias": {"softcap": 1.5, "bias": torch.randn(2, 4, 5, 5)},
    "sinks": {"sinks": torch.randn(4)},
    "sinks by query": {"sinks": torch.randn(2, 4, 5, 1)},
    "sinks and bias": {"sinks": torch.randn(4), "bias": torch.randn(1, 4, 5, 5)},
}


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("name", TERMS)
def test_every_term_equals_eager_forward_and_gradient(name, padded):
    terms = TERMS[name]
    x, y = tensors(), tensors()
    mask = CAUSAL.expand(2, 1, 5, 5).clone()
    padding = None
    if padded:
        padding = torch.tensor([[1] * 5, [1] * 3 + [0] * 2]).bool()
        mask &= padding[:, None, None, :]
    told = {{"bias": "position_bias"}.get(k, k): v for k, v in terms.items()}
    out, weights = attention(nn.Module(), *x, own_mask(2, 5, 5, attention_mask=padding), **told, output_attentions=True)
    theirs, their_weights = eager(*y, mask, **terms)
    assert_equal_as_promised(out, theirs)
    assert_equal_as_promised(weights, their_weights)
    bare, none = attention(nn.Module(), *x, own_mask(2, 5, 5, attention_mask=padding), **told)
    assert_equal_as_promised(bare, theirs)
    assert none is None
    scale = torch.randn_like(out)
    ours = torch.autograd.grad((bare * scale).sum(), x)
    for a, b in zip(ours, torch.autograd.grad((theirs * scale).sum(), y), strict=True):
        assert_equal_as_promised(a, b)


@pytest.mark.parametrize("kind", ["bool", "float", "one for all", "with a bias in it", "one row"])
def test_masks_of_the_models_own_making(kind):
    x = tensors()
    heard = torch.rand(2, 1, 5, 5) > 0.4
    heard[..., 0] = True
    bias = torch.zeros(())
    if kind == "one for all":
        heard = heard[:1]
    if kind == "one row":
        heard = heard[:, :, :1]
    if kind == "with a bias in it":
        bias = torch.randn(2, 1, 5, 5)
    least = torch.finfo(torch.float32).min
    mask = heard if kind == "bool" else (bias + torch.zeros(heard.shape)).masked_fill(~heard, least)
    out, _ = attention(nn.Module(), *x, mask)
    assert_equal_as_promised(out, eager(*x, heard, bias=bias)[0])
    assert_equal_as_promised(attention(nn.Module(), *x, None)[0], eager(*x, torch.ones(5, 5).bool())[0])


def test_a_mask_of_one_row_serves_all():
    x = tensors()
    padding = torch.tensor([[1] * 5, [1] * 3 + [0] * 2]).bool()
    everybody = hf.masking_utils.bidirectional_mask_function
    out, _ = attention(nn.Module(), *x, own_mask(2, 1, 5, mask_function=everybody, attention_mask=padding))
    assert_equal_as_promised(out, eager(*x, padding[:, None, None])[0])
    last, _ = attention(nn.Module(), *x, own_mask(2, 1, 5, q_offset=2))
    assert_equal_as_promised(last, eager(*x, torch.tensor([1, 1, 1, 0, 0]).bool().expand(5, 5))[0])


def test_senders_that_the_model_chooses():
    x = tensors()
    chosen = torch.tensor([[0, 1], [0, 0], [1, 2], [3, 0], [4, 2]]).expand(2, 5, 2)
    out, _ = attention(nn.Module(), *x, own_mask(2, 5, 5), indices=chosen)
    heard = torch.zeros(2, 1, 5, 5).scatter(-1, chosen[:, None], 1.0).bool() & CAUSAL
    assert_equal_as_promised(out, eager(*x, heard)[0])
    assert chosen_graph(chosen, 5).num_edges == 18


def test_by_name_alone_it_is_the_models_own_attention():
    register()
    torch.manual_seed(0)
    config = hf.LlamaConfig(**SHAPE, num_key_value_heads=2)
    model = shaken(hf.LlamaModel._from_config(config, attn_implementation="edgewise"))
    ours = model(IDS, attention_mask=RIGHT)[0]
    model.set_attn_implementation("eager")
    assert_equal_as_promised(ours[RIGHT.bool()], model(IDS, attention_mask=RIGHT)[0][RIGHT.bool()])


def test_what_nobody_would_read_is_refused_by_name():
    with pytest.raises(ValueError, match="Module hands its attention block_indices=, which edgewise does not know and"):
        attention(nn.Module(), *tensors(), None, block_indices=torch.zeros(1))
    attention(nn.Module(), *tensors(), None, block_indices=None, is_causal=True)
    with pytest.raises(ValueError, match="caps its logits and has sinks; edgewise knows each of the two"):
        attention(nn.Module(), *tensors(), None, softcap=2.0, s_aux=torch.zeros(4))


def test_masks_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"a mask that is no \[batch, heads, queries, keys\], \[5, 5\]"):
        attention(nn.Module(), *tensors(), CAUSAL)
    with pytest.raises(ValueError, match="a mask of its own that differs from head to head"):
        attention(nn.Module(), *tensors(), torch.rand(2, 4, 5, 5) > 0.5)
    with pytest.raises(ValueError, match=r"4 heads from 5 to 5 positions .* but its mask is of 2 examples, 5 to 7"):
        attention(nn.Module(), *tensors(), own_mask(2, 5, 7))
    with pytest.raises(ValueError, match="edgewise cannot tell which of them hear each other"):
        attention(nn.Module(), *tensors(), own_mask(3, 5, 5))


def test_graphs_of_the_batch_do_not_reach_layers_computed_again_where_no_mask_travels():
    module = nn.Module()
    module.gradient_checkpointing = True
    rewiring = Rewiring(module, brought=Brought(graph=parse("causal")))
    module._edgewise = Told("layer", rewiring, agrees=True)
    with pytest.raises(ValueError, match="do not reach layers that are computed again in backward"):
        attention(module, *tensors(), None)
    attention(module, *tensors(), own_mask(2, 5, 5))
    attention(module.eval(), *tensors(), None)


def test_a_mask_written_into_is_looked_at_again():
    mask, x = CAUSAL[None, None].clone(), tensors()
    attention(nn.Module(), *x, mask)
    mask.fill_(True)
    assert_equal_as_promised(attention(nn.Module(), *x, mask)[0], attention(nn.Module(), *x, None)[0])


def test_a_source_heard_before_its_own_sequence_has_no_rows():
    module = nn.Module()
    told = Told("layer", Rewiring(module, row_start=None), cross=wires("complete"), crossing=True, agrees=True)
    module._edgewise = told
    with pytest.raises(ValueError, match="layer hears the source before its own sequence, so that nothing tells which"):
        attention(module, *tensors(), None)
    told.cross = ()
    attention(module, *tensors(), None)


# --- an attention whose own eager function is something else


def off(module, query, key, value, attention_mask, scaling=None, dropout=0.0, **_):
    """Sigmoid attention, say."""
    return (query @ key.transpose(2, 3)).sigmoid().matmul(value).transpose(1, 2), None


def test_an_attention_that_is_no_softmax_is_refused(monkeypatch):
    monkeypatch.setattr(hf.models.bert.modeling_bert, "eager_attention_forward", off)
    model = rewire(shaken(hf.BertModel(hf.BertConfig(**SHAPE))), "window(1, 1)")
    for _ in range(2):
        with pytest.raises(ValueError, match="the eager attention of BertSelfAttention is not softmax over the keys"):
            model(IDS)


def test_an_attention_with_nothing_to_compare_is_refused(monkeypatch):
    monkeypatch.setattr(agreement, "eager_of", lambda family: None)
    model = rewire(hf.BertModel(hf.BertConfig(**SHAPE)), "window(1, 1)")
    with pytest.raises(ValueError, match="BertSelfAttention has no eager attention beside the interface"):
        model(IDS)


def test_numbers_that_are_none_are_compared_when_there_are_some():
    model = rewire(shaken(hf.BertModel(hf.BertConfig(**SHAPE))), "window(1, 1)")
    notes = model._edgewise_rewiring.attentions.values()
    model(inputs_embeds=torch.full((1, 3, 16), torch.nan))
    assert not any(note.agrees for note in notes)
    model(IDS)
    assert all(note.agrees for note in notes)
