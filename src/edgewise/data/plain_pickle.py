"""Pickles of arrays, read without running what is in them.

Unpickling may call whatever a file names. Here a file may name lists, dictionaries, NumPy arrays and SciPy's sparse
rows, and nothing else; what it calls with them only makes such values.
"""

import pickle
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np


class SparseRows:
    """The parts of a scipy.sparse.csr_matrix, under its own names: indptr, indices, data, _shape."""

    indptr: Any
    indices: Any
    data: Any
    _shape: tuple[int, int]

    @property
    def width(self) -> int:
        return int(self._shape[1])

    def entries(self) -> tuple[Any, Any, Any]:
        """Row, column and value (float32) of every entry; those of one place add up."""
        rows = np.repeat(np.arange(self._shape[0]), np.diff(self.indptr))
        return rows, self.indices.astype(np.int64), self.data.astype(np.float32)


_reconstruct = np.empty(0).__reduce__()[0]

KNOWN: dict[tuple[str, str], Any] = {
    ("__builtin__", "list"): list,
    ("builtins", "list"): list,
    ("collections", "defaultdict"): defaultdict,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("scipy.sparse.csr", "csr_matrix"): SparseRows,
    ("scipy.sparse._csr", "csr_matrix"): SparseRows,
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in KNOWN:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no array, list or dictionary")
        return KNOWN[module, name]


def read_pickle(file: Path) -> Any:
    """The value in a file that Python 2 or 3 has pickled; anything but arrays, lists and dictionaries is refused."""
    with file.open("rb") as stream:
        try:
            return _PlainUnpickler(stream, encoding="latin1").load()
        except Exception as error:  # a damaged pickle raises almost anything
            raise ValueError(f"{file}: cannot be read as a pickle of arrays: {error}") from error
