"""Two-way tables of names: what another library calls a tensor, and what it is called here."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from edgewise.models.tied import tied_names
from edgewise.pretrained.fit import check_fit

AnyTensor = Shaped[Tensor, "..."]
State = Mapping[str, AnyTensor]


@dataclass(frozen=True)
class Row:
    """theirs = [ours₁ ‖ ours₂ ‖ …], one after another along the first dimension, or that matrix transposed.

    `{n}` stands for the number of a layer and `*` for weight or bias, the same in every name of the row.

    >>> Row("h.{n}.attn.*", ("blocks.{n}.query.*", "blocks.{n}.key.*")).written_out("blocks.3.query.bias")
    Row(theirs='h.3.attn.bias', ours=('blocks.3.query.bias', 'blocks.3.key.bias'), transposed=False)
    """

    theirs: str
    ours: str | tuple[str, ...]
    transposed: bool = False  # theirs keeps a matrix as [in, out]

    @property
    def names(self) -> tuple[str, ...]:
        """Our names, in the order in which theirs holds them."""
        return (self.ours,) if isinstance(self.ours, str) else self.ours

    def under(self, theirs: str, ours: str = "") -> "Row":
        """The same row for a part of a larger model: each side with its prefix."""
        return replace(self, theirs=theirs + self.theirs, ours=tuple(ours + name for name in self.names))

    def written_out(self, name: str) -> "Row | None":
        """The row whose first name of ours is `name`; None where `name` is none of them."""
        pattern = re.escape(self.names[0]).replace(r"\{n\}", r"(?P<n>\d+)").replace(r"\*", r"(?P<kind>weight|bias)")
        found = re.fullmatch(pattern, name)
        if found is None:
            return None
        n, kind = (found.groupdict().get(group, "") for group in ("n", "kind"))
        theirs, *ours = (text.replace("{n}", n).replace("*", kind) for text in (self.theirs, *self.names))
        return replace(self, theirs=theirs, ours=tuple(ours))

    def joined(self, ours: Sequence[AnyTensor]) -> AnyTensor:
        """Their tensor, made of ours."""
        whole = ours[0] if len(ours) == 1 else torch.cat(list(ours))
        return whole.t().contiguous() if self.transposed and whole.dim() == 2 else whole

    def split(self, theirs: AnyTensor, sizes: Sequence[int]) -> list[AnyTensor]:
        """Our tensors, made of theirs: what `joined` undoes. Parts get memory of their own, as safetensors wants it."""
        whole = theirs.t().contiguous() if self.transposed and theirs.dim() == 2 else theirs
        return [whole] if len(sizes) == 1 else [part.clone() for part in whole.split(list(sizes))]


@dataclass(frozen=True)
class NamesTable:
    """The names of one format, with `to_theirs(from_theirs(state)) == state`, names and tensors, exactly.

    `module` is one of ours, on any device: it says which names there are, of which shapes, and which are tied. A tied
    tensor has two names; it may come under one of them alone, and then leaves under that one alone.

    After the tables of torchtune and litgpt.
    """

    format: str  # what errors call it
    rows: tuple[Row, ...]

    def from_theirs(
        self, state: State, module: nn.Module, *, skip: Sequence[str] = (), mend: str = ""
    ) -> dict[str, AnyTensor]:
        """Their state under our names. `skip` lists names of theirs to leave out; `*` in one stands for anything."""
        for pattern in skip:
            if not any(fnmatchcase(name, pattern) for name in state):
                raise ValueError(f"{self.format}: skip lists {pattern!r}, but no name in the state is like that")
        state = {name: x for name, x in state.items() if not any(fnmatchcase(name, pattern) for pattern in skip)}
        expected = module.state_dict()
        rows = self.written_out(expected)
        theirs = {row.names[0]: name for name, row in rows.items()}
        shapes = {name: row.joined([expected[own].to("meta") for own in row.names]) for name, row in rows.items()}
        tied = {theirs[second]: theirs[first] for second, first in tied_names(module).items()}
        check_fit(self.format, state, shapes, tied, mend)
        ours: dict[str, AnyTensor] = {}
        for name, x in state.items():
            row = rows[name]
            sizes = [len(expected[own]) if expected[own].dim() else 1 for own in row.names]
            ours.update(zip(row.names, row.split(x, sizes), strict=True))
        return ours

    def to_theirs(self, state: State, module: nn.Module) -> dict[str, AnyTensor]:
        """Our state under their names."""
        expected = module.state_dict()
        rows = self.written_out(expected)
        check_fit(f"{self.format} (our names)", state, expected, tied_names(module), "")
        return {
            name: row.joined([state[own] for own in row.names]) for name, row in rows.items() if row.names[0] in state
        }

    def written_out(self, ours: State) -> dict[str, Row]:
        """Every row for every layer, by their name; together they hold each of our names once."""
        rows = [made for row in self.rows for name in ours if (made := row.written_out(name)) is not None]
        held = [name for row in rows for name in row.names]
        odd = sorted({*held} ^ {*ours})
        if odd or len(held) != len(ours):
            raise ValueError(
                f"{self.format}: has no place for every part of this model; ours and theirs differ in {', '.join(odd)}"
            )
        return {row.theirs: row for row in rows}
