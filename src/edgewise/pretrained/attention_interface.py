"""The backend `attn_implementation="edgewise"` of transformers: its attention and its mask, which go together."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise.extras import require
from edgewise.graph import Graph
from edgewise.kernels import Dot, Given, attend, score_edges
from edgewise.pretrained.agreement import check_agreement
from edgewise.pretrained.model_mask import bias_of, mask_of
from edgewise.pretrained.own_mask import OwnMask
from edgewise.pretrained.rewiring import BACKEND, Rewiring, Told
from edgewise.pretrained.sinks import others, with_sink
from edgewise.pretrained.wires import Wire

# What attentions are handed and eager attention does not read, or has read in the mask already.
UNREAD = frozenset({
    "is_causal", "sliding_window", "position_ids", "use_cache", "output_attentions", "output_hidden_states",
    "output_router_logits", "num_items_in_batch", "return_dict", "cache_position", "deterministic", "seq_idx",
    "cu_seq_lens_q", "cu_seq_lens_k", "max_length_q", "max_length_k", "logits_to_keep",
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
        brought = {name: term for name, term in {**terms, **others}.items() if term is not None}
        told.agrees = True
        module._edgewise = None
        try:
            check_agreement(module, attention, query, key, value, brought)
        except ValueError:
            told.agrees = False
            raise
        finally:
            module._edgewise = told
    B, H, Q, _ = query.shape
    mask = mask_of(attention_mask, B, Q, key.shape[2], told.crossing, query)
    check_shapes(where, mask, query, key)
    call = _Call(
        query, key.expand(B, -1, -1, -1), value.expand(B, -1, -1, -1), told, mask,
        dropout if module.training else 0.0, scaling, softcap,
        [bias for bias in (position_bias, bias_of(attention_mask)) if bias is not None],
        sinks if s_aux is None else s_aux, told.rewiring.recording or bool(others.get("output_attentions")) or recording(),
    )  # fmt: skip
    wires = told.cross if told.crossing else told.wires
    if not wires or wires[0].heads is None:
        return call.heard(wires[0] if wires else None, None)
    return together(call, wires, H, where)


def together(call: "_Call", wires: Sequence[Wire], num_heads: int, where: str) -> tuple[Tensor, Tensor | None]:
    """Heads that hear different graphs, in their order; heads of no wire hear the model's own mask."""
    named = [head for wire in wires for head in wire.heads or ()]
    if max(named) >= num_heads:
        raise ValueError(
            f"rewire: head {max(named)} does not exist in {where}, which has {num_heads} heads, 0 to {num_heads - 1}"
        )
    rest = [head for head in range(num_heads) if head not in set(named)]
    parts = [call.heard(wire, torch.tensor(wire.heads, device=call.query.device)) for wire in wires]
    if rest:
        parts.append(call.heard(None, torch.tensor(rest, device=call.query.device)))
    order = torch.tensor([*named, *rest], device=call.query.device).argsort()
    out = torch.cat([out for out, _ in parts], dim=2).index_select(2, order)
    found = [weights for _, weights in parts if weights is not None]
    return out, torch.cat(found, dim=1).index_select(1, order) if found else None


class _Call:
    """One call of the attention function, to be answered for all heads or for some."""

    def __init__(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        told: Told,
        mask: OwnMask,
        dropout: float,
        scaling: Any,
        softcap: float | None,
        biases: list[Tensor],
        sinks: Tensor | None,
        recording: bool,
    ) -> None:
        self.query, self.key, self.value, self.told, self.mask = query, key, value, told, mask
        self.dropout, self.scaling, self.softcap = dropout, scaling, softcap
        self.biases, self.sinks, self.recording = biases, sinks, recording

    def heard(self, wire: Wire | None, heads: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Output and weights of these heads by this wire, in the layout of transformers."""
        graph, examples = self.told.rewiring.graph(self.mask, wire, self.told, self.query.device)
        query, key, value, biases, sinks = self._of(heads)
        B, H, Q, _ = query.shape
        if examples == 1 and B > 1 and any(bias.shape[0] > 1 for bias in biases):
            graph, examples = graph.remember(("copies", B), lambda: Graph.batch([graph] * B)), B
        plain = graph
        if isinstance(self.scaling, Tensor):
            query, score = query * self.scaling, Dot(1.0)
        else:
            score = Dot(None if self.scaling is None else float(self.scaling))
        biases = [on_edges(bias, graph, Q, key.shape[2]) for bias in biases]
        bias = None if not biases else sum(biases[1:], biases[0]).to(query.dtype)
        if sinks is not None:
            query, key, value, graph, bias, score = with_sink(query, key, value, graph, examples, bias, score, sinks)
        query, key, value = (side_by_side(x, examples) for x in (query, key, value))
        if self.softcap is not None:
            if sinks is not None:
                raise ValueError(
                    "rewire: softcap and sinks together are not known here; restore(model) puts eager back"
                )
            cap = float(self.softcap)
            scores = cap * torch.tanh(score_edges(query, key, graph, score=score) / cap)
            scores = scores if bias is None else scores + bias
            answer = self._attended(None, None, value, graph, score=Given(scores))
        else:
            answer = self._attended(query, key, value, graph, score=score, bias=bias)
        out, weights = answer if isinstance(answer, tuple) else (answer, None)
        if weights is not None:
            if sinks is not None:
                weights = weights.index_select(-2, others(graph, examples))
            weights = dense_weights(weights, plain, examples, B, Q, self.key.shape[2])
        return out.reshape(B, Q, H, out.shape[-1]), weights

    def _attended(self, query: Tensor | None, key: Tensor | None, value: Tensor, graph: Graph, **terms: Any) -> Any:
        return attend(query, key, value, graph, dropout=self.dropout, return_weights=self.recording, **terms)

    def _of(self, heads: Tensor | None) -> tuple[Tensor, Tensor, Tensor, list[Tensor], Tensor | None]:
        """Query, key, value, biases and sinks of these heads; keys and values are shared as before where they can be."""
        if heads is None:
            return self.query, self.key, self.value, self.biases, self.sinks
        shared = heads // (self.query.shape[1] // self.key.shape[1])
        some, counts = shared.unique_consecutive(return_counts=True)
        shared = some if bool((counts == counts[0]).all()) else shared
        biases = [bias if bias.shape[1] == 1 else bias.index_select(1, heads) for bias in self.biases]
        sinks = self.sinks
        if sinks is not None:
            sinks = sinks.index_select(0 if sinks.dim() == 1 else 1, heads)
        key, value = self.key.index_select(1, shared), self.value.index_select(1, shared)
        return self.query.index_select(1, heads), key, value, biases, sinks


def side_by_side(x: Float[Tensor, "batch heads nodes dim"], examples: int) -> Tensor:
    """[batch, nodes, heads, dim] where one graph serves all examples, all nodes in a row where each has its own."""
    x = x.transpose(1, 2)
    return x.flatten(0, 1) if examples > 1 or x.shape[0] == 1 else x


def on_edges(bias: Tensor, graph: Graph, rows: int, columns: int) -> Tensor:
    """[1 or batch, heads or 1, rows, columns] at the edges of the graph: [edges, heads]."""
    senders, receivers = graph.remember("edges", graph.edges)
    if bias.shape[-2] == 1 and rows > 1:
        bias = bias.expand(*bias.shape[:-2], rows, bias.shape[-1])
    if bias.shape[-2:] != (rows, columns):
        bias = bias[..., -rows:, :columns]
    example = receivers.div(rows, rounding_mode="floor") if bias.shape[0] > 1 else torch.zeros_like(receivers)
    return bias[example, :, receivers % rows, senders % columns]


def dense_weights(weights: Tensor, graph: Graph, examples: int, batch: int, rows: int, columns: int) -> Tensor:
    """The weights of edges as transformers returns them: [batch, heads, rows, columns], 0 where there is no edge."""
    senders, receivers = graph.remember("edges", graph.edges)
    H = weights.shape[-1]
    if examples == 1:
        dense = weights.new_zeros(batch, H, rows, columns)
        dense[:, :, receivers, senders] = weights.reshape(-1, graph.num_edges, H).transpose(1, 2)
        return dense
    dense = weights.new_zeros(batch, rows, columns, H)
    dense[receivers // rows, receivers % rows, senders % columns] = weights
    return dense.permute(0, 3, 1, 2)


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
