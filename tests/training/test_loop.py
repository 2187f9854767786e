import math
import shutil
import signal

import pytest
import torch
from tests.training.stand_in import exploding, mean_network, ring_task

from edgewise.models import MODELS, Network
from edgewise.training import Interrupted, TrainingConfig, train
from edgewise.training.chance import set_chance
from edgewise.training.metrics import read

CONFIG = TrainingConfig(epochs=12, learning_rate=0.02, device="cpu")


def fresh(seed=0):
    set_chance(seed, 0)
    return mean_network(6, 3)


def trained(folder, config=CONFIG, network=None, **options):
    return train(network or fresh(config.seed), ring_task(), config, folder, **options)


def figures(folder):
    """metrics.csv without its seconds."""
    return [(epoch.number, *epoch[2:]) for epoch in read(folder)]


def test_the_loss_goes_down_and_the_outcome_is_that_of_the_best_epoch(tmp_path):
    network = fresh()
    outcome = trained(tmp_path / "run", TrainingConfig(epochs=60, learning_rate=0.02, device="cpu"), network)
    epochs = read(tmp_path / "run")
    assert epochs[-1].validation_loss < epochs[0].validation_loss
    best = epochs[outcome.best_epoch - 1]
    assert outcome.figures["validation"] == (best.validation_loss, best.validation_score)
    assert outcome.figures["validation"][1] == max(epoch.validation_score for epoch in epochs)
    task = ring_task()
    outputs = network.eval()(task.graphs, task.features)[task.test]
    assert (outputs.argmax(1) == task.targets[task.test]).float().mean().item() == outcome.figures["test"][1]


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(tmp_path):
    trained(tmp_path / "one")
    torch.rand(5)
    trained(tmp_path / "two")
    trained(tmp_path / "three", TrainingConfig(epochs=12, learning_rate=0.02, device="cpu", seed=1))
    assert figures(tmp_path / "one") == figures(tmp_path / "two")
    assert figures(tmp_path / "one") != figures(tmp_path / "three")


def test_it_stops_when_nothing_gets_better(tmp_path):
    config = TrainingConfig(epochs=500, learning_rate=0.02, device="cpu", patience=5)
    outcome = trained(tmp_path / "run", config)
    assert outcome.stopped_early and outcome.epochs == outcome.best_epoch + 5 < 500


def test_patience_zero_never_stops_early(tmp_path):
    outcome = trained(tmp_path / "run", TrainingConfig(epochs=30, learning_rate=1e-9, device="cpu", patience=0))
    assert outcome.epochs == 30 and not outcome.stopped_early


def test_watching_the_loss_chooses_its_least(tmp_path):
    config = TrainingConfig(epochs=40, learning_rate=0.05, device="cpu", watch="loss")
    outcome = trained(tmp_path / "run", config)
    losses = [epoch.validation_loss for epoch in read(tmp_path / "run")]
    assert losses[outcome.best_epoch - 1] == min(losses)


def test_tell_hears_of_every_epoch(tmp_path):
    heard = []
    trained(tmp_path / "run", tell=lambda epoch, place: heard.append((epoch.number, place.epoch)))
    assert heard == [(number, number) for number in range(1, 13)]


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_a_longer_run_goes_on_from_a_shorter_one(tmp_path, optimiser):
    def config(epochs):
        return TrainingConfig(epochs=epochs, learning_rate=0.02, device="cpu", optimiser=optimiser)

    whole = trained(tmp_path / "whole", config(12))
    trained(tmp_path / "cut", config(5))
    resumed = trained(tmp_path / "cut", config(12), resume=True)
    assert figures(tmp_path / "cut") == figures(tmp_path / "whole")
    assert (resumed.figures, resumed.best_epoch) == (whole.figures, whole.best_epoch)


def test_resuming_a_finished_run_changes_nothing(tmp_path):
    first = trained(tmp_path / "run")
    again = trained(tmp_path / "run", resume=True)
    assert again == first and len(read(tmp_path / "run")) == 12


def test_a_run_cut_off_between_last_and_best_gets_its_best(tmp_path):
    trained(tmp_path / "run")
    best = (tmp_path / "run" / "best" / "model.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "run" / "best")
    trained(tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "best" / "model.safetensors").read_bytes() == best


def test_resuming_where_nothing_was_written_starts_at_the_beginning(tmp_path):
    assert trained(tmp_path / "one", resume=True).figures == trained(tmp_path / "two").figures


def test_ctrl_c_ends_the_epoch_and_the_run_can_be_resumed(tmp_path):
    def interrupt(epoch, place):
        if epoch.number == 5:
            signal.raise_signal(signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match="stopped after epoch 5; .*/run can be resumed"):
        trained(tmp_path / "run", tell=interrupt)
    assert signal.getsignal(signal.SIGINT) is handler
    assert len(read(tmp_path / "run")) == 5
    resumed = trained(tmp_path / "run", resume=True)
    assert resumed.figures == trained(tmp_path / "whole").figures
    assert figures(tmp_path / "run") == figures(tmp_path / "whole")


def test_ctrl_c_twice_stops_at_once(tmp_path):
    def insist(epoch, place):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        trained(tmp_path / "run", tell=insist)
    assert not isinstance(caught.value, Interrupted)


def test_a_loss_that_is_not_finite_is_named_with_its_epoch(tmp_path):
    with pytest.raises(
        FloatingPointError, match="the loss of epoch 1 is nan in training, .* try a smaller learning_rate"
    ):
        trained(tmp_path / "run", network=exploding(6, 3))


def test_a_device_that_is_not_there_is_named(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(ValueError, match="training: device 'cuda' with precision '32-true': "):
        trained(tmp_path / "run", TrainingConfig(device="cuda"))


@pytest.mark.parametrize("precision", ["64-true", "bf16-mixed"])
def test_another_precision_trains(tmp_path, precision):
    config = TrainingConfig(epochs=3, learning_rate=0.02, device="cpu", precision=precision)
    assert math.isfinite(trained(tmp_path / "run", config).figures["test"][0])


@pytest.mark.parametrize("name", ["gcn", "gat", "graph_transformer"])
def test_best_is_a_folder_that_network_load_reads(tmp_path, name):
    network = Network(MODELS[name](6, 3, hidden=8))
    outcome = trained(tmp_path / "run", TrainingConfig(epochs=3, device="cpu"), network)
    loaded = Network.load(tmp_path / "run" / "best").eval()
    task = ring_task()
    outputs = loaded(task.graphs, task.features)[task.test]
    assert torch.equal(outputs, network.eval()(task.graphs, task.features)[task.test])
    assert (outputs.argmax(1) == task.targets[task.test]).float().mean().item() == outcome.figures["test"][1]
