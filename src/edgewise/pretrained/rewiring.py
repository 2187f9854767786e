"""What a rewired model knows: what each of its attentions hears, and what came along with the batch at hand."""

import inspect
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from edgewise.graph import Graph
from edgewise.names import nearest
from edgewise.pretrained.brought import OURS, Brought
from edgewise.pretrained.counted import Counted
from edgewise.pretrained.kept import KEY, NOTE, kept
from edgewise.pretrained.laying import heard_graph
from edgewise.pretrained.own_mask import OwnMask
from edgewise.pretrained.read_arguments import Asked, read_arguments
from edgewise.pretrained.wires import Wire

BACKEND = "edgewise"
MOST = 16
"""So many graphs are kept with a model, for the batches that follow."""

# Arguments by which attentions are told that they hear another sequence than their own.
SOURCES = ("key_value_states", "encoder_hidden_states", "cross_attention_states", "context", "context_hidden_states")
# Arguments that are one tensor where an attention hears its own sequence.
PAIRS = (("query", "key"), ("queries", "keys"))


@dataclass(eq=False)
class Told:
    """What one attention is told: the wires of its heads, and whether it hears another sequence right now."""

    path: str
    rewiring: "Rewiring"
    wires: tuple[Wire, ...] = ()
    cross: tuple[Wire, ...] = ()
    crossing: bool = False
    agrees: bool = False  # with the model's own eager attention, looked at once

    def notice(self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Before each forward of the attention: does it hear another sequence?"""
        given = arguments(module, args, kwargs)
        elsewhere = any(given.get(name) is not None for name in SOURCES)
        apart = any(name in given and given.get(other) is not given[name] for name, other in PAIRS)
        self.crossing = elsewhere or apart or "Cross" in type(module).__name__

    def row_start(self) -> int:
        """The position of the first query of a cross-attention: that of the attention among themselves before it."""
        if self.rewiring.row_start is None and self.cross:
            raise ValueError(
                f"rewire: {self.path} hears the source before its own sequence, so that nothing tells which rows of "
                "the graph its queries are; leave cross= out, or call the model without past_key_values"
            )
        return self.rewiring.row_start or 0

    @contextmanager
    def aside(self, module: nn.Module) -> Iterator[None]:
        """The attention as if it had been told nothing."""
        del module._edgewise
        try:
            yield
        finally:
            module.__dict__["_edgewise"] = self


@dataclass(eq=False)
class Rewiring:
    """A model's attentions and what they hear, the hooks that tell them, and what is to be put back."""

    model: nn.Module
    attentions: dict[str, Told] = field(default_factory=dict)
    handles: list[Any] = field(default_factory=list)
    before: list[tuple[Any, Any]] = field(default_factory=list)  # configs, and the backend that each one named
    brought: Brought = field(default_factory=Brought)
    generating: bool = False
    used: bool = False  # whether any attention has come that was told what to hear
    recording: bool = False  # whether the weights are asked for
    row_start: int | None = 0  # the first position of the attention before; None where it is not known yet
    counted: Counted | None = None  # where somebody counts
    asked: Asked = field(default_factory=Asked)
    known: set[str] = field(default_factory=set)  # the arguments that the model has a name for
    kept: "OrderedDict[Hashable, tuple[Graph, int]]" = field(default_factory=OrderedDict)

    def graph(self, mask: OwnMask, wire: Wire | None, note: Told, device: torch.device) -> tuple[Graph, int]:
        """Who hears whom by this wire, made once for a mask and kept for the batches that look like it."""
        name = (wire, note.crossing)
        if name in mask.laid:
            return mask.laid[name]  # type: ignore[no-any-return]
        self._check_again(mask)
        come = self.brought
        told = (*name, mask.key, mask.batch, device, come.growing, come.copies)
        key = None if mask.key is None or not come.plain else told
        found = None if key is None else self.kept.get(key)
        if found is None:
            graph, examples = heard_graph(mask, wire, self.brought, note.crossing)
            found = (graph.to(device), examples)
        if key is not None:
            self.kept[key] = found
            self.kept.move_to_end(key)
            while len(self.kept) > MOST:
                self.kept.popitem(last=False)
        mask.laid[name] = found
        return found

    def _check_again(self, mask: OwnMask) -> None:
        """Refuse what a layer that is computed again in backward could not find again."""
        if mask.travels or self.brought.plain or not (self.model.training and torch.is_grad_enabled()):
            return
        if any(getattr(module, "gradient_checkpointing", False) for module in self.model.modules()):
            raise ValueError(
                f"rewire: {', '.join(f'{name}=' for name in OURS)} do not reach layers that are computed again in "
                "backward where the model makes its masks itself; turn gradient checkpointing off, or give the graphs "
                "to rewire"
            )

    def enter(self, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """Before each forward: take what is ours out of the arguments, and refuse what would do nothing."""
        kwargs = dict(kwargs)
        ours = {
            name: kwargs.pop(name)
            for name in OURS
            if name in kwargs and name not in inspect.signature(model.forward).parameters
        }
        given = arguments(model, args, kwargs)
        for name, value in masks(given):
            if value.dim() == 4:
                raise ValueError(
                    f"rewire: {name} is a 4-D mask, {list(value.shape)}, and the model is rewired to a graph; both say "
                    "who hears whom. Give a 2-D mask of padding, or restore(model) first"
                )
        if not self.generating:
            self._refuse_unknown(given)
            self.brought = Brought.of(ours, self.needs, growing=given.get("past_key_values") is not None)
        self.row_start = None if self.brought.growing else 0
        self.asked = Asked() if self.generating else Asked.of(given)
        wanted = given.get("output_attentions")
        self.recording = bool(getattr(model.config, "output_attentions", False) if wanted is None else wanted)
        return args, kwargs

    def leave(self, model: nn.Module, args: Any, outputs: Any) -> None:
        """After each forward: refuse a model in which no attention heard what it was told."""
        if not self.used:
            raise ValueError(
                f"rewire: {type(model).__name__} ran and none of the attentions named to rewire heard its own "
                "sequence; cross= says what attentions hear that hear another"
            )

    def generate(self, *args: Any, **kwargs: Any) -> Any:
        """The model's own `generate`, with `graph=`, `tree=` and the like for each example of the prompt."""
        ours = {name: kwargs.pop(name) for name in OURS if name in kwargs}
        self.brought = Brought.of(ours, self.needs, growing=True, copies=True)
        self.generating = True
        try:
            return type(self.model).generate(self.model, *args, **kwargs)  # type: ignore[attr-defined]
        finally:
            self.generating, self.brought = False, Brought()

    def save_pretrained(self, folder: Any, *args: Any, state_dict: Any = None, **kwargs: Any) -> Any:
        """The model's own `save_pretrained`, with the patterns in the config and a note beside the weights."""
        model: Any = self.model
        before = vars(model.config).get(KEY)
        setattr(model.config, KEY, kept(model, self.attentions))
        weights = model.state_dict() if state_dict is None else state_dict
        try:
            noted = {**weights, NOTE: torch.zeros(1)}
            return type(model).save_pretrained(model, folder, *args, state_dict=noted, **kwargs)
        finally:
            setattr(model.config, KEY, before)
            if before is None:
                delattr(model.config, KEY)

    @property
    def needs(self) -> frozenset[str]:
        """What the patterns of all attentions must be told with each batch."""
        wires = [wire for note in self.attentions.values() for wire in (*note.wires, *note.cross)]
        return frozenset[str]().union(*(wire.needs for wire in wires))

    def _refuse_unknown(self, given: Mapping[str, Any]) -> None:
        known = self.known = self.known or read_arguments(self.model)
        for name, value in given.items():
            if value is not None and name not in known:
                raise TypeError(
                    f"rewire: {type(self.model).__name__} takes {name}= and does nothing with it; leave it out. "
                    + (
                        "Heads are rewired by heads=, as in rewire(model, pattern, heads=[0])"
                        if "head" in name
                        else nearest(name, [*known, *OURS])
                    )
                )


def may_cross(module: nn.Module) -> bool:
    """Whether an attention has an argument for another sequence to hear."""
    names = inspect.signature(module.forward).parameters
    return "Cross" in type(module).__name__ or any(name in names for name in (*SOURCES, *dict(PAIRS)))


def masks(given: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """The masks among the arguments; transformers takes one, or one for each kind of layers."""
    for name, value in given.items():
        if name.endswith("attention_mask"):
            kinds = value.items() if isinstance(value, Mapping) else [(None, value)]
            for kind, mask in kinds:
                if isinstance(mask, Tensor):
                    yield name if kind is None else f"{name}[{kind!r}]", mask


def arguments(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a forward by name, however they were given."""
    names = inspect.signature(module.forward).parameters if args else ()
    return {**dict(zip(names, args, strict=False)), **kwargs}
