"""One random call of an operation: drawn piece by piece, so that a call that fails shrinks, and then spelled out."""

from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from tests.fuzz.shapes import SHAPES, random_graph
from torch import Tensor

from edgewise import native
from edgewise.graph import Graph
from edgewise.kernels import (
    REDUCTIONS,
    Additive,
    Constant,
    Dot,
    EdgeTerm,
    GATv2,
    Given,
    OffsetTable,
    aggregate,
    attend,
    native_call,
    score_edges,
)

# Those that have more than one implementation.
OPERATIONS = {f.__name__: f for f in (attend, aggregate, score_edges) if "impl" in signature(f).parameters}
SCORES = (*["Dot"] * 6, "Additive", "GATv2", "Given", "Constant")
BIASES = (None, None, None, "[E]", "[E, H]", "by offset")
DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
LAYOUTS = ("plain", "plain", "heads first", "a slice", "every other number", "one head for all", "one node for all")
COTANGENTS = ("plain", "heads first", "one number for all")
# Rows longer than this are cut in pieces; the last is what the library takes.
CUTS = (2, 5, 70, native_call.CUT)


def levels() -> list[str]:
    """The instruction sets to choose from, the simplest first."""
    here = native_call.LEVELS[native.module().cpu_level()] if native.available() else 0
    return [name for name, rank in native_call.LEVELS.items() if rank <= here and name != "x86-64-v2"]


@dataclass(frozen=True)
class Call:
    """Everything that decides a call, in numbers and words; `seed` decides the graph's edges and the tensors."""

    operation: str
    shape: str
    size: tuple[int, int]  # receivers, senders
    num_graphs: int
    seed: int
    dtype: torch.dtype
    score: str
    reduce: str
    shared: int  # heads of key and value
    group: int  # query heads that each of them serves
    dim: int  # 1 for an additive score, whatever stands here
    value_dim: int
    bias: str | None
    silences: bool  # part of the bias is -inf
    key_features: int
    value_features: int
    dropout: float
    batch: tuple[int, ...]  # of query
    batch_of_senders: tuple[int, ...]
    layouts: tuple[str, str, str]
    cotangent: str
    learns: int  # a bit for each tensor; 0: no gradient is asked for, and weights may be
    return_weights: bool
    cut: int
    level: str


_SIZE, _LARGE_SIZE = st.integers(0, 12) | st.integers(2, 12), st.integers(0, 100)
_DIM = st.integers(1, 9) | st.sampled_from((16, 17, 32))
_FEATURES = st.sampled_from((0, 0, 0, 1, 2, 3))
_BATCH = st.sampled_from(((), (), (), (2,)))
CALLS = st.builds(
    Call,
    operation=st.sampled_from(["attend", "attend", *OPERATIONS]),
    shape=st.sampled_from([*SHAPES]),
    # Small mostly: one in eight has up to a hundred nodes a side.
    size=st.sampled_from((False,) * 7 + (True,)).flatmap(
        {False: st.tuples(_SIZE, _SIZE), True: st.tuples(_LARGE_SIZE, _LARGE_SIZE)}.__getitem__
    ),
    num_graphs=st.sampled_from((1, 1, 1, 2, 3)),
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(DTYPES),
    score=st.sampled_from(SCORES),
    reduce=st.sampled_from([*REDUCTIONS]),
    shared=st.sampled_from((1, 2, 3, 1, 2, 3, 5, 8, 9)),
    group=st.integers(1, 3),
    dim=_DIM,
    value_dim=_DIM,
    bias=st.sampled_from(BIASES),
    silences=st.booleans(),
    key_features=_FEATURES,
    value_features=_FEATURES,
    dropout=st.sampled_from((0.0, 0.0, 0.3, 0.9)),
    batch=_BATCH,
    batch_of_senders=_BATCH,
    layouts=st.tuples(*[st.sampled_from(LAYOUTS)] * 3),
    cotangent=st.sampled_from(COTANGENTS),
    learns=st.sampled_from((-1, 0)) | st.integers(0, 2**10 - 1),
    return_weights=st.booleans(),
    cut=st.sampled_from(CUTS),
    level=st.sampled_from(levels()),
)


@dataclass
class Problem:
    """A call spelled out: the graph, and every tensor by name."""

    call: Call
    graph: Graph
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def exactly(self) -> "Problem":
        """The same numbers in float64."""
        tensors = {name: x.detach().double().requires_grad_(x.requires_grad) for name, x in self.tensors.items()}
        return Problem(self.call, self.graph, tensors)

    def answers(self, impl: str) -> dict[str, Tensor]:
        """What the operation returns, and the gradient of everything that learns."""
        call, inputs = self.call, {name: x for name, x in self.tensors.items() if x.requires_grad}
        found = OPERATIONS[call.operation](*self._nodes(), self.graph, impl=impl, **self._options())
        out, weights = found if isinstance(found, tuple) else (found, None)
        answers = {"output": out} if weights is None else {"output": out, "weights": weights}
        if inputs and out.requires_grad:
            grads = torch.autograd.grad(out, [*inputs.values()], self._cotangent(out), allow_unused=True)
            for (name, x), grad in zip(inputs.items(), grads, strict=True):
                answers[f"gradient of {name}"] = torch.zeros_like(x) if grad is None else grad
        return answers

    def _nodes(self) -> list[Tensor | None]:
        names = {"attend": ("query", "key", "value"), "aggregate": ("value",), "score_edges": ("query", "key")}
        return [self.tensors.get(name) for name in names[self.call.operation]]

    def _options(self) -> dict[str, Any]:
        call, t = self.call, self.tensors
        terms = {
            side: EdgeTerm(t[f"{side} features"], t[f"{side} weight"])
            for side in ("edge_key", "edge_value")
            if f"{side} features" in t
        }
        if call.operation == "aggregate":
            return {"reduce": call.reduce, "weights": t.get("bias"), **terms}
        bias = OffsetTable(t["bias"], call.seed % 7 - 4) if call.bias == "by offset" else t.get("bias")
        options = {"score": self._score(), "bias": bias, **terms}
        if call.operation == "attend":
            options |= {"dropout": call.dropout, "seed": call.seed, "return_weights": asks_weights(call)}
        return options

    def _score(self) -> Any:
        made = {"Dot": Dot, "Additive": Additive, "Constant": Constant}
        if self.call.score == "GATv2":
            return GATv2(self.tensors["vector"])
        return Given(self.tensors["scores"]) if self.call.score == "Given" else made[self.call.score]()

    def _cotangent(self, out: Tensor) -> Tensor:
        rng = np.random.default_rng(self.call.seed + 1)
        if self.call.cotangent == "one number for all":
            return out.new_ones(()).expand(out.shape)
        if self.call.cotangent == "heads first" and out.dim() > 2:
            turned = out.transpose(-2, -3).shape
            return torch.from_numpy(rng.standard_normal(turned)).to(out.dtype).transpose(-2, -3)
        return torch.from_numpy(rng.standard_normal(out.shape)).to(out.dtype)


def asks_weights(call: Call) -> bool:
    return call.return_weights and call.learns == 0


def spelled_out(call: Call) -> Problem:
    """The graph and the tensors of a call; each number is the same in every layout and implementation."""
    rng = np.random.default_rng(call.seed)
    graph = random_graph(call.shape, *call.size, call.num_graphs, rng)
    R, S, E, H = graph.num_receivers, graph.num_senders, graph.num_edges, call.shared * call.group
    attends, reads = call.operation != "aggregate", call.score in ("Dot", "Additive", "GATv2")
    D = 1 if call.score == "Additive" else call.dim
    shapes: dict[str, tuple[int, ...]] = {}
    if attends and reads:
        shapes["query"] = (*call.batch, R, H, D)
        shapes["key"] = (*call.batch_of_senders, S, call.shared, D)
    if call.operation != "score_edges":
        shapes["value"] = (*call.batch_of_senders, S, call.shared, call.value_dim)
    if attends and call.score == "GATv2":
        shapes["vector"] = (H, D)
    if attends and call.score == "Given":
        shapes["scores"] = (*call.batch, E, H)
    if call.bias is not None and (attends or call.bias != "by offset"):
        shapes["bias"] = {"[E]": (E,), "[E, H]": (E, H), "by offset": (1 + call.seed % 5, H)}[call.bias]
    if attends and reads and call.key_features:
        shapes["edge_key features"] = (E, call.key_features)
        shapes["edge_key weight"] = (call.key_features, call.shared, D)
    if call.operation != "score_edges" and call.value_features:
        shapes["edge_value features"] = (E, call.value_features)
        shapes["edge_value weight"] = (call.value_features, call.shared, call.value_dim)
    problem = Problem(call, graph)
    for bit, (name, shape) in enumerate(shapes.items()):
        layout = dict(zip(("query", "key", "value"), call.layouts, strict=True)).get(name, "plain")
        x = laid_out(layout, shape, rng).to(call.dtype)
        if name == "bias" and call.silences and attends:
            x[::3] = -torch.inf
        problem.tensors[name] = in_layout(layout, x, shape).requires_grad_(bool(call.learns >> bit & 1))
    return problem


def laid_out(layout: str, shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
    """The numbers as they lie in memory."""
    *batch, N, H, D = (1, 1, 1, *shape)[-max(3, len(shape)) :]
    stored = {
        "heads first": (*batch, H, N, D),
        "a slice": (*batch, N, H, D + 1),
        "every other number": (*batch, N, H, 2 * D),
        "one head for all": (*batch, N, 1, D),
        "one node for all": (*batch, min(N, 1), H, D),
    }
    return torch.from_numpy(rng.standard_normal(stored.get(layout, shape)))


def in_layout(layout: str, stored: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Those numbers as a tensor of this shape, in memory of PyTorch's that holds nothing else."""
    x = stored.clone()
    views = {
        "heads first": lambda: x.transpose(-2, -3),
        "a slice": lambda: x[..., 1:],
        "every other number": lambda: x[..., ::2],
    }
    return views.get(layout, lambda: x.expand(shape))().detach()
