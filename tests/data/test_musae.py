import json

import pytest
import torch
from tests.data.small import musae as write
from tests.real_data import real

from edgewise.data import LinkTask, musae


@pytest.fixture
def folder(tmp_path):
    write(tmp_path)
    return tmp_path


def test_the_real_pages_have_the_published_sizes():
    task = musae(folder=real("musae_facebook"))
    assert (task.num_nodes, task.num_features) == (22470, 4714)
    assert task.graphs.num_edges == 2 * (171002 - 179) + 179
    sizes = dict(zip(task.class_names, torch.bincount(task.targets).tolist(), strict=True))
    assert sizes == {"government": 6880, "company": 6495, "politician": 5768, "tvshow": 3327}
    assert [len(task.train), len(task.validation), len(task.test)] == [13482, 4494, 4494]


def test_the_real_visits_are_numbers():
    task = musae(folder=real("musae_chameleon"), task="regression", logarithm=True)
    assert task.targets[0].item() == pytest.approx(torch.tensor(172.0).log().item())
    learned = task.answer.to_learn(task.targets[task.train])
    assert abs(learned.mean().item()) < 1e-5 and learned.std(correction=0).item() == pytest.approx(1, abs=1e-4)


def test_the_real_links_are_held_out_in_both_directions():
    task = musae(folder=real("musae_facebook"), task="links")
    assert task.links.shape == (2, 171002 - 179)
    assert [len(task.train), len(task.validation), len(task.test)] == [145200, 8541, 17082]
    assert task.heard[0].num_edges == 2 * 145200 + 179
    senders, receivers = task.links[:, torch.cat([task.validation, task.test])]
    for ends in ((senders, receivers), (receivers, senders)):
        assert bool((task.heard[0].locate(*ends, missing="-1") == -1).all())


def test_links_may_be_asked_for(folder):
    halves = {"name": "random", "train": 0.5, "validation": 0.25}
    task = musae(folder=folder, task={"name": "links", "negatives_per_link": 2}, split=halves)
    assert isinstance(task, LinkTask) and task.negatives_per_link == 2 and len(task.targets) == 12
    assert "split of links is Part('random', train=0.5, validation=0.25), seed 0" in task.notes[1]


def test_words_links_and_types_stand_with_their_pages(folder):
    task = musae(folder=folder)
    assert task.name == "musae tiny" and task.class_names == ("school", "shop")
    assert task.features[4].tolist() == [0, 1, 0, 1] and not task.features[5].any()
    assert task.graphs.num_edges == 2 * 12 + 1 and task.graphs.is_symmetric()


def test_a_page_without_words_or_target_is_named(folder):
    listed = json.loads((folder / "tiny.json").read_text())
    del listed["7"]
    (folder / "tiny.json").write_text(json.dumps(listed))
    with pytest.raises(ValueError, match="tiny.json: it lists no words for page 7"):
        musae(folder=folder)
    with (folder / "tiny_edges.csv").open("a") as file:
        file.write("3,99\n")
    with pytest.raises(ValueError, match="tiny_edges.csv: row 14 names page 99, which has no target"):
        musae(folder=folder)


def test_a_logarithm_of_classes_is_refused(folder):
    with pytest.raises(ValueError, match='musae: logarithm is of numbers; it goes with task = "regression"'):
        musae(folder=folder, logarithm=True)


@pytest.mark.parametrize("task", ["classification", "links"])
def test_words_that_training_has_never_seen_are_left_out_and_told(folder, task):
    split = {"name": "random", "train": 0.5, "validation": 0.2}
    known = musae(folder=folder, task=task, split=split).learned()
    words = json.loads((folder / "tiny.json").read_text())
    words["0"] = [*words["0"], 7, 9]
    (folder / "tiny.json").write_text(json.dumps(words))
    other = musae(folder=folder, task=task, split=split, learned=known)
    assert other.num_features == 4 and other.features[0].tolist() == [1, 0, 0, 1]
    assert "2 of their words are unknown to training, and left out." in other.notes[0]
