import json
import resource

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from edgewise.training import CheckpointError, Place
from edgewise.training.checkpoint import load, save


class Tied(nn.Module):
    """Two names for one weight."""

    def __init__(self, size=3):
        super().__init__()
        self.there = nn.Linear(size, size)
        self.back = nn.Linear(size, size)
        self.back.weight = self.there.weight

    def forward(self, x):
        return self.back(self.there(x).relu())


def stepped(network, steps):
    optimiser = torch.optim.Adam(network.parameters(), lr=0.1)
    for _ in range(steps):
        network(torch.ones(2, 3)).sum().backward()
        optimiser.step()
        optimiser.zero_grad()
    return optimiser


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    network = Tied()
    place = Place(epoch=3, seconds=1.5)
    place.note(network, (0.5, -1 / 3))
    optimiser = stepped(network, 3)
    save(tmp_path, place, network, optimiser, {"scale": 2.0})
    return tmp_path, place, network, optimiser


def test_everything_comes_back_exactly(saved):
    run, place, network, optimiser = saved
    other = Tied()
    other_optimiser = stepped(other, 0)
    found, precision = load(run, other, other_optimiser)
    assert (found.epoch, found.seconds, found.best_epoch, found.best) == (3, 1.5, 3, (0.5, -1 / 3))
    assert precision == {"scale": 2.0}
    assert all(torch.equal(found.best_weights[name], weight) for name, weight in place.best_weights.items())
    assert all(torch.equal(one, two) for one, two in zip(network.parameters(), other.parameters(), strict=True))
    mine, theirs = optimiser.state_dict(), other_optimiser.state_dict()
    assert mine["param_groups"] == theirs["param_groups"]
    assert all(torch.equal(mine["state"][k][s], theirs["state"][k][s]) for k in mine["state"] for s in mine["state"][k])


def test_saving_leaves_the_network_as_it_was(saved):
    run, place, network, optimiser = saved
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    save(run, place, network, optimiser, {})
    assert all(torch.equal(before[name], weight) for name, weight in network.state_dict().items())


def test_what_is_written_is_safetensors_and_json(saved):
    written = sorted(str(file.relative_to(saved[0])) for file in saved[0].rglob("*") if file.is_file())
    assert written == [
        "best/model.safetensors",
        "best/state.json",
        "last/model.safetensors",
        "last/state.json",
        "last/training.safetensors",
    ]
    for name in written:
        if name.endswith("json"):
            json.loads((saved[0] / name).read_text())
        else:
            load_file(saved[0] / name)


def test_no_checkpoint_is_the_beginning(tmp_path):
    network = Tied()
    assert load(tmp_path, network, stepped(network, 0)) == (Place(), {})


@pytest.mark.parametrize("name", ["model.safetensors", "training.safetensors", "state.json"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_a_truncated_checkpoint_is_refused(saved, name, share):
    file = saved[0] / "last" / name
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.raises(CheckpointError, match=r"last: the checkpoint is damaged \(.*\); --overwrite starts again"):
        load(saved[0], Tied(), stepped(Tied(), 0))


@pytest.mark.parametrize("name", ["model.safetensors", "training.safetensors", "state.json"])
def test_a_checkpoint_with_a_file_missing_is_refused(saved, name):
    (saved[0] / "last" / name).unlink()
    with pytest.raises(CheckpointError, match=r"last: the checkpoint is damaged \("):
        load(saved[0], Tied(), stepped(Tied(), 0))


def test_weights_of_another_width_are_refused(saved):
    with pytest.raises(CheckpointError, match="(?s)last: these are weights of another model: .*size mismatch"):
        load(saved[0], Tied(size=4), stepped(Tied(), 0))


def test_weights_of_another_architecture_are_refused(saved):
    network = nn.Sequential(nn.Linear(3, 3))
    with pytest.raises(CheckpointError, match=r"another model: 2 weights \(first: '0.bias'\) missing, 3 weights"):
        load(saved[0], network, stepped(network, 0))


def test_another_format_is_refused(saved):
    file = saved[0] / "last" / "state.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 9}))
    with pytest.raises(CheckpointError, match="last: expected a checkpoint of format 1, got 9"):
        load(saved[0], Tied(), stepped(Tied(), 0))


def test_a_disk_that_fills_keeps_the_checkpoint_before(saved):
    run, place, network, optimiser = saved
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))  # no file may grow beyond it
    try:
        with pytest.raises(
            CheckpointError, match="the checkpoint could not be written .*; the one before stands. Make"
        ):
            save(run, place, network, optimiser, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    found, precision = load(run, Tied(), stepped(Tied(), 0))
    assert (found.epoch, precision) == (3, {"scale": 2.0})
