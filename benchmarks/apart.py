"""How far two answers are apart: max|a - b| beside max(1, max|b|), which the promise of equality bounds."""

from typing import Any

import torch


def worst(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    """max|a - b| / max(1, max|b|) over all tensors; infinite where one side lacks one."""
    if ours.keys() != theirs.keys():
        return float("inf")
    return max((error(ours[name], theirs[name]) for name in theirs), default=0.0)


def worst_gradient(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    """The largest difference of gradients, in parts of the largest gradient."""
    largest = max((size(g) for g in theirs.values()), default=0.0)
    zero = torch.zeros(())
    off = [apart(ours.get(n, zero), theirs.get(n, zero)) for n in {*ours, *theirs}]
    return max(off, default=0.0) / max(largest, 1e-30)


def error(a: torch.Tensor, b: torch.Tensor) -> float:
    return apart(a, b) / max(1.0, size(b)) if a.shape == b.shape else float("inf")


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    """max|a - b|; infinite where one side alone is no number."""
    same = (a == b) | (a.isnan() & b.isnan())
    off = (a - b).abs().nan_to_num(float("inf"), float("inf")).masked_fill(same, 0.0)
    return float(off.max()) if off.numel() else 0.0


def size(x: torch.Tensor) -> float:
    """max|x| of its numbers, those that stand for nothing left out."""
    finite = x[x.isfinite() & (x.abs() < 1e30)]
    return float(finite.abs().max()) if finite.numel() else 0.0
