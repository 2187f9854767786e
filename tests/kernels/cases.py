"""Every kind of attention, as the library is asked for it and as a dense formula."""

import torch
from tests.kernels import formula
from tests.kernels.graphs import DENSE, IRREGULAR, numbers

from edgewise.graph import Graph
from edgewise.kernels import Additive, Constant, Dot, EdgeTerm, GATv2, Given, OffsetTable, attend, score_edges

SCORES = ["Constant", "Dot", "Additive", "GATv2", "Given"]
EXTRAS = [
    (),
    ("edge_key",),
    ("edge_value",),
    ("bias [E]",),
    ("bias [E, H]",),
    ("bias by offset",),
    ("edge_key", "edge_value", "bias [E, H]"),
]
GRAPHS = IRREGULAR | {name: DENSE[name] for name in ("complete", "unequal causal sizes")}
HEADS, KV_HEADS, FEATURES = 4, 2, 3


class Case:
    """One attention: its tensors by name, how the library is asked, and the dense formula for it."""

    def __init__(self, score: str, extras: tuple[str, ...], graph: Graph, dtype=torch.float64) -> None:
        self.score, self.extras, self.graph = score, extras, graph
        R, S, E = graph.num_receivers, graph.num_senders, graph.num_edges
        dim = {"Additive": 1, "Dot": 6, "GATv2": 6}.get(score)
        shapes = {"value": (S, KV_HEADS, 5)}
        if dim:
            shapes |= {"query": (R, HEADS, dim), "key": (S, KV_HEADS, dim)}
        if score == "GATv2":
            shapes["vector"] = (HEADS, dim)
        if score == "Given":
            shapes["scores"] = (E, HEADS)
        if dim and "edge_key" in extras:
            shapes |= {"key features": (E, FEATURES), "key weight": (FEATURES, KV_HEADS, dim)}
        if "edge_value" in extras:
            shapes |= {"value features": (E, FEATURES), "value weight": (FEATURES, KV_HEADS, 5)}
        per_edge = {"bias [E]": (E,), "bias [E, H]": (E, HEADS), "bias by offset": (5, HEADS)}
        for extra in per_edge.keys() & {*extras}:
            shapes["bias"] = per_edge[extra]
        self.tensors = {name: numbers(*shape, seed=n, dtype=dtype) for n, (name, shape) in enumerate(shapes.items())}

    def exactly(self) -> "Case":
        """The same numbers in float64."""
        case = Case(self.score, self.extras, self.graph)
        case.tensors = {name: x.detach().double().requires_grad_() for name, x in self.tensors.items()}
        return case

    @property
    def inputs(self):
        return list(self.tensors.values())

    @property
    def heads(self) -> int:
        """Where neither query nor score nor bias has heads, those of the value are all there are."""
        given = self.score != "Constant" or {"bias [E, H]", "bias by offset"} & {*self.extras}
        return HEADS if given else KV_HEADS

    def options(self):
        t = self.tensors
        values = {
            "Constant": lambda: Constant(),
            "Dot": lambda: Dot(0.3),
            "Additive": lambda: Additive(0.1),
            "GATv2": lambda: GATv2(t["vector"], 0.1),
            "Given": lambda: Given(t["scores"]),
        }
        options = {"score": values[self.score]()}
        if "bias" in t:
            options["bias"] = OffsetTable(t["bias"], lowest=-2) if "bias by offset" in self.extras else t["bias"]
        if "key features" in t:
            options["edge_key"] = EdgeTerm(t["key features"], t["key weight"])
        return options

    def attend(self, impl="reference", **more):
        t = self.tensors
        if "value features" in t:
            more["edge_value"] = EdgeTerm(t["value features"], t["value weight"])
        nodes = t.get("query"), t.get("key"), t["value"]
        return attend(*nodes, self.graph, impl=impl, **self.options(), **more)

    def score_edges(self, impl="auto"):
        return score_edges(self.tensors.get("query"), self.tensors.get("key"), self.graph, impl=impl, **self.options())

    def formula_logits(self):
        t, graph = self.tensors, self.graph
        if "query" in t:
            term = (t["key features"], t["key weight"]) if "key features" in t else None
            keys = formula.along_edges(t["key"], graph, HEADS, term)
            number = 0.3 if self.score == "Dot" else 0.1
            logits = formula.logits(self.score, t["query"], keys, number, t.get("vector"))
        elif self.score == "Given":
            logits = formula.dense(t["scores"], graph)
        else:
            shape = (graph.num_receivers, graph.num_senders, self.heads)
            logits = torch.zeros(shape, dtype=t["value"].dtype)
        if "bias by offset" in self.extras:
            senders, receivers = graph.edges()
            row = (senders - graph.position()[receivers] + 2).clamp(0, 4)
            return logits + formula.dense(t["bias"][row], graph)
        if "bias" in t:
            bias = t["bias"] if t["bias"].dim() == 2 else t["bias"][:, None]
            return logits + formula.dense(bias, graph)
        return logits

    def formula(self):
        t = self.tensors
        term = (t["value features"], t["value weight"]) if "value features" in t else None
        values = formula.along_edges(t["value"], self.graph, self.heads, term)
        return formula.attention(self.formula_logits(), values, self.graph)[0]
