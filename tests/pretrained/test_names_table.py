"""A table of names goes both ways exactly, and lists everything that does not fit."""

import re

import pytest
import torch
from torch import nn

from edgewise.pretrained import NamesTable, Row

TABLE = NamesTable(
    "Theirs",
    (
        Row("table", "embed.weight"),
        Row("layer.{n}.both.*", ("blocks.{n}.left.*", "blocks.{n}.right.*"), transposed=True),
        Row("logits", "head.weight"),
    ),
)


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(2, 3), nn.Linear(2, 5)


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.blocks = nn.Embedding(4, 2), nn.ModuleList([Pair(), Pair()])
        self.head = nn.Linear(2, 4, bias=False)


def theirs() -> dict[str, torch.Tensor]:
    return {
        "table": torch.randn(4, 2),
        **{f"layer.{n}.both.weight": torch.randn(2, 8) for n in range(2)},
        **{f"layer.{n}.both.bias": torch.randn(8) for n in range(2)},
        "logits": torch.randn(4, 2),
    }


def test_fused_and_transposed_tensors_come_apart_and_together():
    state, module = theirs(), Small()
    ours = TABLE.from_theirs(state, module)
    assert torch.equal(ours["blocks.1.right.weight"], state["layer.1.both.weight"].t()[3:])
    assert torch.equal(ours["blocks.0.left.bias"], state["layer.0.both.bias"][:3])
    module.load_state_dict(ours)
    back = TABLE.to_theirs(module.state_dict(), module)
    assert set(back) == set(state)
    assert all(torch.equal(x, state[name]) for name, x in back.items())


def test_everything_that_does_not_fit_is_listed_at_once():
    state = theirs()
    del state["logits"]
    state |= {"extra": torch.ones(1), "table": torch.ones(4, 3)}
    message = "Theirs: the state does not fit the model: missing logits; unknown extra; of another shape table [4, 3] "
    with pytest.raises(ValueError, match=re.escape(message + "(expected [4, 2])")):
        TABLE.from_theirs(state, Small())


def test_long_lists_are_cut():
    state = theirs() | {f"extra.{n}": torch.ones(1) for n in range(11)}
    with pytest.raises(ValueError, match=r"unknown extra.0, extra.1, extra.10, .* and 3 more"):
        TABLE.from_theirs(state, Small())


def test_our_own_names_are_checked_on_the_way_out():
    module = Small()
    state = module.state_dict()
    del state["blocks.0.left.weight"]
    with pytest.raises(ValueError, match=r"Theirs \(our names\): .* missing blocks.0.left.weight"):
        TABLE.to_theirs(state, module)


def test_names_are_skipped_only_where_there_are_any():
    state = theirs() | {"pooler.weight": torch.ones(1)}
    assert TABLE.from_theirs(state, Small(), skip=["pooler.*"])
    with pytest.raises(
        ValueError, match=re.escape("Theirs: skip lists 'poler.*', but no name in the state is like that")
    ):
        TABLE.from_theirs(state, Small(), skip=["pooler.*", "poler.*"])


def test_a_model_with_other_parts_has_no_place():
    module = Small()
    module.norm = nn.LayerNorm(2)
    message = "no place for every part of this model; ours and theirs differ in norm.bias, norm.weight"
    with pytest.raises(ValueError, match=message):
        TABLE.from_theirs(theirs(), module)
    del module.norm
    module.blocks[0].right.bias = None
    with pytest.raises(ValueError, match=r"ours and theirs differ in blocks.0.right.bias"):
        TABLE.from_theirs(theirs(), module)


@pytest.mark.parametrize("given", ["table", "logits", "both"])
def test_a_tied_tensor_leaves_under_the_names_it_came_under(given):
    module, state = Small(), theirs()
    module.head.weight = module.embed.weight
    state["logits"] = state["table"]
    state = {name: x for name, x in state.items() if given == "both" or name not in {"table", "logits"} - {given}}
    ours = TABLE.from_theirs(state, module)
    back = TABLE.to_theirs(ours, module)
    assert set(back) == set(state)
    assert all(torch.equal(x, state[name]) for name, x in back.items())


def test_a_tied_tensor_is_one():
    module = Small()
    module.head.weight = module.embed.weight
    with pytest.raises(ValueError, match="Theirs: table and logits are one tensor in this model, but their numbers"):
        TABLE.from_theirs(theirs(), module)
