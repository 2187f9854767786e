from dataclasses import replace

import pytest
import torch
from tests.real_data import real

from edgewise.data import Classes, GraphTask, NodeTask, musae
from edgewise.data.encoders import encoded
from edgewise.data.features import row
from edgewise.data.sparse import LARGE, is_sparse, join_columns, join_rows, sparse_table, take_rows, worth_it
from edgewise.data.table import Table
from edgewise.graph import Graph


def index(*nodes):
    return torch.tensor(nodes, dtype=torch.long)


@pytest.fixture
def words():
    return sparse_table(index(3, 0, 0, 2), index(1, 2, 0, 2), torch.tensor([1.0, -3.0, 1.0, 2.0]), (4, 3))


def test_entries_come_in_any_order_and_add_up():
    x = sparse_table(index(1, 0, 1), index(2, 0, 2), torch.tensor([1.0, 5.0, 2.0]), (3, 4))
    assert x.to_dense().tolist() == [[5, 0, 0, 0], [0, 0, 3, 0], [0, 0, 0, 0]] and len(x.values()) == 2
    assert sparse_table(index(), index(), torch.ones(0), (2, 0)).shape == (2, 0)


def test_rows_are_taken_as_of_a_dense_table(words):
    rows = index(3, 1, 0, 0)
    assert torch.equal(take_rows(words, rows).to_dense(), words.to_dense()[rows])
    assert torch.equal(take_rows(words.to_dense(), rows), words.to_dense()[rows])


def test_tables_join_as_dense_ones_do(words):
    dense = words.to_dense()
    below = join_rows([words, words])
    assert is_sparse(below) and torch.equal(below.to_dense(), torch.cat([dense, dense]))
    assert torch.equal(join_rows([words, dense]), torch.cat([dense, dense]))
    assert torch.equal(join_columns([dense, words, dense]).to_dense(), torch.cat([dense] * 3, dim=1))


def test_only_large_tables_with_few_entries_are_sparse():
    few = torch.zeros(LARGE // 100 + 1, 100)
    few[5, 7] = 2.0
    assert is_sparse(worth_it(few)) and torch.equal(worth_it(few).to_dense(), few)
    assert not is_sparse(worth_it(few[:100])) and not is_sparse(worth_it(torch.ones_like(few)))
    many = sparse_table(*(few + 1).nonzero().unbind(1), torch.ones(few.numel()), tuple(few.shape))
    assert not is_sparse(worth_it(many))


def test_rows_are_normalised_where_they_have_entries(words):
    assert is_sparse(row(words)) and torch.equal(row(words).to_dense(), row(words.to_dense()))


def task_of(features):
    return NodeTask(
        name="shop",
        graphs=Graph.from_edges(index(0, 1, 2), index(1, 2, 3), num_senders=4),
        features=features,
        targets=index(0, 1, 0, 1),
        train=index(0, 1),
        validation=index(2),
        test=index(3),
        answer=Classes(("bread", "milk")),
    )


def test_a_task_of_sparse_features_knows_its_sizes_and_moves(words):
    task = task_of(words)
    assert (task.num_nodes, task.num_features) == (4, 3)
    assert is_sparse(task.to("cpu").features) and is_sparse(next(task.batches("train", 0)).features)


def test_sparse_features_are_checked_where_they_have_entries(words):
    wrong = sparse_table(index(3, 0), index(1, 2), torch.tensor([float("inf"), 1.0]), (4, 3))
    with pytest.raises(ValueError, match="shop: expected finite features, got inf at node 3, column 1"):
        task_of(wrong)
    with pytest.raises(
        TypeError, match="shop: expected features that are dense or torch.sparse_csr, got torch.sparse_coo"
    ):
        task_of(words.to_dense().to_sparse_coo())


def test_graphs_with_sparse_features_come_in_one_table(words):
    graph = Graph.from_edges(index(0, 1), index(1, 2), num_senders=4)
    task = GraphTask(
        name="shops",
        graphs=[graph] * 6,
        features=[words] * 6,
        targets=index(0, 1, 0, 1, 0, 1),
        train=index(0, 1),
        validation=index(2, 3),
        test=index(4, 5),
        answer=Classes(("open", "shut")),
    )
    (batch,) = task.batches("train", 2)
    assert torch.equal(batch.features.to_dense(), torch.cat([words.to_dense()] * 2))
    with pytest.raises(TypeError, match="shops: graph 0: expected features that are dense or torch.sparse_csr, got"):
        replace(task, features=[words.to_dense().to_sparse_coo()] * 6)


def test_columns_of_words_are_sparse_where_they_are_many():
    about = [f"word{k} word{k % 7}" for k in range(1200)]
    table = Table.of("nodes", {"about": about, "age": [float(k) for k in range(1200)]})
    parts = {"about": {"name": "words", "size": 1000}, "age": "number"}
    x, state = encoded(table, parts, range(1200))
    assert is_sparse(x) and x.shape == (1200, 1001) and set(state) == {"about", "age"}
    dense, _ = encoded(table, {"about": {"name": "words", "size": 20}}, range(1200))
    assert not is_sparse(dense) and torch.equal(x.to_dense()[:, :20], dense)
    hashed, _ = encoded(table, {"about": {"name": "hashing", "size": 1000}}, range(1200))
    assert is_sparse(hashed) and hashed.to_dense().abs().sum(1).max() <= 2


def test_the_real_pages_have_sparse_words():
    features = musae(folder=real("musae_facebook")).features
    assert is_sparse(features) and 12 * len(features.values()) < 0.012 * 4 * features.shape[0] * features.shape[1]
