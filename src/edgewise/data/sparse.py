"""Tables of features most of which are zero, in PyTorch's CSR layout."""

import warnings
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

LARGE, SHARE = 2**20, 1 / 8
"""A table is kept sparse where it has that many places, of which at most that share is not zero. A product with its
gradient costs as much as the dense one where a sixth of the places is filled, a table as many bytes where a third is;
small tables are cheap and easier to look at dense."""


def is_sparse(table: Float[Tensor, "rows columns"]) -> bool:
    """Whether only the entries that are not zero are stored."""
    return table.layout is torch.sparse_csr


def sparse_table(
    rows: Int64[Tensor, "entries"],
    columns: Int64[Tensor, "entries"],
    values: Float[Tensor, "entries"],
    shape: tuple[int, int],
) -> Float[Tensor, "rows columns"]:
    """x_rc = Σ of the values given for row r, column c; zero where there are none. In any order.

    >>> table = sparse_table(torch.tensor([1, 0, 1]), torch.tensor([2, 0, 2]), torch.ones(3), (2, 3))
    >>> table.to_dense()
    tensor([[1., 0., 0.],
            [0., 0., 2.]])
    """
    places, where = (rows * max(shape[1], 1) + columns).unique(return_inverse=True)
    summed = values.new_zeros(len(places)).index_add_(0, where, values)
    return _csr(_offsets(places // max(shape[1], 1), shape[0]), places % max(shape[1], 1), summed, shape)


def worth_it(table: Float[Tensor, "rows columns"]) -> Float[Tensor, "rows columns"]:
    """The table as it is cheaper: sparse where it is `LARGE` and at most a `SHARE` of it is not zero, else dense."""
    places = table.shape[0] * table.shape[1]
    if places < LARGE or (len(table.values()) if is_sparse(table) else int(table.count_nonzero())) > SHARE * places:
        return table.to_dense() if is_sparse(table) else table
    if is_sparse(table):
        return table
    rows, columns = table.nonzero().unbind(1)
    return _csr(_offsets(rows, len(table)), columns, table[rows, columns], (table.shape[0], table.shape[1]))


def with_values(table: Float[Tensor, "rows columns"], values: Float[Tensor, "entries"]) -> Tensor:
    """The sparse table with other values in the same places."""
    return _csr(table.crow_indices(), table.col_indices(), values, (table.shape[0], table.shape[1]))


def row_of_entry(table: Float[Tensor, "rows columns"]) -> Int64[Tensor, "entries"]:
    """The row that each stored entry stands in."""
    counts = table.crow_indices().diff()
    return torch.repeat_interleave(torch.arange(len(counts), device=table.device), counts)


def take_rows(table: Float[Tensor, "rows columns"], rows: Int64[Tensor, "taken"]) -> Float[Tensor, "taken columns"]:
    """`table[rows]`, sparse or dense as it is."""
    if not is_sparse(table):
        return table[rows]
    begin = table.crow_indices()[rows]
    counts = table.crow_indices()[rows + 1] - begin
    offsets = _rising(counts)
    taken = torch.repeat_interleave(begin - offsets[:-1], counts)
    taken += torch.arange(len(taken), device=rows.device)
    return _csr(offsets, table.col_indices()[taken], table.values()[taken], (len(rows), table.shape[1]))


def hide_rows(table: Float[Tensor, "rows columns"], hidden: Bool[Tensor, " rows"]) -> Float[Tensor, "rows columns"]:
    """The table with zeros in the hidden rows, sparse or dense as it is.

    >>> hide_rows(torch.ones(2, 2), torch.tensor([False, True]))
    tensor([[1., 1.],
            [0., 0.]])
    """
    if not is_sparse(table):
        return table.masked_fill(hidden[:, None], 0)
    return with_values(table, table.values().masked_fill(hidden[row_of_entry(table)], 0))


def join_rows(tables: Sequence[Float[Tensor, "_ columns"]]) -> Float[Tensor, "rows columns"]:
    """The tables below each other, sparse where all are."""
    if not all(map(is_sparse, tables)):
        return torch.cat([table.to_dense() if is_sparse(table) else table for table in tables])
    counts = torch.cat([table.crow_indices().diff() for table in tables])
    columns, values = (torch.cat(each) for each in zip(*((t.col_indices(), t.values()) for t in tables), strict=True))
    return _csr(_rising(counts), columns, values, (len(counts), tables[0].shape[1]))


def join_columns(tables: Sequence[Float[Tensor, "rows _"]]) -> Float[Tensor, "rows columns"]:
    """The tables side by side, sparse where any is and that is worth it."""
    if not any(map(is_sparse, tables)):
        return torch.cat(list(tables), dim=1)
    width, rows, columns, values = 0, [], [], []
    for table in tables:
        at = (row_of_entry(table), table.col_indices()) if is_sparse(table) else table.nonzero().unbind(1)
        rows.append(at[0])
        columns.append(at[1] + width)
        values.append(table.values() if is_sparse(table) else table[at[0], at[1]])
        width += table.shape[1]
    shape = (tables[0].shape[0], width)
    return worth_it(sparse_table(torch.cat(rows), torch.cat(columns), torch.cat(values), shape))


def _rising(counts: Tensor) -> Tensor:
    offsets = torch.zeros(len(counts) + 1, dtype=torch.int64, device=counts.device)
    torch.cumsum(counts, 0, out=offsets[1:])
    return offsets


def _offsets(rows: Tensor, num_rows: int) -> Tensor:
    return _rising(torch.bincount(rows, minlength=num_rows))


def _csr(offsets: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    with warnings.catch_warnings():
        # PyTorch says once that the layout is in beta; we multiply it ourselves.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(offsets, columns, values, size=shape, check_invariants=False)
