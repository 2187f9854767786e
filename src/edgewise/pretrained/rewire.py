"""rewire: a model of Hugging Face's along your graph, in place; restore: as it was."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from torch import nn

from edgewise.extras import require
from edgewise.pretrained.attention_interface import register
from edgewise.pretrained.attentions import Layers, chosen_attentions
from edgewise.pretrained.brought import check_needs
from edgewise.pretrained.kept import calls
from edgewise.pretrained.rewiring import BACKEND, Rewiring, Told, may_cross
from edgewise.pretrained.wires import Wire, replaced, wires

Model = TypeVar("Model", bound=nn.Module)

TAKEN_OVER = ("generate", "save_pretrained")
"""Methods of a model that a rewired one has of ours."""


def rewire(
    model: Model,
    pattern: Any = None,
    *,
    layers: Layers = None,
    heads: Iterable[int] | None = None,
    cross: Any = None,
) -> Model:
    """A model of Hugging Face's attends along your graph: who is heard is what its own mask AND the pattern let.

        out_i = Σ_j softmax_j(s_ij) v_j   over the j -> i   with   mask(i, j)  and  j -> i in pattern

    The weights stay as they are, and so does everything but who hears whom: grouped heads, caches, `generate`, biases
    by position, soft-capping, sinks, dropout, gradients. A receiver that hears nobody gets zeros. Patterns count from
    the first token of each example, or of each packed sequence, whatever the padding. Rewire again for other layers or
    heads; `restore(model)` takes it all back.

    Args:
        model: any transformers model whose attentions go through its attention interface; changed in place.
        pattern: a pattern's text, a Pattern or a Graph; a list of these, one for each example of the batch; or a list
            of `(heads, pattern)`, other heads keeping the model's own mask. None: what the config of the model keeps,
            which `model.save_pretrained` wrote while the model was rewired.
        layers: numbers of layers, or paths of modules ("encoder", "*.layers.0.*"); None for all that read text.
        heads: the heads that hear the pattern; None for all.
        cross: the same as `pattern` for attentions that hear another sequence, source -> target. These keep the model's
            own mask unless it is given.

    With each batch may come `model(..., graph=...)`, a pattern or graph for all or one for each example, which cuts
    down what rewired heads hear among themselves; and what patterns need to know, one for each example, of its tokens
    without padding: `tree=[heads, ...]`, `spans=[pairs, ...]`, `links=[labels, ...]`. `generate` takes them too. And
    `lengths=[[5, 3], ...]` says how long the sequences are that are packed into each example: rewired heads hear none
    but their own.

    Returns:
        The model itself.

    Raises:
        ValueError, TypeError: an attention that does not go through the interface, a pattern or graph that does not
            fit; and, when it runs, any argument or mask that could not be honoured. Nothing is left out in silence.

    >>> import torch
    >>> from transformers import BertConfig, BertModel
    >>> shape = {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 8}
    >>> model = rewire(BertModel(BertConfig(vocab_size=9, **shape)).eval(), "window(1, 1) | hubs(0)")
    >>> model(torch.tensor([[1, 2, 3, 4]]), output_attentions=True).attentions[0][0, 0, 1] > 0
    tensor([ True,  True,  True, False])
    >>> model.config._attn_implementation, restore(model).config._attn_implementation
    ('edgewise', 'sdpa')

    The attention interface: https://huggingface.co/docs/transformers/attention_interface
    """
    transformers = require("transformers", extra="text")
    if not isinstance(model, transformers.PreTrainedModel):
        raise TypeError(
            f"rewire: expected a transformers model, got {type(model).__name__}; "
            + (
                "load it first, as AutoModel.from_pretrained does"
                if isinstance(model, str)
                else "networks of edgewise are given their graphs with each call"
            )
        )
    if pattern is None:
        return _as_kept(model, layers, heads, cross)
    told = wires(pattern, heads)
    crossing = None if cross is None else wires(cross)
    for wire in (*told, *(crossing or ())):
        check_needs(wire.heard)
    chosen = chosen_attentions(model, layers)
    if crossing is not None and not any(map(may_cross, chosen.values())):
        raise ValueError(f"rewire: cross= was given, and no attention of {type(model).__name__} hears another sequence")
    rewiring: Rewiring = getattr(model, "_edgewise_rewiring", None) or Rewiring(model)
    _check_one(model, rewiring)
    found = {path: _joined(rewiring.attentions.get(path), told) for path in chosen}
    _check_heads(model, chosen, [*told, *(crossing or ())])
    register()
    for path, module in chosen.items():
        note = rewiring.attentions.get(path)
        if note is None:
            note = rewiring.attentions[path] = Told(path, rewiring)
            rewiring.handles.append(module.register_forward_pre_hook(note.notice, with_kwargs=True))
            module.__dict__["_edgewise"] = note
        note.wires = found[path]
        note.cross = note.cross if crossing is None else crossing
    _take_over(model, chosen, rewiring)
    return model


def restore(model: Model) -> Model:
    """The model as it was before `rewire`: its own attention, no hook left. One that was not rewired stays as it is.

    >>> from transformers import GPT2Config, GPT2Model
    >>> model = GPT2Model(GPT2Config(n_layer=1, n_head=2, n_embd=8, vocab_size=9))
    >>> restore(rewire(model, "window(3, 0)")) is model
    True
    """
    rewiring: Rewiring | None = getattr(model, "_edgewise_rewiring", None)
    if rewiring is None:
        return model
    for handle in rewiring.handles:
        handle.remove()
    for config, backend in rewiring.before:
        config._attn_implementation_internal = backend
    for module in model.modules():
        if isinstance(getattr(module, "_edgewise", None), Told):
            del module._edgewise
    for name in TAKEN_OVER:
        model.__dict__.pop(name, None)
    del model._edgewise_rewiring
    return model


def _as_kept(model: Model, *given: Any) -> Model:
    """The model along the patterns that its config keeps."""
    if any(one is not None for one in given):
        raise ValueError(
            "rewire: layers=, heads= and cross= belong to a pattern; a config that keeps one says them itself"
        )
    for call in calls(model):
        rewire(model, **call)
    return model


def _check_one(model: nn.Module, rewiring: Rewiring) -> None:
    """Refuse a model that is part of a rewired one, or that has one in it."""
    for path, module in model.named_modules():
        note = getattr(module, "_edgewise", None)
        if isinstance(note, Told) and note.rewiring is not rewiring:
            raise ValueError(
                f"rewire: {path} hears what {type(note.rewiring.model).__name__} was rewired to; rewire or restore "
                "that model, one for all its parts"
            )


def _joined(note: Told | None, told: tuple[Wire, ...]) -> tuple[Wire, ...]:
    return told if note is None else replaced(note.wires, told)


def _check_heads(model: nn.Module, chosen: dict[str, nn.Module], told: Sequence[Wire]) -> None:
    """Refuse heads beyond those that the config speaks of, before anything is changed."""
    most = max((head for wire in told for head in wire.heads or ()), default=-1)
    for path, module in chosen.items():
        config = getattr(module, "config", None)
        count = getattr(config, "num_attention_heads", None)
        if isinstance(count, int) and most >= count:
            raise ValueError(f"rewire: head {most} does not exist in {path}, which has {count} heads, 0 to {count - 1}")


def _take_over(model: Any, chosen: dict[str, nn.Module], rewiring: Rewiring) -> None:
    """Point the configs of the attentions, and of the models around them, to our backend."""
    known = {id(config) for config, _ in rewiring.before}
    for config in _configs(model, chosen):
        if id(config) not in known:
            known.add(id(config))
            rewiring.before.append((config, config._attn_implementation_internal))
            config._attn_implementation_internal = BACKEND
    if getattr(model, "_edgewise_rewiring", None) is None:
        model._edgewise_rewiring = rewiring
        rewiring.handles.append(model.register_forward_pre_hook(rewiring.enter, with_kwargs=True))
        rewiring.handles.append(model.register_forward_hook(rewiring.leave))
        for name in TAKEN_OVER:
            if hasattr(type(model), name):
                setattr(model, name, getattr(rewiring, name))


def _configs(model: Any, chosen: dict[str, nn.Module]) -> Iterator[Any]:
    """The configs that the chosen attentions and the makers of their masks read; others' towers keep theirs."""
    transformers = require("transformers", extra="text")
    models = {path: m for path, m in model.named_modules() if isinstance(m, transformers.PreTrainedModel)}
    around = [m for path, m in models.items() if any(path == "" or own.startswith(path + ".") for own in chosen)]
    others = {id(m.config) for m in models.values()} - {id(m.config) for m in around}
    queue = [*(m.config for m in around), *(m.config for m in chosen.values() if hasattr(m, "config"))]
    seen: set[int] = set()
    while queue:
        config = queue.pop()
        if id(config) in seen or not hasattr(config, "_attn_implementation_internal"):
            continue
        seen.add(id(config))
        yield config
        inner = (getattr(config, name, None) for name in getattr(config, "sub_configs", {}))
        queue += [one for one in inner if one is not None and id(one) not in others]
