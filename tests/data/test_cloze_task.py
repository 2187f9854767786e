from dataclasses import replace

import pytest
import torch
from tests.data.written import verse

from edgewise.data import language


@pytest.fixture
def task(tmp_path):
    return language(folder=verse(tmp_path), hidden=0.2, length=20)


def test_the_hidden_are_asked_about_and_the_rest_is_shown(task):
    torch.manual_seed(0)
    for batch in task.batches("train", 100, shuffled=True):
        whole = batch.features.clone()
        whole[batch.asked] = batch.targets
        assert len(batch.asked) >= len(batch.graphs.lengths) and (whole != task.mask).all()
        assert task.rows(batch)[0] == len(batch.features)


def test_most_are_shown_as_the_mask_some_as_others_and_some_as_they_are(task):
    torch.manual_seed(0)
    shown, was = [], []
    for _ in range(60):
        for batch in task.batches("train", 0, shuffled=True):
            shown.append(batch.features[batch.asked])
            was.append(batch.targets)
    shown, was = torch.cat(shown), torch.cat(was)
    assert float((shown == task.mask).float().mean()) == pytest.approx(0.8, abs=0.03)
    assert float((shown == was).float().mean()) == pytest.approx(0.1, abs=0.03)


def test_a_look_hides_the_same_always(task):
    looks = [list(task.batches("test", 30)) for _ in range(2)]
    for one, other in zip(*looks, strict=True):
        assert torch.equal(one.features, other.features) and torch.equal(one.asked, other.asked)
    assert torch.equal(torch.cat([batch.targets for batch in looks[0]]), task.asked("test"))


def test_an_epoch_hides_others(task):
    torch.manual_seed(0)
    first, second = (torch.cat([b.targets for b in task.batches("train", 0, shuffled=True)]).tolist() for _ in range(2))
    assert first != second


def test_devices_share_the_rows_of_a_step(task):
    parts = []
    for rank in range(2):
        torch.manual_seed(1)
        parts.append(next(task.shared(type(task.share)(rank, 2)).batches("train", 200, shuffled=True)).graphs.lengths)
    torch.manual_seed(1)
    assert [*parts[0], *parts[1]] == list(next(task.batches("train", 200, shuffled=True)).graphs.lengths)


def test_what_is_wrong_is_told(task, tmp_path):
    assert task.to("cpu").described().endswith("20 % of every row hidden and asked about, 1 of 16 tokens")
    assert list(task.longest().graphs.lengths) == [20]
    with pytest.raises(ValueError, match="expected a share hidden above 0, at most 1, got 1.5"):
        replace(task, hidden=1.5)
    with pytest.raises(ValueError, match="the validation part holds no row"):
        replace(task, validation=torch.arange(0))
    with pytest.raises(ValueError, match="length must be at least 1, got 0. It counts tokens of a row"):
        language(folder=verse(tmp_path), hidden=0.2, length=0)
