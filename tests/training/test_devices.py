"""Several devices give what one gives, up to rounding; a run that was cut off goes on to the last bit."""

import os

import pytest
import torch
from tests.training.crew import SPLIT, alone, together
from tests.training.stand_in import cycles_task, mean_network, ring_task

from edgewise.data import Task
from edgewise.data.share import Share
from edgewise.training import LostProcess, NoGradient, Recipe, TrainingConfig, prepare, run, train
from edgewise.training.metrics import read
from edgewise.training.shares import as_started, check_gradients
from edgewise.training.weighed import shares_of, weighed

HERE = "tests.training.stand_in"
SAMPLED = [
    "training.devices=2",
    "training.batch_size=6",
    'training.sampling={name = "neighbours", fanouts = [4, 4]}',
    "training.save_every=0",
]


def figures(folder):
    """metrics.csv without its seconds."""
    return [(epoch.number, *epoch[2:]) for epoch in read(folder)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of runs by two processes, each by its name; "resumed" is the one that was cut off."""
    folder = tmp_path_factory.mktemp("devices")
    sittings = [(name, folder / name) for name in (*SPLIT, "forgetful")]
    together(2, [*sittings, ("first_epochs", folder / "resumed"), ("forgetful", folder / "resumed")])
    return folder


@pytest.mark.parametrize("name", SPLIT)
def test_two_devices_train_as_one_does(runs, tmp_path, name):
    alone(name, tmp_path / name)
    two, one = figures(runs / name), figures(tmp_path / name)
    assert len(two) == len(one) == 4
    for ours, theirs in zip(two, one, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
    said, expected = (torch.load(folder / name / "said.pt") for folder in (runs, tmp_path))
    torch.testing.assert_close(said, expected, atol=1e-4, rtol=1e-4)
    assert {path.name for path in (runs / name).iterdir()} == {path.name for path in (tmp_path / name).iterdir()}


def test_two_devices_take_up_a_run_to_the_last_bit(runs):
    assert figures(runs / "resumed") == figures(runs / "forgetful") and len(figures(runs / "forgetful")) == 4
    for file in ("last/model.safetensors", "last/training.safetensors", "best/model.safetensors"):
        assert (runs / "resumed" / file).read_bytes() == (runs / "forgetful" / file).read_bytes()


class Crew:
    """A Fabric of two devices, the other of which was asked about 6 targets."""

    world_size = 2

    def all_reduce(self, count, reduce_op):
        assert reduce_op == "sum"
        return count + 6


def test_a_loss_is_weighed_by_the_targets_that_are_known():
    outputs = torch.tensor([1.0, 3.0], requires_grad=True)
    first, second, none = shares_of(Crew(), [2, 1, 0])
    assert (first, second, none) == (2 * (2 / 9), 2 * (1 / 9), 0.0)
    assert weighed(outputs.mean(), outputs, first).item() == pytest.approx(first * 2.0)
    nothing = weighed(torch.tensor(float("nan")), outputs, none)
    nothing.backward()
    assert nothing.item() == 0 and not outputs.grad.any()


@pytest.mark.slow
def test_what_ends_another_process_is_told_and_the_run_can_be_resumed(recipe_file, tmp_path):
    environment, threads = dict(os.environ), torch.get_num_threads()
    recipe = Recipe.read(recipe_file, [*SAMPLED, f"model.name={HERE}:failing_elsewhere"])
    with pytest.raises(LostProcess, match="process 2 of 2 has ended: ValueError: out of luck; .*run can be resumed"):
        run(recipe, tmp_path / "run")
    assert os.environ == environment and torch.get_num_threads() == threads
    assert not torch.distributed.is_initialized()
    assert len(read(tmp_path / "run")) == 1
    assert (tmp_path / "run" / "last" / "state.json").exists()


@pytest.mark.slow
def test_what_keeps_another_process_from_beginning_is_told(recipe_file, tmp_path):
    recipe = Recipe.read(recipe_file, [*SAMPLED, f"model.name={HERE}:failing_elsewhere", "model.at=0"])
    with pytest.raises(LostProcess, match="process 2 of 2 could not begin: ValueError: no luck at all"):
        run(recipe, tmp_path / "run")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            ["training.devices=2"],
            "devices is 2, but ring is one graph, .* name a sampling and a batch_size, or set dev",
        ),
        (
            [*SAMPLED, "training.devices=4", "training.batch_size=3"],
            "devices is 4, but a step may be of only 3 nodes; r",
        ),
        (["training.devices=0"], r"\[training\] devices must be at least 1, got 0"),
        (["training.strategy=dpd"], "unknown strategy 'dpd'. Known: auto, ddp, .* Did you mean 'ddp'"),
    ],
)
def test_what_cannot_be_split_is_refused(recipe_file, changes, message):
    with pytest.raises(ValueError, match=message):
        prepare(Recipe.read(recipe_file, changes))


def test_a_weight_that_others_would_wait_for_is_named():
    network = mean_network(6, 3)
    with pytest.raises(
        NoGradient, match="weight 'first.weight' has no part in a step's loss, .* set strategy = 'ddp_f"
    ):
        check_gradients(network, TrainingConfig(devices=2))
    check_gradients(network, TrainingConfig(devices=2, strategy="ddp_find_unused_parameters_true"))
    check_gradients(network, TrainingConfig())


def test_devices_that_are_not_there_are_named(recipe_file):
    if torch.cuda.device_count() >= 2:
        pytest.skip("there are two")
    with pytest.raises(ValueError, match="training: 2 times device 'cuda' with precision '32-true': "):
        prepare(Recipe.read(recipe_file, [*SAMPLED, "training.device=cuda"]))


def test_a_network_and_a_task_as_values_cannot_be_told_to_other_processes(tmp_path):
    config = TrainingConfig(device="cpu", devices=2)
    with pytest.raises(ValueError, match="training: devices is 2, and a network and a task are values of this one pro"):
        train(mean_network(6, 3), ring_task(), config, tmp_path / "run")


def test_a_task_of_another_kind_says_that_it_cannot_be_split():
    with pytest.raises(ValueError, match="training: cycles is a GraphTask, whose steps cannot be split over 2 devices"):
        Task.shared(cycles_task(), Share(0, 2))


def test_processes_that_torchrun_has_started_are_counted(monkeypatch):
    assert as_started(TrainingConfig()).devices == 1
    for name, value in {"TORCHELASTIC_RUN_ID": "1", "RANK": "1", "WORLD_SIZE": "3", "LOCAL_WORLD_SIZE": "3"}.items():
        monkeypatch.setenv(name, value)
    assert as_started(TrainingConfig()).devices == as_started(TrainingConfig(devices=3)).devices == 3
    with pytest.raises(ValueError, match="training: devices is 2, but torchrun has started 3 processes; leave devices"):
        as_started(TrainingConfig(devices=2))
