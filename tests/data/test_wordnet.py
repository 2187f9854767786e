import pytest
import torch
from tests.data.small import wordnet as write
from tests.real_data import real

from edgewise.data import wordnet
from edgewise.data.wordnet import FILES, HEARD, POINTERS, TELLING


@pytest.fixture
def folder(tmp_path):
    write(tmp_path)
    return tmp_path


def test_the_real_synsets_have_the_published_sizes():
    task = wordnet(folder=real("wordnet31"), pointers=tuple(POINTERS), gloss={"name": "words", "size": 2000})
    assert task.num_nodes == 117791 and task.graphs.is_symmetric() and task.num_classes == 45
    loops = 2 * 184083 - task.graphs.num_edges
    assert 0 <= loops < 20  # pairs of a synset with itself are left out
    assert task.features.layout is torch.sparse_csr
    assert torch.bincount(task.targets)[FILES.index("noun.animal")] == 7510


def test_synsets_stand_with_their_files_and_glosses(folder):
    task = wordnet(folder=folder, speech=("noun",))
    assert task.class_names == ("noun.animal", "noun.plant") and task.targets[:3].tolist() == [1, 0, 1]
    words = task.encoders["nodes"]["gloss"]["words"]
    assert set(words) == {"word0", "word1", "word2", "word3", "word4", "so"}
    third = dict(zip(words, task.features[2].tolist(), strict=True))
    assert third["word2"] == third["word0"] == third["so"] == pytest.approx(1 / 3)


def test_both_ends_of_a_pointer_hear_each_other_once(folder):
    task = wordnet(folder=folder, speech=("noun",))
    assert task.graphs.num_edges == 2 * 29 and task.graphs.is_symmetric()
    assert wordnet(folder=folder, speech=("noun",), pointers=("@",)).graphs == task.graphs
    assert wordnet(folder=folder, speech=("noun",), pointers=("+",)).graphs.num_edges == 0


def test_pointers_reach_other_parts_of_speech(folder):
    task = wordnet(folder=folder, speech=("noun", "verb"), pointers=("+",), split_seed=0)
    assert task.num_nodes == 40 and task.class_names[-1] == "verb.body"
    assert [end.tolist() for end in task.graphs.edges()] == [[30, 3], [3, 30]]


def test_what_gives_the_answer_away_is_left_out_and_said(folder):
    assert set(HEARD) | set(TELLING) == set(POINTERS) and not set(HEARD) & set(TELLING)
    assert "Pointers left out: & < @ @i \\ ~ ~i. Of these" in wordnet(folder=folder, speech=("noun",)).notes[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speech": ("nuon",)}, "unknown part of speech 'nuon'. Known: .* Did you mean 'noun'"),
        ({"speech": ()}, "wordnet: speech names no part of speech; known: noun, verb, adj, adv"),
        ({"pointers": ("@@",)}, "wordnet: unknown pointer '@@'. Known: "),
    ],
)
def test_options_that_are_none_are_refused(folder, options, message):
    with pytest.raises(ValueError, match=message):
        wordnet(folder=folder, **options)


@pytest.mark.parametrize(
    "line", ["00000200 05 n", "00000200 99 n 01 one 0 000 | no such file", "0000zz 05 n 01 one 0 000 |"]
)
def test_a_line_that_is_no_synset_is_named(folder, line):
    with (folder / "data.noun").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=r"data.noun: line 32 is to be a synset as wndb\(5WN\) has it, got '0000"):
        wordnet(folder=folder, speech=("noun",))
    if "99" in line:
        with pytest.raises(ValueError, match="there is no lexicographer file 99"):
            wordnet(folder=folder, speech=("noun",))


def test_a_pointer_to_nobody_is_named(folder):
    with (folder / "data.noun").open("a") as file:
        file.write("00000200 05 n 01 one 0 001 %p 00000999 n 0000 | a gloss\n")
    with pytest.raises(
        ValueError, match=r"wordnet: synset \('n', 200\) points to \('n', 999\) by '%p', which is not th"
    ):
        wordnet(folder=folder, speech=("noun",))
