"""What rewired models are held against: eager attention with a dense mask, by no line of ours but the pattern."""

import inspect
from contextlib import contextmanager

import torch
from transformers import AttentionInterface

SHAPE = {"hidden_size": 16, "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 24, "vocab_size": 40}
IDS = torch.tensor([[5, 9, 12, 33, 8, 21, 7, 30, 11], [6, 10, 35, 17, 4, 22, 0, 0, 0]])
RIGHT = (IDS != 0).long()
LEFT = RIGHT.flip(1)


@contextmanager
def eager_along(model, dense, paths=None):
    """The model by eager attention, whose own mask has `dense(rows, columns)` added to it.

    `dense` gives a bool mask, [..., rows, columns], true where somebody may be heard; it is put on every attention that
    calls the interface, or on those of these paths, where no other sequence is heard.
    """
    chosen = {id(m) for path, m in model.named_modules() if paths is None or any(part in path for part in paths)}

    def attention(module, query, key, value, attention_mask, **terms):
        eager = inspect.unwrap(type(module).forward).__globals__["eager_attention_forward"]
        if id(module) in chosen and id(module) not in crossing:
            heard = dense(query.shape[2], key.shape[2])
            heard = heard.reshape((1,) * (4 - heard.dim()) + heard.shape)
            least, none = torch.finfo(query.dtype).min, torch.zeros((), dtype=query.dtype)
            attention_mask = (none if attention_mask is None else attention_mask).masked_fill(~heard, least)
        return eager(module, query, key, value, attention_mask, **terms)

    crossing = set()

    def notice(module, args, kwargs):
        crosses = kwargs.get("key_value_states") is not None or kwargs.get("encoder_hidden_states") is not None
        (crossing.add if crosses else crossing.discard)(id(module))

    hooks = [m.register_forward_pre_hook(notice, with_kwargs=True) for m in model.modules()]
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    AttentionInterface._global_mapping["eager"] = attention
    try:
        yield model
    finally:
        del AttentionInterface._global_mapping["eager"]
        model.set_attn_implementation(before)
        for hook in hooks:
            hook.remove()


def heard_by(pattern):
    """The dense mask of a pattern, for `eager_along`."""
    return lambda rows, columns: pattern.build(rows, columns).dense()
