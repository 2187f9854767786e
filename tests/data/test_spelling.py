"""Words hear how they are spelled."""

import torch
from tests.data.written import trees

from edgewise.data import Learned, Tokeniser, treebank
from edgewise.data.spelling import INTO, WITHIN, Spelling
from edgewise.models import Network, encoder

WORDS = [["ab", "c"], ["ba"]]


def spelling():
    return Spelling.of(WORDS, [[None, 0, 0, 1], [0]], Tokeniser.made("characters", ["abc"]))


def test_characters_hear_those_of_their_word_alone():
    characters, lengths, graphs = spelling().batch([0, 1])
    assert characters.tolist() == [1, 2, 3, 2, 1] and lengths == [3, 2]
    within = torch.zeros(5, 5, dtype=torch.bool)
    within[:2, :2] = within[2, 2] = within[3:, 3:] = True
    assert torch.equal(graphs[WITHIN].dense(), within) and graphs[WITHIN].num_graphs == 3


def test_every_token_of_a_word_hears_all_of_its_characters_and_others_none():
    graph = spelling().batch([1, 0])[2][INTO]
    heard = [[0, 1], [], [2, 3], [2, 3], [4]]
    assert [row.nonzero()[:, 0].tolist() for row in graph.dense()] == heard


def test_an_encoder_tells_words_apart_that_differ_in_their_characters_alone(tmp_path):
    task = treebank(folder=trees(tmp_path), tokeniser={"name": "words", "at_least": 99}, characters=True)
    assert task.offered["characters"] == task.spelling.known > 10
    torch.manual_seed(0)
    network = Network(encoder(**task.offered, dim=16, num_heads=2, num_layers=1, hidden=16, character_dim=8)).eval()
    batch = next(task.batches("train", 0))
    assert batch.num_nodes == len(batch.features["nodes"]) and not batch.features["nodes"].any()  # all [UNK]
    first, second = batch.outputs(network)[:2]
    assert (first - second).abs().max() > 1e-3


def test_a_text_says_the_same_alone_and_in_a_batch(tmp_path):
    task = treebank(folder=trees(tmp_path), characters=True)
    torch.manual_seed(0)
    network = Network(encoder(**task.offered, dim=16, num_heads=2, num_layers=2, hidden=16)).eval()
    together = next(task.batches("train", 0)).outputs(network)
    apart = torch.cat([batch.outputs(network) for batch in task.batches("train", 1)])
    torch.testing.assert_close(apart, together)


def test_other_treebanks_are_spelled_by_the_characters_of_training(tmp_path):
    task = treebank(folder=trees(tmp_path), characters=True)
    (tmp_path / "other").mkdir()
    other = trees(tmp_path / "other")
    read = treebank(folder=other, characters=True, learned=Learned.of(task.learned().as_table()))
    assert read.spelling.known == task.spelling.known
    assert torch.equal(read.spelling.texts[0], task.spelling.texts[0])
