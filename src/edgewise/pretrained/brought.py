"""What comes along with one batch: a graph, and what patterns need to know of the tokens of each example."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any, TypeVar

import torch
from torch import Tensor

from edgewise.graph import Graph
from edgewise.patterns import Nodes, Pattern, blocks, links, spans, tree
from edgewise.patterns.nodes import GIVEN
from edgewise.pretrained.own_mask import OwnMask, Stretch
from edgewise.pretrained.wires import One, heard, needs_of

Item = TypeVar("Item")
OF_TOKENS: dict[str, Pattern] = {"tree": tree(), "spans": spans(), "links": links()}
"""What a batch may bring for patterns, by the word of `build`, and the pattern that knows what it must be."""
OURS = ("graph", "lengths", *OF_TOKENS)
"""The arguments of a rewired model's forward that its own does not know."""


@dataclass(frozen=True, eq=False)
class Brought:
    """What comes along with one batch."""

    graph: One | tuple[One, ...] | None = None  # who may hear whom in it, besides all else
    of_tokens: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)  # trees and the like, one an example
    lengths: tuple[Any, ...] | None = None  # of the sequences packed into each example
    growing: bool = False  # whether the sequence is to grow, so that a graph may have more nodes than there are yet
    copies: bool = False  # whether examples may be copied, as they are for beams and samples

    @classmethod
    def of(
        cls, arguments: Mapping[str, Any], needed: frozenset[str], *, growing: bool, copies: bool = False
    ) -> "Brought":
        """Those of a call's arguments that are ours; `needed` is what the patterns of the model need."""
        found = None if arguments.get("graph") is None else heard(arguments["graph"])
        if found is not None:
            check_needs(found)
            needed |= needs_of(found)
        given = {name: value for name, value in arguments.items() if name != "graph" and value is not None}
        for name, value in given.items():
            if not isinstance(value, tuple | list | Tensor):
                raise TypeError(
                    f"rewire: {name} must be a list with an entry for each example, got {type(value).__name__}; an "
                    f"entry is {GIVEN[name]}"
                )
            if name not in needed and name != "lengths":
                raise ValueError(f"rewire: {name}= was given, and no pattern of the model needs it; leave it out")
        lengths = given.pop("lengths", None)
        if lengths is not None and growing:
            raise ValueError(
                "rewire: lengths= packs whole sequences, and none of them can grow; leave it out, or the cache"
            )
        of_tokens = {name: tuple(value) for name, value in given.items()}
        return cls(found, of_tokens, None if lengths is None else tuple(lengths), growing, copies)

    @property
    def plain(self) -> bool:
        """Whether it brings nothing that changes a graph."""
        return self.graph is None and self.lengths is None and not self.of_tokens

    def packed(self, mask: OwnMask) -> tuple[Graph, ...] | None:
        """Who may hear whom where sequences are packed: each its own, in each example; None where none are."""
        if self.lengths is None:
            return None
        made = []
        for n, own in enumerate(for_each(self.lengths, mask.batch, self.copies, "list of lengths")):
            first, stop = mask.extents[n]
            try:
                made.append(blocks().build(stop - first, lengths=own))
            except (TypeError, ValueError) as error:
                raise type(error)(
                    f"rewire: lengths of example {n}, which has {stop - first} tokens: {error}"
                ) from error
        return tuple(made)

    def cut(self, mask: OwnMask, stretches: Sequence[Stretch]) -> list[Stretch]:
        """The stretches that patterns are laid on, cut where a sequence ends."""
        if self.lengths is None:
            return list(stretches)
        given = for_each(self.lengths, mask.batch, self.copies, "list of lengths")
        found = []
        for example, first, stop in stretches:
            ends = accumulate(map(int, given[example]), initial=mask.extents[example][0])
            inner = {end for end in ends if first < end < stop}
            found += [Stretch(example, a, b) for a, b in pairwise([first, *sorted(inner), stop])]
        return found

    def of_stretches(
        self, pattern: Pattern, mask: OwnMask, stretches: Sequence[tuple[Stretch, int]], example: int | None
    ) -> list[dict[str, Tensor]]:
        """What a pattern needs for each stretch and its number of senders; `example` where all are of one."""
        numbers = [stretch.example if example is None else example for stretch, _ in stretches]
        starts = [stretch.first - mask.extents[n][0] for n, (stretch, _) in zip(numbers, stretches, strict=True)]
        stops = [start + count for start, (_, count) in zip(starts, stretches, strict=True)]
        tokens = {n: max(stop for m, stop in zip(numbers, stops, strict=True) if m == n) for n in set(numbers)}
        told: list[dict[str, Tensor]] = [{} for _ in stretches]
        for name in sorted(pattern.needs & OF_TOKENS.keys()):
            if name not in self.of_tokens:
                raise ValueError(
                    f"rewire: the pattern {pattern} needs {name}= for each example; give it with the batch: "
                    f"model(..., {name}=[of the first, of the second, ...]), each {GIVEN[name]}"
                )
            given = for_each(self.of_tokens[name], mask.batch, self.copies, name)
            whole = {n: self._checked(name, given[n], tokens[n], n) for n in tokens}
            for own, n, start, stop in zip(told, numbers, starts, stops, strict=True):
                own[name] = CUT[name](whole[n], start, stop)
        return told

    def _checked(self, name: str, value: Any, tokens: int, example: int) -> Tensor:
        """What was brought for one example, as a tensor; for more tokens than there are yet, if they are to grow."""
        try:
            found: Tensor = getattr(Nodes.of(0, **{name: value}), name)
            there = int(found.max()) if name == "spans" and len(found) else len(found)
            count = max(tokens, there) if self.growing else tokens
            told: dict[str, Any] = {name: found}
            OF_TOKENS[name].check(Nodes.of(count, **told))
        except (TypeError, ValueError, IndexError) as error:
            raise type(error)(
                f"rewire: {name} of example {example}, which has {tokens} tokens without padding: {error}"
            ) from error
        return found


def _cut_tree(heads: Tensor, start: int, stop: int) -> Tensor:
    own = heads[start:stop] - start
    return own.where((own >= 0) & (own < stop - start), -1)


def _cut_spans(spans: Tensor, start: int, stop: int) -> Tensor:
    own = spans.clamp(start, stop) - start
    return own[own[:, 0] < own[:, 1]]


def _cut_links(labels: Tensor, start: int, stop: int) -> Tensor:
    return labels[start:stop]


# The same for the tokens [start, stop) alone, counted from there: what is heard across the cut falls away.
CUT: dict[str, Callable[[Tensor, int, int], Tensor]] = {"tree": _cut_tree, "spans": _cut_spans, "links": _cut_links}


def together(told: Sequence[Mapping[str, Tensor]]) -> dict[str, Any]:
    """What `build_batch` is given: one after another, but a list of spans for each graph."""
    names = told[0] if told else ()
    lists = {name: [own[name] for own in told] for name in names}
    return {name: parts if name == "spans" else torch.cat(parts) for name, parts in lists.items()}


def for_each(given: tuple[Item, ...], batch: int, copied: bool, what: str) -> tuple[Item, ...]:
    """One for each example, where `generate` may have made several of one."""
    copies = batch // max(len(given), 1)
    if len(given) * copies != batch or (copies != 1 and not copied):
        raise ValueError(
            f"rewire: expected a {what} for each of the {batch} examples of the batch, got {len(given)}; give as many "
            "as there are examples"
        )
    return tuple(one for one in given for _ in range(copies))


def check_needs(part: One | tuple[One, ...]) -> None:
    """Refuse patterns that need what no batch brings."""
    other = needs_of(part) - OF_TOKENS.keys()
    if other:
        raise ValueError(
            f"rewire: the pattern needs {min(other)}=, which it is not told; {', '.join(OF_TOKENS)} come with the "
            "batch, any graph as graph=, and lengths= of packed documents cut whatever pattern there is"
        )
