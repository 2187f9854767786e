"""Merging the features of duplicate edges: neighbours in a sorted list, reduced segment by segment."""

from collections.abc import Callable

import torch
from jaxtyping import Int64, Shaped
from torch import Tensor

Features = Shaped[Tensor, "edges_given *channels"]
Merged = Shaped[Tensor, "edges *channels"]


def merge_sum(features: Features, copies: Int64[Tensor, "edges"]) -> Merged:
    """The copies of an edge are added up."""
    if features.is_floating_point():
        return torch.segment_reduce(features, "sum", lengths=copies)
    total = features.new_zeros((len(copies), *features.shape[1:]))
    return total.index_add_(0, edge_of_copy(copies), features)


def merge_mean(features: Features, copies: Int64[Tensor, "edges"]) -> Merged:
    """The copies of an edge are averaged."""
    if not features.is_floating_point():
        raise TypeError(
            f'from_edges: duplicates="mean" needs floating-point features, got {features.dtype}; '
            "convert them with .float()"
        )
    return torch.segment_reduce(features, "mean", lengths=copies)


def merge_max(features: Features, copies: Int64[Tensor, "edges"]) -> Merged:
    """The largest of the copies of an edge, channel by channel."""
    if features.is_floating_point():
        return torch.segment_reduce(features, "max", lengths=copies)
    index = edge_of_copy(copies).reshape(-1, *[1] * (features.dim() - 1)).expand_as(features)
    largest = merge_first(features, copies)
    return largest.scatter_reduce(0, index, features, "amax")


def merge_first(features: Features, copies: Int64[Tensor, "edges"]) -> Merged:
    """The copy that was given first."""
    return features[first_copies(copies)]


def first_copies(copies: Int64[Tensor, "edges"]) -> Int64[Tensor, "edges"]:
    """Where in the sorted list the first copy of each edge stands."""
    return copies.cumsum(0) - copies


def edge_of_copy(copies: Int64[Tensor, "edges"]) -> Int64[Tensor, "edges_given"]:
    """The edge that each copy belongs to."""
    return torch.repeat_interleave(torch.arange(len(copies), device=copies.device), copies)


MERGES: dict[str, Callable[[Features, Int64[Tensor, "edges"]], Merged]] = {
    "sum": merge_sum,
    "mean": merge_mean,
    "max": merge_max,
    "first": merge_first,
}
