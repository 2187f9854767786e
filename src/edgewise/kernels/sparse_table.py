"""A table of numbers most of which are zero, as a graph: a row hears its columns."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional
from torch.utils.weak import WeakTensorKeyDictionary

from edgewise.graph import Graph
from edgewise.kernels.aggregate import aggregate

_TABLES: Any = WeakTensorKeyDictionary()  # a CSR tensor -> its table, kept as long as the tensor is


class SparseTable(Tensor):
    """x W = Σ_f x_if w_f over the features f that row i has: `aggregate` of the rows of W over a bipartite graph.

    So a product and both its gradients cost what the stored entries cost, by the same compiled sum as every layer's.
    It stands where a table of raw features does in a network, and takes what becomes of raw features first: a
    projection, and dropout, of the stored entries alone (a zero stays zero whether it is dropped or not). Anything else
    would need the zeros, and is an error.

    >>> words = Graph.from_edges(torch.tensor([4, 0, 2]), torch.tensor([0, 1, 1]), num_senders=5, num_receivers=2)
    >>> table = SparseTable(words, torch.ones(3))
    >>> table
    SparseTable(2 rows, 5 columns, 3 entries)
    >>> torch.nn.Linear(5, 3)(table).shape
    torch.Size([2, 3])
    """

    columns: Graph
    entries: Tensor

    @staticmethod
    def __new__(cls, columns: Graph, entries: Float[Tensor, "edges"]) -> "SparseTable":
        """`columns`: row i hears the columns in which it has an entry. `entries`: in the graph's edge order."""
        size = (columns.num_receivers, columns.num_senders)
        made: Any = Tensor._make_wrapper_subclass(cls, size, dtype=entries.dtype, device=entries.device)
        made.columns, made.entries = columns, entries
        table: SparseTable = made
        return table

    @classmethod
    def of(cls, table: Float[Tensor, "rows columns"]) -> "SparseTable":
        """The same table as PyTorch's CSR layout has it; made once for a tensor and kept while that is there."""
        if table.layout is not torch.sparse_csr or table.dim() != 2:
            raise TypeError(
                f"SparseTable: expected a table in torch.sparse_csr layout, got {table.layout} {list(table.shape)};"
                " table.to_sparse_csr() makes one"
            )
        if table.requires_grad:
            return cls._read(table)
        if table not in _TABLES:
            _TABLES[table] = cls._read(table)
        found: SparseTable = _TABLES[table]
        return found

    @classmethod
    def _read(cls, table: Tensor) -> "SparseTable":
        counts = table.crow_indices().diff()
        rows = torch.repeat_interleave(torch.arange(len(counts), device=table.device), counts)
        columns, order = Graph.from_edges(
            table.col_indices(), rows, num_senders=table.shape[1], num_receivers=table.shape[0], return_order=True
        )
        return cls(columns, table.values()[order])

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Projection and dropout; sizes and dtype are answered by what a tensor is."""
        if func in _ANSWERS:
            return _ANSWERS[func](*args, **kwargs or {})
        return super().__torch_function__(func, types, args, kwargs or {})  # type: ignore[no-untyped-call]

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """What would need the zeros."""
        raise TypeError(
            f"SparseTable: {func} would need the zeros of sparse features, which are projected or dropped out first and"
            " nothing else; take a model that projects them (an embedding of features), or features.to_dense()"
        )


def _linear(x: Any, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    entries = x.entries.to(weight.dtype)
    y = aggregate(weight.t().contiguous()[:, None], x.columns, "sum", weights=entries)[:, 0]
    return y if bias is None else y + bias


def _dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> SparseTable:
    return SparseTable(x.columns, functional.dropout(x.entries, p, training)) if training and p else x


def _described(x: Any, *, tensor_contents: Any = None) -> str:
    return f"SparseTable({x.shape[0]} rows, {x.shape[1]} columns, {len(x.entries)} entries)"


_ANSWERS: Mapping[Any, Callable[..., Any]] = {
    functional.linear: _linear,
    functional.dropout: _dropout,
    Tensor.__repr__: _described,
}
