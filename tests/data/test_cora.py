import numpy as np
import pytest
import torch

from edgewise.data import cora
from edgewise.data.cora import FILE


def test_cora_has_the_published_size():
    task = cora()
    assert (task.num_nodes, task.num_features, task.num_classes) == (2708, 1433, 7)
    assert task.named_graphs()["edges"].num_edges == 2 * 5278


def test_the_edges_go_both_ways_and_no_paper_cites_itself():
    senders, receivers = cora().named_graphs()["edges"].edges()
    pairs = set(zip(senders.tolist(), receivers.tolist(), strict=True))
    assert all((receiver, sender) in pairs for sender, receiver in pairs)
    assert all(sender != receiver for sender, receiver in pairs)


def test_the_classes_are_the_seven_with_their_sizes():
    task = cora()
    sizes = dict(zip(task.class_names, torch.bincount(task.targets).tolist(), strict=True))
    assert sizes == {
        "Case_Based": 298,
        "Genetic_Algorithms": 418,
        "Neural_Networks": 818,
        "Probabilistic_Methods": 426,
        "Reinforcement_Learning": 217,
        "Rule_Learning": 180,
        "Theory": 351,
    }


def test_the_first_paper_of_the_source_is_the_first_node():
    with np.load(FILE, allow_pickle=False) as file:
        assert int(file["paper_ids"][0]) == 31336
    task = cora(normalise="none")
    assert task.class_names[task.targets[0]] == "Neural_Networks"
    assert task.features.layout is torch.sparse_csr
    assert task.features[0].to_dense().nonzero()[:, 0].tolist()[:4] == [118, 125, 176, 252]
    assert task.features.values().sum() == 49216


def test_row_normalised_features_sum_to_one():
    assert torch.allclose(cora(normalise="row").features.to_dense().sum(1), torch.ones(2708))


def test_the_split_has_20_a_class_500_and_1000():
    task = cora()
    assert torch.bincount(task.targets[task.train]).tolist() == [20] * 7
    assert (len(task.validation), len(task.test)) == (500, 1000)


def test_the_split_follows_its_seed_alone():
    assert torch.equal(cora(split_seed=1).test, cora(split_seed=1).test)
    assert not torch.equal(cora(split_seed=1).test, cora(split_seed=2).test)


def test_the_notes_say_that_it_is_not_the_public_split():
    assert any("not** the public Planetoid split" in note for note in cora().notes)


def test_an_unknown_normalisation_lists_the_known():
    with pytest.raises(ValueError, match=r"unknown normalise 'rows'. Known: none, row. Did you mean 'row'\?"):
        cora(normalise="rows")
