"""A graph alone in one file: a list of edges, or a sparse matrix."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from edgewise.data.table import Table
from edgewise.extras import require
from edgewise.graph import Graph

SENDER, RECEIVER = "source", "target"


class GraphFile(NamedTuple):
    """What was read, and a sentence that says how."""

    graph: Graph
    how: str


def read_graph(file: str | Path, *, nodes: int | None = None, undirected: bool = False) -> GraphFile:
    """The graph in a file, by its ending: a table, a matrix of SciPy's, or lines of two ids.

    The rows of a list say who is heard, then who hears. Its ids are `nodes` numbers from 0; or else its nodes are the
    ids that occur, in their order. A matrix has receivers as rows. `undirected`: all hear each other.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f"{file}: there is no such file")
    ending = next((end for end in READERS if file.name.endswith(end)), None)
    if ending is None:
        raise ValueError(f"{file}: expected a file that ends in {', '.join(READERS)}, to know how it is read")
    if READERS[ending] is _matrix:
        if nodes is not None:
            raise ValueError(f"{file}: a matrix says itself how many nodes there are; leave the number out")
        graph, how = _of_matrix(file)
    else:
        graph, how = _of_list(file, READERS[ending](file), nodes)
    if not undirected:
        return GraphFile(graph, how)
    if graph.num_receivers != graph.num_senders:
        raise ValueError(
            f"{file}: {graph.num_receivers} receivers and {graph.num_senders} senders are not one set of nodes, so they"
            " cannot hear each other"
        )
    return GraphFile(graph | graph.transpose(), f"{how}; both directions")


def _of_list(file: Path, ends: tuple[Sequence[Any], Sequence[Any]], nodes: int | None) -> tuple[Graph, str]:
    whole = all(isinstance(end, int) for side in ends for end in side)
    if nodes is None:
        number = {name: k for k, name in enumerate(sorted({*ends[0], *ends[1]}))}
        how = "its nodes are the ids that occur, in their order"
    elif whole:
        outside = next((end for side in ends for end in side if not 0 <= end < nodes), None)
        if outside is not None:
            raise ValueError(f"{file}: id {outside} is none of {nodes} nodes, which are numbered from 0")
        number, how = dict(zip(range(nodes), range(nodes), strict=True)), "its ids are node numbers"
    else:
        raise ValueError(f"{file}: its ids are no whole numbers, so they number no nodes; leave out how many there are")
    senders, receivers = (torch.tensor([number[end] for end in side], dtype=torch.int64) for side in ends)
    graph: Graph = Graph.from_edges(
        senders, receivers, num_senders=len(number), features=torch.zeros(len(senders), 0), duplicates="first"
    )[0]
    again = len(senders) - graph.num_edges
    return graph, how + (f"; {again} edges come again and count once" if again else "")


def _of_matrix(file: Path) -> tuple[Graph, str]:
    matrix = _matrix(file)
    matrix.sum_duplicates()
    return Graph.from_scipy(matrix), "its rows are receivers, its stored entries edges"


def _table(file: Path) -> tuple[Sequence[Any], Sequence[Any]]:
    table = Table.read(file, "\t" if file.name.endswith(".tsv") else ",")
    names = table.names[:2] if not {SENDER, RECEIVER} <= set(table.names) else [SENDER, RECEIVER]
    if len(names) < 2:
        raise ValueError(f"{file}: expected a column of senders and one of receivers, got {', '.join(names) or 'none'}")
    ends = []
    for name in names:
        values = table.column(name).to_pylist()
        if None in values:
            raise ValueError(f"{file}: column {name!r} is empty at row {values.index(None)}; an edge has two ends")
        ends.append(values)
    return _alike(ends[0], ends[1])


def _lines(file: Path) -> tuple[Sequence[Any], Sequence[Any]]:
    ends: tuple[list[str], list[str]] = ([], [])
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        words = line.replace(",", " ").split()
        if not words or words[0][0] in "#%":
            continue
        if len(words) < 2:
            raise ValueError(f"{file}: expected two ids at line {number}, got {line!r}")
        ends[0].append(words[0])
        ends[1].append(words[1])
    return _alike(*ends)


def _alike(senders: Sequence[Any], receivers: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """Ids as whole numbers, where all of them are; as texts otherwise."""
    try:
        return _whole(senders), _whole(receivers)
    except ValueError:
        return [str(end) for end in senders], [str(end) for end in receivers]


def _whole(ends: Sequence[Any]) -> list[int]:
    return [end if isinstance(end, int) else int(str(end)) for end in ends]


def _matrix(file: Path) -> Any:
    read: Callable[..., Any] = (
        require("scipy.sparse", extra="graph").load_npz
        if file.suffix == ".npz"
        else require("scipy.io", extra="graph").mmread
    )
    try:
        # From memory: a reader that fails halfway would leave the file open.
        found = read(io.BytesIO(file.read_bytes()))
    except Exception as error:  # what SciPy raises of a damaged file is of a dozen kinds
        raise ValueError(f"{file}: cannot be read as a sparse matrix: {error}") from error
    if not require("scipy.sparse", extra="graph").issparse(found):
        raise ValueError(f"{file}: expected a sparse matrix, got a dense one of shape {list(found.shape)}")
    return found.tocsr()


READERS: dict[str, Callable[[Path], Any]] = {
    ".parquet": _table,
    ".csv": _table,
    ".csv.gz": _table,
    ".tsv": _table,
    ".npz": _matrix,
    ".mtx": _matrix,
    ".txt": _lines,
    ".edges": _lines,
}
