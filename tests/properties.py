"""What holds for anything that answers over graphs, written once: rooms say what they have, and these say what it does.

Relabelling nodes permutes the answer; the order in which edges are listed changes nothing; a batch answers as its
parts do; nobody is moved by whom they cannot hear; nodes alone, and no nodes at all, pass; gradients reach every
parameter; double precision is double precision.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from tests.equal import assert_equal_as_promised, error
from torch import Tensor, nn

from edgewise.graph import Graph
from edgewise.layers import node_sets


@dataclass(frozen=True)
class World:
    """Graphs by name, states (or tokens) by node set, edge features by graph."""

    graphs: Mapping[str, Graph]
    x: Mapping[str, Tensor]
    edges: Mapping[str, Tensor]

    def to(self, dtype: torch.dtype) -> "World":
        def changed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {name: t.to(dtype) if t.is_floating_point() else t for name, t in tensors.items()}

        return replace(self, x=changed(self.x), edges=changed(self.edges))


@dataclass(frozen=True)
class Subject:
    """Something that answers, and what it needs to be asked."""

    module: nn.Module
    answer: Callable[[World], Tensor]
    graphs: Mapping[str, int]  # name -> raw features that its edges have
    inputs: Mapping[str, int]  # node set -> channels, or minus the number of tokens
    hops: int = 1  # the longest walk along which anything is heard
    per: Literal["nodes", "graphs", "edges"] = "nodes"
    answers: str = "nodes"  # the node set that the answer is about
    symmetric: bool = False  # whether it asks for graphs in which hearing is mutual
    ordered: str = ""  # why the order of nodes counts; empty where it does not

    def world(self, *sizes: int, density: float = 0.3, seed: int = 0) -> World:
        """A random world of so many nodes, the same for every node set but one more in each next. Node 0 is alone."""
        generator = torch.Generator().manual_seed(seed)
        n = sizes[0]
        count = {name: n + k if n else 0 for k, name in enumerate(self.inputs)}
        graphs, edges = {}, {}
        for name, features in self.graphs.items():
            senders, receivers = (count[nodes] for nodes in node_sets(name))
            mask = torch.rand(receivers, senders, generator=generator) < density
            mask[:1], mask[:, :1] = False, False
            mask = mask | mask.T if self.symmetric else mask
            graphs[name] = Graph.from_mask(mask)
            if features:
                # Positive, as GCN's weights are.
                edges[name] = torch.rand(graphs[name].num_edges, features, generator=generator) + 0.1
        x = {
            name: torch.randint(-width, (count[name],), generator=generator)
            if width < 0
            else torch.randn(count[name], width, generator=generator)
            for name, width in self.inputs.items()
        }
        return World(graphs, x, edges)


def relabelled(world: World, orders: Mapping[str, Tensor]) -> tuple[World, dict[str, Tensor]]:
    """Node k of the new world is node orders[k] of the old; and which old edge each new edge is."""
    graphs, maps = {}, {}
    for name, graph in world.graphs.items():
        to_new = [orders[nodes].argsort() for nodes in node_sets(name)]
        senders, receivers = (new[old] for new, old in zip(to_new, graph.edges(), strict=True))
        graphs[name], maps[name] = Graph.from_edges(
            senders,
            receivers,
            num_senders=graph.num_senders,
            num_receivers=graph.num_receivers,
            return_order=True,
        )
    x = {name: states[orders[name]] for name, states in world.x.items()}
    return World(graphs, x, {name: e[maps[name]] for name, e in world.edges.items()}), maps


def together(worlds: Sequence[World]) -> World:
    """The disjoint union."""
    first = worlds[0]
    graphs = {name: Graph.batch([w.graphs[name] for w in worlds]) for name in first.graphs}
    x = {name: torch.cat([w.x[name] for w in worlds]) for name in first.x}
    return World(graphs, x, {name: torch.cat([w.edges[name] for w in worlds]) for name in first.edges})


def relabelling_permutes_the_answer(subject: Subject) -> None:
    world = subject.world(7)
    generator = torch.Generator().manual_seed(1)
    orders = {name: torch.randperm(len(states), generator=generator) for name, states in world.x.items()}
    other, maps = relabelled(world, orders)
    before, after = subject.answer(world), subject.answer(other)
    if subject.per == "nodes":
        before = before[orders[subject.answers]]
    elif subject.per == "edges":
        before = before[next(iter(maps.values()))]
    assert_equal_as_promised(after, before)


def the_order_of_the_edge_list_changes_nothing(subject: Subject) -> None:
    world = subject.world(7)
    graphs, edges = {}, {}
    for name, graph in world.graphs.items():
        shuffle = torch.randperm(graph.num_edges, generator=torch.Generator().manual_seed(2))
        senders, receivers = (ends[shuffle] for ends in graph.edges())
        sizes = {"num_senders": graph.num_senders, "num_receivers": graph.num_receivers}
        graphs[name], order = Graph.from_edges(senders, receivers, **sizes, return_order=True)
        if name in world.edges:
            edges[name] = world.edges[name][shuffle][order]
    assert_equal_as_promised(subject.answer(World(graphs, world.x, edges)), subject.answer(world))


def a_batch_answers_as_its_parts(subject: Subject) -> None:
    worlds = [subject.world(5), subject.world(1, seed=1), subject.world(6, seed=2), subject.world(3, density=0.0)]
    apart = torch.cat([subject.answer(world) for world in worlds])
    assert_equal_as_promised(subject.answer(together(worlds)), apart)


def nobody_is_moved_by_whom_they_cannot_hear(subject: Subject) -> None:
    world = subject.world(7, density=0.15)
    before = subject.answer(world)
    reaches = _reaches(world, subject)
    moved = torch.zeros_like(reaches)
    for name, states in world.x.items():
        for j in range(len(states)):
            nudged = states.clone()
            nudged[j] = (states[j] + 1) % -subject.inputs[name] if subject.inputs[name] < 0 else states[j].flip(-1) + 1
            after = subject.answer(replace(world, x={**world.x, name: nudged}))
            rows = [error(a, b) > 1e-11 for a, b in zip(after, before, strict=True)]
            moved[:, _first(world, name) + j] = torch.tensor(rows)
    assert not (moved & ~reaches).any(), "something is heard along no walk"
    others = ~torch.eye(len(moved), moved.shape[1], dtype=torch.bool)
    assert (moved & reaches & others).any(), "nobody hears anybody"
    assert not reaches.all()


def _reaches(world: World, subject: Subject) -> Tensor:
    """Row i, column j: whether a walk of at most `hops` edges leads from node j (of all node sets) to answer row i."""
    total = sum(len(states) for states in world.x.values())
    step = torch.eye(total)
    for name, graph in world.graphs.items():
        senders, receivers = (_first(world, nodes) for nodes in node_sets(name))
        step[receivers : receivers + graph.num_receivers, senders : senders + graph.num_senders] += graph.dense()
    walk = torch.linalg.matrix_power(step, subject.hops) > 0
    own = walk[_first(world, subject.answers) :][: len(world.x[subject.answers])]
    if subject.per == "nodes":
        return own
    senders, receivers = next(iter(world.graphs.values())).edges()
    return own[receivers] | own[senders]


def _first(world: World, nodes: str) -> int:
    """Where a node set begins when all stand one after another."""
    names = list(world.x)
    return sum(len(world.x[name]) for name in names[: names.index(nodes)])


def small_worlds_pass(subject: Subject) -> None:
    """No nodes, one node, no edges: an answer of the right size, finite, and with finite gradients."""
    for world in (subject.world(0), subject.world(1), subject.world(5, density=0.0)):
        subject.module.zero_grad()
        x = {name: t.requires_grad_() if t.is_floating_point() else t for name, t in world.x.items()}
        out = subject.answer(replace(world, x=x))
        rows = {"nodes": len(x[subject.answers]), "graphs": 1, "edges": next(iter(world.graphs.values())).num_edges}
        assert len(out) == rows[subject.per]
        assert out.isfinite().all()
        if out.requires_grad:
            out.sum().backward()
        for given in (*x.values(), *subject.module.parameters()):
            assert given.grad is None or given.grad.isfinite().all()


def gradients_reach_every_parameter(subject: Subject, unmoved: tuple[str, ...] = ()) -> None:
    """`unmoved`: ends of names whose gradient is zero by the formula."""
    if not list(subject.module.parameters()):
        return
    worlds = [subject.world(7, seed=3), subject.world(6, seed=4)]
    out = subject.answer(together(worlds))
    (out * torch.randn(out.shape, generator=torch.Generator().manual_seed(5)).to(out)).sum().backward()
    silent = []
    for name, parameter in subject.module.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), name
        if (parameter.grad is None or not parameter.grad.any()) and not name.endswith(unmoved):
            silent.append(name)
    assert not silent, f"no gradient reaches {silent}"


def double_precision_is_kept(subject: Subject) -> None:
    """In float64 the answer is float64, and near what float32 says."""
    world = subject.world(7)
    single = subject.answer(world)
    subject.module.double()
    double = subject.answer(world.to(torch.float64))
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    assert error(single, double) < 1e-4 * max(1.0, float(double.detach().abs().max()))
