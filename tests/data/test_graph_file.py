import gzip

import numpy as np
import pyarrow as arrow
import pytest
import scipy.io
import scipy.sparse
from pyarrow import parquet

from edgewise.data.graph_file import READERS, read_graph

EDGES = [(0, 1), (2, 1), (5, 0)]


def write(file, ending):
    """Three edges among six nodes, of which a list names four."""
    text = "".join(f"{sender},{receiver}\n" for sender, receiver in EDGES)
    matrix = scipy.sparse.coo_array((np.ones(3), ([1, 1, 0], [0, 2, 5])), shape=(6, 6))
    if ending in (".csv", ".csv.gz"):
        file.write_bytes((gzip.compress if ending.endswith("gz") else bytes)(b"a,b\n" + text.encode()))
    elif ending == ".tsv":
        file.write_text("a\tb\n" + text.replace(",", "\t"))
    elif ending == ".parquet":
        parquet.write_table(arrow.table({"a": [s for s, _ in EDGES], "b": [r for _, r in EDGES]}), file)
    elif ending == ".npz":
        scipy.sparse.save_npz(file, matrix)
    elif ending == ".mtx":
        scipy.io.mmwrite(file, matrix)
    else:
        file.write_text("# who is heard, who hears\n% more\n\n" + text.replace(",", " 	"))


@pytest.mark.parametrize("ending", READERS)
def test_every_ending_gives_the_same_edges(tmp_path, ending):
    file = tmp_path / f"edges{ending}"
    write(file, ending)
    matrix = ending in (".npz", ".mtx")
    graph, how = read_graph(file, nodes=None if matrix else 6)
    assert graph.num_senders == graph.num_receivers == 6
    assert list(zip(*(end.tolist() for end in graph.edges()), strict=True)) == [(5, 0), (0, 1), (2, 1)]
    assert how == ("its rows are receivers, its stored entries edges" if matrix else "its ids are node numbers")
    assert read_graph(file, undirected=True).graph.is_symmetric()


def test_without_their_number_the_nodes_are_the_ids_that_occur(tmp_path):
    file = tmp_path / "edges.txt"
    write(file, ".txt")
    graph, how = read_graph(file)
    assert graph.num_senders == 4 and how == "its nodes are the ids that occur, in their order"
    assert graph.edges()[0].tolist() == [3, 0, 2]
    file.write_text("10 9\n9 x\n")
    assert read_graph(file).graph.num_senders == 3


def test_the_columns_source_and_target_are_taken_where_they_are(tmp_path):
    file = tmp_path / "edges.csv"
    file.write_text("weight,target,source\n0.5,b,a\n")
    graph, _ = read_graph(file)
    assert [end.tolist() for end in graph.edges()] == [[0], [1]]


def test_edges_that_come_again_are_told(tmp_path):
    file = tmp_path / "edges.txt"
    file.write_text("0 1\n0 1\n1 0\n")
    graph, how = read_graph(file)
    assert graph.num_edges == 2 and how.endswith("; 1 edges come again and count once")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.doc", "", "a.doc: expected a file that ends in .parquet, .csv, .csv.gz, .tsv, .npz, .mtx, .txt, .edges"),
        ("a.txt", "0 1\n7\n", "a.txt: expected two ids at line 2, got '7'"),
        ("a.csv", "a\n1\n", "a.csv: expected a column of senders and one of receivers, got a"),
        ("a.csv", "a,b\n1,2\n3,\n", "a.csv: column 'b' is empty at row 1; an edge has two ends"),
        ("a.csv", "a;b\n1;2\n", "with the delimiter ',' it has one column, 'a;b'"),
        ("a.npz", "no matrix", "a.npz: cannot be read as a sparse matrix: "),
        ("a.mtx", "no matrix", "a.mtx: cannot be read as a sparse matrix: "),
        ("a.mtx", "%%MatrixMarket matrix array real general\n1 1\n2.0\n", "expected a sparse matrix, got a dense one"),
    ],
)
def test_what_is_no_graph_is_named(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_graph(tmp_path / name)


def test_a_number_of_nodes_that_does_not_fit_is_named(tmp_path):
    file = tmp_path / "edges.txt"
    write(file, ".txt")
    with pytest.raises(ValueError, match="edges.txt: id 5 is none of 5 nodes, which are numbered from 0"):
        read_graph(file, nodes=5)
    file.write_text("a b\n")
    with pytest.raises(ValueError, match="edges.txt: its ids are no whole numbers, so they number no nodes; leave out"):
        read_graph(file, nodes=5)
    write(tmp_path / "m.mtx", ".mtx")
    with pytest.raises(ValueError, match="m.mtx: a matrix says itself how many nodes there are; leave the number out"):
        read_graph(tmp_path / "m.mtx", nodes=6)
    with pytest.raises(FileNotFoundError, match=r"gone.txt: there is no such file"):
        read_graph(tmp_path / "gone.txt")


def test_two_node_sets_cannot_hear_each_other(tmp_path):
    scipy.sparse.save_npz(tmp_path / "m.npz", scipy.sparse.eye_array(2, 3, format="csr"))
    assert read_graph(tmp_path / "m.npz").graph.num_senders == 3
    with pytest.raises(ValueError, match="m.npz: 2 receivers and 3 senders are not one set of nodes, so they cannot"):
        read_graph(tmp_path / "m.npz", undirected=True)
