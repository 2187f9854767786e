"""What a rewired model is held against: its own eager attention, with a window's dense mask added to its own."""

import inspect
from typing import Any

import torch
from transformers import AttentionInterface, PretrainedConfig, PreTrainedModel

from edgewise.patterns import Pattern

ELSEWHERE = ("key_value_states", "encoder_hidden_states", "cross_attention_states", "context")
"""Arguments by which an attention is told that it hears another sequence."""


def hears_somebody(mask: torch.Tensor) -> torch.Tensor:
    """[batch, 1, queries, 1]: whether the mask lets a query hear anybody."""
    heard = mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min / 4
    return heard.any(-1, keepdim=True)


class eager_with_window:
    """Eager attention whose dense mask has the window's added to it, in these attentions, among themselves."""

    def __init__(self, modules: list[Any], pattern: Pattern) -> None:
        self.pattern = pattern
        self.modules = {id(module) for module in modules}
        self.crossing: set[int] = set()
        self.cuts = False  # whether the window has left anybody out
        self.hooks = [module.register_forward_pre_hook(self.notice, with_kwargs=True) for module in modules]

    def notice(self, module: Any, args: Any, kwargs: Any) -> None:
        names = list(inspect.signature(module.forward).parameters)
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        crosses = "cross" in type(module).__name__.lower() or any(given.get(name) is not None for name in ELSEWHERE)
        (self.crossing.add if crosses else self.crossing.discard)(id(module))

    def __call__(self, module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **terms: Any) -> Any:
        forward = inspect.unwrap(type(module).forward)
        (name,) = [n for n in forward.__code__.co_names if n.endswith("eager_attention_forward")]
        Q, K = query.shape[2], key.shape[2]
        if id(module) in self.modules - self.crossing:
            outside, own = ~self.pattern.build(Q, K).dense(), attention_mask
            self.cuts |= bool(outside.any())
            own = torch.zeros(1, 1, Q, K, dtype=query.dtype) if own is None else own
            attention_mask = own.masked_fill(outside, False if own.dtype == torch.bool else torch.finfo(own.dtype).min)
        if attention_mask is None:
            return forward.__globals__[name](module, query, key, value, None, **terms)
        # Of a query that hears nobody eager attention makes everybody's mean, or no number; here it is zeros.
        hears = hears_somebody(attention_mask)
        mask = attention_mask.masked_fill(~hears, attention_mask.dtype == torch.bool)
        out, weights = forward.__globals__[name](module, query, key, value, mask, **terms)
        return out * hears.transpose(1, 2), weights

    def __enter__(self) -> "eager_with_window":
        AttentionInterface._global_mapping["eager"] = self
        return self

    def __exit__(self, *_: object) -> None:
        del AttentionInterface._global_mapping["eager"]
        for hook in self.hooks:
            hook.remove()


def set_eager(model: PreTrainedModel) -> None:
    """Eager attention everywhere, also where a part reads a copy of the config that the model does not know of."""
    model.set_attn_implementation("eager")
    for module in model.modules():
        if isinstance(getattr(module, "config", None), PretrainedConfig):
            module.config._attn_implementation_internal = "eager"
