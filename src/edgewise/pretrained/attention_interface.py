"""The backend `attn_implementation="edgewise"` of transformers: its attention and its mask, which go together."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise.extras import require
from edgewise.pretrained.agreement import check_agreement
from edgewise.pretrained.heard import Call
from edgewise.pretrained.model_mask import bias_of, mask_of
from edgewise.pretrained.own_mask import OwnMask
from edgewise.pretrained.rewiring import BACKEND, Rewiring, Told

# What attentions are handed and eager attention does not read, or has read in the mask already.
UNREAD = frozenset({
    "is_causal", "sliding_window", "position_ids", "use_cache", "output_attentions", "output_hidden_states",
    "output_router_logits", "num_items_in_batch", "return_dict", "cache_position", "deterministic", "seq_idx",
    "cu_seq_lens_q", "cu_seq_lens_k", "max_length_q", "max_length_k", "logits_to_keep", "input_ids", "token_type_ids",
    "mm_token_type_ids",
})  # fmt: skip


def register() -> None:
    """Make `attn_implementation="edgewise"` known to transformers: the attention and its mask function, together.

    transformers hands a backend without a mask function no mask at all, and says nothing.
    """
    modeling = require("transformers", extra="text")
    modeling.AttentionInterface.register(BACKEND, attention)
    modeling.AttentionMaskInterface.register(BACKEND, own_mask)


def own_mask(
    batch_size: int,
    q_length: int,
    kv_length: int,
    q_offset: Any = 0,
    kv_offset: Any = 0,
    mask_function: Any = None,
    attention_mask: Any = None,
    *,
    use_vmap: bool = False,
    dtype: torch.dtype = torch.float32,
    device: Any = "cpu",
    **_: Any,
) -> OwnMask:
    """The mask function of the backend: what it is told, kept until an attention asks for the graph."""
    if isinstance(attention_mask, OwnMask):
        return attention_mask
    masking = require("transformers.masking_utils", extra="text")
    return OwnMask(
        batch=batch_size,
        rows=q_length,
        columns=kv_length,
        row_start=int(q_offset),
        column_start=int(kv_offset),
        function=masking.causal_mask_function if mask_function is None else mask_function,
        padding=attention_mask,
        vmap=use_vmap,
        dtype=dtype,
        device=device,
    )


def attention(
    module: nn.Module,
    query: Float[Tensor, "batch heads receivers dim"],
    key: Float[Tensor, "batch_k kv_heads senders dim"],
    value: Float[Tensor, "batch_k kv_heads senders value_dim"],
    attention_mask: Any,
    dropout: float = 0.0,
    scaling: Any = None,
    softcap: float | None = None,
    position_bias: Tensor | None = None,
    s_aux: Tensor | None = None,
    sinks: Tensor | None = None,
    indices: Tensor | None = None,
    **others: Any,
) -> tuple[Tensor, Tensor | None]:
    """The attention function of the backend: `attend` over the graph that this module's heads hear.

        out_i = Σ_j softmax_j(softcap(scaling · q_i·k_j) + b_ij) v_j   over the j that i hears

    Returns [batch, receivers, heads, value_dim], and the weights [batch, heads, receivers, senders] where asked for.
    """
    where = type(module).__name__
    check_read(where, others)
    told: Told = getattr(module, "_edgewise", None) or Told(where, Rewiring(module), agrees=True)
    if not told.agrees:
        terms = {"scaling": scaling, "softcap": softcap, "position_bias": position_bias, "s_aux": s_aux, "sinks": sinks}
        given = {name: term for name, term in {**terms, **others}.items() if term is not None}
        with told.aside(module):
            told.agrees = check_agreement(module, attention, query, key, value, given)
    B, _, Q, _ = query.shape
    mask = mask_of(attention_mask, B, Q, key.shape[2], told.crossing, query)
    if told.crossing:
        mask = mask.starting_at(told.row_start())
    else:
        told.rewiring.row_start = mask.row_start
    check_shapes(where, mask, query, key)
    wires = told.cross if told.crossing else told.wires
    if wires and not told.crossing:
        check_positions(told.path, where, mask)
        told.rewiring.asked.check(told.path, mask)
    told.rewiring.used |= bool(wires)
    call = Call(
        query=query,
        key=key.expand(B, -1, -1, -1),
        value=value.expand(B, -1, -1, -1),
        mask=mask,
        told=told,
        scaling=scaling,
        softcap=softcap,
        biases=[bias for bias in (position_bias, bias_of(attention_mask)) if bias is not None],
        sinks=sinks if s_aux is None else s_aux,
        chosen=indices,
        dropout=dropout if module.training else 0.0,
        recording=told.rewiring.recording or bool(others.get("output_attentions")) or recording(),
    )
    return call.answer(wires)


def recording() -> bool:
    """Whether transformers is collecting attention weights right now."""
    capturing = require("transformers.utils.output_capturing", extra="text")
    collected = capturing._active_collector.get()
    return collected is not None and any("attentions" in name for name in collected)


def check_read(where: str, others: dict[str, Any]) -> None:
    """Refuse what an attention is handed and nobody here would read."""
    for name, value in others.items():
        if value is not None and name not in UNREAD:
            raise ValueError(
                f"rewire: {where} hands its attention {name}=, which edgewise does not know and would ignore; "
                "restore(model) puts its own attention back"
            )


def check_shapes(where: str, mask: OwnMask, query: Tensor, key: Tensor) -> None:
    """The mask is of this batch, these queries and these keys."""
    (B, H, Q, _), (_, Hk, K, _) = query.shape, key.shape
    fits = (mask.batch == B or (mask.batch == 1 and mask.alike)) and (mask.rows, mask.columns) == (Q, K)
    if not fits or Hk == 0 or H % Hk:
        raise ValueError(
            f"rewire: {where} attends with {H} heads from {Q} to {K} positions ({Hk} heads of keys) in {B} examples, "
            f"but its mask is of {mask.batch} examples, {mask.rows} to {mask.columns} positions; edgewise cannot tell "
            "which of them hear each other"
        )


def check_positions(path: str, where: str, mask: OwnMask) -> None:
    """Queries stand at the last of the positions of their keys: patterns count these."""
    if mask.rows > mask.columns:
        raise ValueError(
            f"rewire: {path} ({where}) hears its own sequence from {mask.rows} queries to {mask.columns} keys; which "
            "position each key stands for is the model's to know, and a pattern cannot count them. layers= names those "
            "to rewire, without this one"
        )
