"""The properties are suspected: each fails on a module that does not have it."""

import pytest
import torch
from tests import properties
from tests.properties import Subject, World
from torch import nn

from edgewise import aggregate


class Sum(nn.Module):
    """What the neighbours say, added: a module with every property."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(4, 4)

    def forward(self, world: World) -> torch.Tensor:
        x = self.project(world.x["nodes"])
        return x + aggregate(x[:, None], world.graphs["edges"])[:, 0]


class ByPlace(Sum):
    def forward(self, world):
        return super().forward(world) * torch.arange(len(world.x["nodes"]))[:, None]


class ByEdgeNumber(Sum):
    def forward(self, world):
        order = torch.arange(world.graphs["edges"].num_edges).to(world.x["nodes"])
        return super().forward(world) + (order * world.edges["edges"][:, 0]).sum()


class Everybody(Sum):
    def forward(self, world):
        return super().forward(world) + world.x["nodes"].sum()


class Centred(Sum):
    """Not a number where there is nobody, or one alone."""

    def forward(self, world):
        x = super().forward(world)
        return x / (x - x.mean(0)).norm(dim=0)


class Idle(Sum):
    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.ones(1))


class Deaf(Sum):
    def forward(self, world):
        return self.project(world.x["nodes"])


class Single(Sum):
    def forward(self, world):
        return super().forward(world).float()


def subject(module: nn.Module, edges: int = 0) -> Subject:
    torch.manual_seed(0)
    return Subject(module, module.forward, {"edges": edges}, {"nodes": 4})


ALL = [
    properties.relabelling_permutes_the_answer,
    properties.the_order_of_the_edge_list_changes_nothing,
    properties.a_batch_answers_as_its_parts,
    properties.nobody_is_moved_by_whom_they_cannot_hear,
    properties.small_worlds_pass,
    properties.gradients_reach_every_parameter,
    properties.double_precision_is_kept,
]


@pytest.mark.parametrize("holds", ALL)
def test_a_good_module_has_every_property(holds):
    holds(subject(Sum()))


@pytest.mark.parametrize(
    ("holds", "module", "edges"),
    [
        (properties.relabelling_permutes_the_answer, ByPlace, 0),
        (properties.relabelling_permutes_the_answer, ByEdgeNumber, 1),
        (properties.a_batch_answers_as_its_parts, Everybody, 0),
        (properties.nobody_is_moved_by_whom_they_cannot_hear, Everybody, 0),
        (properties.nobody_is_moved_by_whom_they_cannot_hear, Deaf, 0),
        (properties.small_worlds_pass, Centred, 0),
        (properties.gradients_reach_every_parameter, Idle, 0),
        (properties.double_precision_is_kept, Single, 0),
    ],
)
def test_a_module_without_the_property_is_found_out(holds, module, edges):
    with pytest.raises(AssertionError):
        holds(subject(module(), edges))


def test_features_that_do_not_follow_their_edges_are_found_out(monkeypatch):
    class Weighed(Sum):
        def forward(self, world):
            return aggregate(world.x["nodes"][:, None], world.graphs["edges"], weights=world.edges["edges"])[:, 0]

    properties.the_order_of_the_edge_list_changes_nothing(subject(Weighed(), 1))
    made = properties.Graph.from_edges

    def unordered(*args, **given):
        graph, order = made(*args, **given)
        return graph, torch.arange(len(order))

    monkeypatch.setattr(properties.Graph, "from_edges", unordered)
    with pytest.raises(AssertionError):
        properties.the_order_of_the_edge_list_changes_nothing(subject(Weighed(), 1))
