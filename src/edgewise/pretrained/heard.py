"""One call of an attention, answered over the graphs that its heads hear."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from edgewise.graph import Graph
from edgewise.kernels import Dot, Given, attend, score_edges
from edgewise.pretrained.chosen import chosen_graph
from edgewise.pretrained.counted import real_edges
from edgewise.pretrained.layout import dense_weights, on_edges, side_by_side
from edgewise.pretrained.own_mask import OwnMask
from edgewise.pretrained.rewiring import Told
from edgewise.pretrained.sinks import others, with_sink
from edgewise.pretrained.wires import Wire

Answer = tuple[Tensor, Tensor | None]
"""[batch, receivers, heads, value_dim], and the weights [batch, heads, receivers, senders] where asked for."""


@dataclass(frozen=True, eq=False)
class Call:
    """What one attention was called with, in the layout of transformers."""

    query: Tensor
    key: Tensor
    value: Tensor
    mask: OwnMask
    told: Told
    scaling: Any
    softcap: float | None
    biases: Sequence[Tensor]  # each [1 or batch, 1 or heads, 1 or receivers, senders]
    sinks: Tensor | None
    chosen: Tensor | None  # [batch, receivers, chosen]: the senders that the model lets each receiver hear
    dropout: float
    recording: bool

    def answer(self, wires: Sequence[Wire]) -> Answer:
        """Every head over the graph of its wire; heads of no wire over the model's own mask."""
        self._count_own()
        if not wires or wires[0].heads is None:
            return self.by(wires[0] if wires else None)
        H, device = self.query.shape[1], self.query.device
        named = [head for wire in wires for head in wire.heads or ()]
        if max(named) >= H:
            raise ValueError(
                f"rewire: head {max(named)} does not exist in {self.told.path}, which has {H} heads, 0 to {H - 1}"
            )
        rest = sorted(set(range(H)) - set(named))
        parts = [self.of(torch.tensor(wire.heads, device=device)).by(wire) for wire in wires]
        parts += [self.of(torch.tensor(rest, device=device)).by(None)] if rest else []
        order = torch.tensor([*named, *rest], device=device).argsort()
        out = torch.cat([out for out, _ in parts], dim=2).index_select(2, order)
        found = [weights for _, weights in parts if weights is not None]
        return out, torch.cat(found, dim=1).index_select(1, order) if found else None

    def of(self, heads: Tensor) -> "Call":
        """The same call of these heads alone; keys and values stay shared where they can be."""
        shared = heads // (self.query.shape[1] // self.key.shape[1])
        some, counts = shared.unique_consecutive(return_counts=True)
        shared = some if bool((counts == counts[0]).all()) else shared
        sinks = self.sinks
        return replace(
            self,
            query=self.query.index_select(1, heads),
            key=self.key.index_select(1, shared),
            value=self.value.index_select(1, shared),
            biases=[x if x.shape[1] == 1 else x.index_select(1, heads) for x in self.biases],
            sinks=None if sinks is None else sinks.index_select(0 if sinks.dim() == 1 else 1, heads),
        )

    def by(self, wire: Wire | None) -> Answer:
        """All heads over the graph of one wire."""
        graph, examples = self._graph(wire)
        self._count(graph, examples)
        query, key, value = self.query, self.key, self.value
        (B, H, Q, _), K = query.shape, key.shape[2]
        plain, bias = graph, self._bias(graph, Q, K)
        scale = 1.0 if isinstance(self.scaling, Tensor) else self.scaling
        query = query * self.scaling if isinstance(self.scaling, Tensor) else query
        score = Dot(None if scale is None else float(scale))
        if self.sinks is not None and self.softcap is not None:
            raise ValueError(
                f"rewire: {self.told.path} caps its logits and has sinks; edgewise knows each of the two, but not both"
            )
        if self.sinks is not None:
            query, key, value, graph, bias, score = with_sink(
                query, key, value, graph, examples, bias, score, self.sinks
            )
        query, key, value = (side_by_side(x, examples) for x in (query, key, value))
        if self.softcap is None:
            out, weights = self._attended(query, key, value, graph, score=score, bias=bias)
        else:
            scores = self.softcap * torch.tanh(score_edges(query, key, graph, score=score) / self.softcap)
            out, weights = self._attended(None, None, value, graph, score=Given(scores), bias=bias)
        if weights is not None:
            weights = weights if self.sinks is None else weights.index_select(-2, others(graph, examples))
            weights = dense_weights(weights, plain, examples, B, Q, K)
        return out.reshape(B, Q, H, out.shape[-1]), weights

    def _graph(self, wire: Wire | None) -> tuple[Graph, int]:
        """Who hears whom by a wire, and how many examples stand side by side in it: one where all are alike."""
        graph, examples = self.told.rewiring.graph(self.mask, wire, self.told, self.query.device)
        B, K = self.query.shape[0], self.key.shape[2]
        by_example = self.chosen is not None or any(bias.shape[0] > 1 for bias in self.biases)
        if examples == 1 and B > 1 and by_example:
            one = graph
            graph, examples = graph.remember(("copies", B), lambda: Graph.batch([one] * B)), B
        return (graph, examples) if self.chosen is None else (graph & chosen_graph(self.chosen, K), examples)

    def _count(self, graph: Graph, examples: int) -> None:
        """Tell whoever counts edges how many these heads hear."""
        if self.told.rewiring.counted is not None:
            self.told.rewiring.counted.heard += self._edges(graph, examples)

    def _count_own(self) -> None:
        """Tell whoever counts edges how many the model's own mask has; later, where no choice of its own cuts it."""
        counted, (B, H) = self.told.rewiring.counted, self.query.shape[:2]
        if counted is not None and self.chosen is None:
            counted.masks.append((self.mask, self.told, B * H))
        elif counted is not None:
            counted.own += self._edges(*self._graph(None))

    def _edges(self, graph: Graph, examples: int) -> int:
        B, H = self.query.shape[:2]
        return real_edges(graph, self.mask) * H * (B // examples)

    def _bias(self, graph: Graph, rows: int, columns: int) -> Tensor | None:
        found: Tensor | None = None
        for bias in self.biases:
            one = on_edges(bias, graph, rows, columns).expand(-1, self.query.shape[1]).to(self.query.dtype)
            found = one if found is None else found + one
        return found

    def _attended(
        self, query: Tensor | None, key: Tensor | None, value: Tensor, graph: Graph, **terms: Any
    ) -> tuple[Tensor, Tensor | None]:
        if self.recording:
            return attend(query, key, value, graph, dropout=self.dropout, return_weights=True, **terms)
        return attend(query, key, value, graph, dropout=self.dropout, **terms), None
