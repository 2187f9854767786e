import math
import shutil
import signal
from dataclasses import replace

import pytest
import torch
from tests.training.stand_in import cycles_task, exploding, mean_network, pooled_network, ring_answers, ring_task
from torch.nn.functional import cross_entropy

from edgewise.models import MODELS, Network
from edgewise.training import OPTIMISERS, SCHEDULES, Interrupted, TrainingConfig, train
from edgewise.training.chance import set_chance
from edgewise.training.metrics import read

CONFIG = TrainingConfig(epochs=12, learning_rate=0.02, device="cpu")


def fresh(seed=0):
    set_chance(seed, 0)
    return mean_network(6, 3)


def trained(folder, config=CONFIG, network=None, **options):
    return train(network or fresh(config.seed), ring_task(), config, folder, **options)


MINI = TrainingConfig(
    epochs=8,
    learning_rate=0.02,
    device="cpu",
    batch_size=12,
    schedule="inverse_square_root",
    warm_up=1.5,
    clip_norm=0.5,
)


def trained_on_graphs(folder, config=MINI, **options):
    set_chance(config.seed, 0)
    return train(pooled_network(2, 2), cycles_task(), config, folder, **options)


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


def test_graphs_are_learned_in_mini_batches(tmp_path):
    set_chance(0, 0)
    network = Network(MODELS["gin"](2, 2, hidden=8, num_layers=2, dropout=0.0))
    outcome = train(network, cycles_task(), replace(MINI, epochs=15), tmp_path / "run")
    assert outcome.figures["test"][1] == 1.0 and outcome.test_outputs.shape == (10, 2)


def test_the_figures_are_those_of_all_batches_together(tmp_path):
    network, task = pooled_network(2, 2), cycles_task()
    outcome = train(network, task, replace(MINI, epochs=2, batch_size=3), tmp_path / "run")
    batch = next(task.batches("test", 0))
    outputs = batch.outputs(network.eval())
    assert torch.allclose(outputs, outcome.test_outputs, atol=1e-5)
    assert outcome.figures["test"][0] == pytest.approx(cross_entropy(outputs, batch.targets).item(), abs=1e-6)


@pytest.mark.parametrize("schedule", [name for name in SCHEDULES if not SCHEDULES[name].ends])
def test_a_longer_run_of_mini_batches_goes_on_from_a_shorter_one(tmp_path, schedule):
    config = replace(MINI, schedule=schedule)
    whole = trained_on_graphs(tmp_path / "whole", config)
    trained_on_graphs(tmp_path / "cut", replace(config, epochs=3))
    resumed = trained_on_graphs(tmp_path / "cut", config, resume=True)
    assert figures(tmp_path / "cut") == figures(tmp_path / "whole")
    assert (resumed.figures, resumed.best_epoch) == (whole.figures, whole.best_epoch)
    assert torch.equal(resumed.test_outputs, whole.test_outputs)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_run_of_mini_batches_that_was_stopped_ends_as_if_it_never_was(tmp_path, schedule):
    def interrupt(epoch, place):
        if epoch.number == 3:
            signal.raise_signal(signal.SIGINT)

    config = replace(MINI, schedule=schedule)
    whole = trained_on_graphs(tmp_path / "whole", config)
    with pytest.raises(Interrupted):
        trained_on_graphs(tmp_path / "cut", config, tell=interrupt)
    resumed = trained_on_graphs(tmp_path / "cut", config, resume=True)
    assert figures(tmp_path / "cut") == figures(tmp_path / "whole") and resumed.figures == whole.figures


def test_the_learning_rate_follows_its_schedule_step_by_step(tmp_path):
    rates = []

    class Watched(torch.optim.SGD):
        """Notes the rate of every step."""

        def step(self, closure=None):
            rates.append(self.param_groups[0]["lr"])
            return super().step(closure)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OPTIMISERS, "sgd", Watched)
        trained_on_graphs(tmp_path / "run", replace(MINI, epochs=4, warm_up=1.0, schedule="linear", optimiser="sgd"))
    assert rates == pytest.approx([0.02 * SCHEDULES["linear"]().share(step, 3, 12) for step in range(12)])


def test_a_gradient_is_clipped_to_its_norm(tmp_path):
    def moved(clip_norm):
        network = fresh()
        before = [weight.clone() for weight in network.parameters()]
        config = TrainingConfig(
            epochs=1, learning_rate=1.0, device="cpu", optimiser="sgd", weight_decay=0.0, clip_norm=clip_norm
        )
        trained(tmp_path / str(clip_norm), config, network)
        return sum((a - b).square().sum() for a, b in zip(network.parameters(), before, strict=True)).sqrt().item()

    free = moved(0.0)
    assert moved(0.125) == pytest.approx(0.125, rel=1e-3) and free > 0.13
    assert moved(1e6) == free


@pytest.mark.parametrize("answer", ["labels", "numbers"])
def test_labels_and_numbers_are_learned_where_they_are_known(tmp_path, answer):
    task = ring_answers(answer)
    network = mean_network(6, 2, hidden=16)
    outcome = train(network, task, replace(CONFIG, epochs=60), tmp_path / "run")
    epochs = read(tmp_path / "run")
    assert outcome.score_name == {"labels": "f1", "numbers": "rmse"}[answer]
    assert epochs[-1].train_loss < epochs[0].train_loss
    best = (max if answer == "labels" else min)(epoch.validation_score for epoch in epochs)
    assert outcome.figures["validation"][1] == best == epochs[outcome.best_epoch - 1].validation_score


def test_numbers_are_scored_in_their_own_units(tmp_path):
    task = ring_answers("numbers", missing=False)
    outcome = train(mean_network(6, 2), task, CONFIG, tmp_path / "run")
    said = outcome.test_outputs * torch.tensor(task.answer.scale) + torch.tensor(task.answer.mean)
    miss = (said - task.targets[task.test]).square().mean().sqrt().item()
    assert outcome.figures["test"][1] == pytest.approx(miss, rel=1e-5) and miss > 1


def test_edge_features_reach_the_network(tmp_path):
    network = Network(MODELS["graph_transformer"](2, 2, hidden=8, num_heads=2, edge_dim=3, positions=(), head="graph"))
    outcome = train(network, cycles_task(edge_features=True), replace(MINI, epochs=2), tmp_path / "run")
    assert outcome.epochs == 2


def test_smoothed_labels_are_learned_and_plain_ones_are_judged(tmp_path):
    network = pooled_network(2, 2, dropout=0.0)
    config = replace(MINI, epochs=1, batch_size=0, warm_up=0.0, label_smoothing=0.4)
    outputs = next(cycles_task().batches("train", 0)).outputs(network)
    outcome = train(network, cycles_task(), config, tmp_path / "run")
    (epoch,) = read(tmp_path / "run")
    targets = cycles_task().asked("train")
    assert epoch.train_loss == pytest.approx(cross_entropy(outputs, targets, label_smoothing=0.4).item(), abs=1e-5)
    for part in ("train", "validation"):
        outputs = next(cycles_task().batches(part, 0)).outputs(network)
        plain = cross_entropy(outputs, cycles_task().asked(part)).item()
        assert outcome.figures[part][0] == pytest.approx(plain, abs=1e-5)
    assert epoch.validation_loss == outcome.figures["validation"][0]
