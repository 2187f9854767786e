"""What *equal* means in these tests, in one place."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

# Relative to the largest number of the peer, and never less than to 1.
TOLERANCE = {torch.float64: 1e-11, torch.float32: 1e-5}


def error(ours: Tensor, theirs: Tensor) -> float:
    """max |ours - theirs| in float64: 0 where nothing is compared, infinite where a NaN stands on one side only."""
    assert ours.shape == theirs.shape, f"shapes differ: ours {list(ours.shape)}, theirs {list(theirs.shape)}"
    a, b = ours.detach().double(), theirs.detach().double()
    same = (a == b) | (a.isnan() & b.isnan())
    difference = torch.where(same, 0, (a - b).abs()).nan_to_num(nan=torch.inf)
    return float(difference.max()) if difference.numel() else 0.0


def assert_equal_as_promised(ours: Tensor, theirs: Tensor, float64_truth: Tensor | None = None) -> None:
    """max|a - b| <= 1e-5 · max(1, max|b|) in float32, or our error against float64 at most twice the peer's.

    In float64 the factor is 1e-11. In half precisions only the second half counts, so they need the truth.
    """
    assert ours.dtype == theirs.dtype, f"dtypes differ: ours {ours.dtype}, theirs {theirs.dtype}"
    told = []
    if ours.dtype in TOLERANCE:
        found = error(ours, theirs)
        largest = float(theirs.detach().abs().nan_to_num(posinf=0).max()) if theirs.numel() else 0.0
        allowed = TOLERANCE[ours.dtype] * max(1.0, largest)
        if found <= allowed:
            return
        told.append(f"max|a - b| is {found:.3g}, {allowed:.3g} is allowed")
    else:
        assert float64_truth is not None, f"{ours.dtype} is compared by its error against float64: give float64_truth"
    if float64_truth is not None:
        mine, peers = error(ours, float64_truth), error(theirs, float64_truth)
        if mine <= 2 * peers < torch.inf:
            return
        told.append(f"our error against float64 is {mine:.3g}, the peer's {peers:.3g}")
    raise AssertionError("not equal: " + "; ".join(told))


def assert_all_equal_as_promised(
    ours: Sequence[Tensor], theirs: Sequence[Tensor], float64_truth: Sequence[Tensor] | None = None
) -> None:
    """`assert_equal_as_promised` of each of ours: an output and its gradients, say."""
    truths = [None] * len(ours) if float64_truth is None else float64_truth
    for n, (a, b, truth) in enumerate(zip(ours, theirs, truths, strict=True)):
        try:
            assert_equal_as_promised(a, b, truth)
        except AssertionError as failed:
            raise AssertionError(f"number {n} of {len(ours)}: {failed}") from None


def assert_states_equal_as_promised(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> None:
    """The same names, and tensors that are equal by name; at least one."""
    assert ours, "nothing to compare"
    assert set(ours) == set(theirs), f"names differ: {sorted(set(ours) ^ set(theirs))}"
    for name, x in ours.items():
        try:
            assert_equal_as_promised(x, theirs[name])
        except AssertionError as error_of_name:
            raise AssertionError(f"{name}: {error_of_name}") from None
