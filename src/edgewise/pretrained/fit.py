"""Whether a state holds what is expected: every name, every shape, and equal numbers where two names are one tensor."""

from collections.abc import Iterable, Mapping

import torch
from jaxtyping import Shaped
from torch import Tensor

AnyTensor = Shaped[Tensor, "..."]
State = Mapping[str, AnyTensor]
LISTED = 8  # names that an error lists of each kind


def check_fit(where: str, given: State, expected: State, tied: Mapping[str, str], mend: str) -> None:
    """One error that lists all that does not fit. A tied tensor may be given under either name, or under both."""
    one_of = {**tied, **{first: second for second, first in tied.items()}}
    missing = [name for name in expected if name not in given and one_of.get(name) not in given]
    unknown = [name for name in given if name not in expected]
    shapes = [
        f"{name} {list(x.shape)} (expected {list(expected[name].shape)})"
        for name, x in given.items()
        if name in expected and x.shape != expected[name].shape
    ]
    told = [
        f"{what} {_listed(names)}"
        for what, names in (("missing", missing), ("unknown", unknown), ("of another shape", shapes))
        if names
    ]
    if told:
        raise ValueError(f"{where}: the state does not fit the model: {'; '.join(told)}. {mend}")
    for second, first in tied.items():
        if first in given and second in given and not torch.equal(given[first], given[second]):
            raise ValueError(f"{where}: {first} and {second} are one tensor in this model, but their numbers differ")


def _listed(names: Iterable[str]) -> str:
    names = sorted(names)
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
