"""The sweep: set operations as one walk over the ends of two lists of intervals. The definition, on any device.

Laid on the line (see `line.py`), a point lies inside a list of intervals iff the number of interval ends at or before
it is odd. So merge the ends of both lists, count, and an operation is a truth table on (inside a, inside b): its
result begins or ends exactly where the value of the table changes.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor

from edgewise.graph.line import Line

# Bit `2 * inside_a + inside_b` of the number is the answer.
UNION = 0b1110
INTERSECTION = 0b1000
DIFFERENCE = 0b0100
REVERSE_DIFFERENCE = 0b0010


class Sweep(NamedTuple):
    """The ends of two lists in order, each place once, and `2 * inside_a + inside_b` just before and from there on."""

    place: Int64[Tensor, "ends"]
    before: UInt8[Tensor, "ends"]
    after: UInt8[Tensor, "ends"]


def sweep(a: Line, b: Line) -> Sweep:
    """Walk over the ends of both lists at once."""
    place, from_b = merge(torch.stack(a, dim=1).flatten(), torch.stack(b, dim=1).flatten())
    ends_of_b = from_b.cumsum(0)
    ends_of_a = torch.arange(1, len(place) + 1, device=place.device) - ends_of_b
    state = (((ends_of_a & 1) << 1) | (ends_of_b & 1)).to(torch.uint8)
    last_here = place.new_ones(len(place), dtype=torch.bool)
    torch.ne(place[1:], place[:-1], out=last_here[:-1])
    place, after = place[last_here], state[last_here]
    return Sweep(place, torch.cat([after.new_zeros(1), after])[:-1], after)


def merge(a: Int64[Tensor, "some"], b: Int64[Tensor, "others"]) -> tuple[Int64[Tensor, "all"], Bool[Tensor, "all"]]:
    """Two sorted lists as one, and which of its entries are from b."""
    merged = torch.empty(len(a) + len(b), dtype=a.dtype, device=a.device)
    from_b = torch.ones(len(merged), dtype=torch.bool, device=a.device)
    rank_of_a = torch.searchsorted(b, a) + torch.arange(len(a), device=a.device)
    from_b[rank_of_a] = False
    merged[rank_of_a] = a
    merged[from_b] = b
    return merged, from_b


def answer(swept: Sweep, table: int) -> Line:
    """The intervals on which the table says yes."""
    changes = swept.place[truth(swept.before, table) != truth(swept.after, table)]
    return Line(changes[0::2].contiguous(), changes[1::2].contiguous())


def truth(state: UInt8[Tensor, "ends"], table: int) -> Bool[Tensor, "ends"]:
    """What the table says of each state."""
    return torch.bitwise_right_shift(table, state) & 1 == 1
