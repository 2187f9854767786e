"""Many small batches a step are one large one: the same gradient, schedule and place."""

import signal
from dataclasses import replace

import pytest
import torch
from tests.training.stand_in import cycles_task, mean_network, pooled_network, ring_answers, ring_task

from edgewise.training import OPTIMISERS, SCHEDULES, Interrupted, Recipe, TrainingConfig, prepare, train
from edgewise.training.chance import set_chance
from edgewise.training.metrics import read
from edgewise.training.step import num_steps

CONFIG = TrainingConfig(
    epochs=3, learning_rate=0.05, device="cpu", optimiser="sgd", batch_size=10, clip_norm=0.3, watch="loss"
)
SMALL = replace(CONFIG, batch_size=5, accumulation=2)  # of 30 graphs
EVERYBODY = {"name": "neighbours", "fanouts": [60, 60]}


def trained(folder, config, network, task, **options):
    train(network, task, config, folder, **options)
    return [epoch[2:] for epoch in read(folder)], {name: x.clone() for name, x in network.state_dict().items()}


def on_graphs(folder, config, **options):
    set_chance(0, 0)
    return trained(folder, config, pooled_network(2, 2, dropout=0.0), cycles_task(), **options)


def test_small_batches_are_one_large_one(tmp_path):
    (small, weights), (large, expected) = on_graphs(tmp_path / "small", SMALL), on_graphs(tmp_path / "large", CONFIG)
    for ours, theirs in zip(small, large, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
    torch.testing.assert_close(weights, expected, atol=1e-6, rtol=1e-5)


def test_batches_weigh_what_is_known_in_them(tmp_path):
    def on_nodes(name, **options):
        set_chance(0, 0)
        config = replace(CONFIG, sampling=EVERYBODY, **options)
        return trained(tmp_path / name, config, mean_network(6, 2, dropout=0.0), ring_answers("labels"))[1]

    torch.testing.assert_close(on_nodes("small", batch_size=2, accumulation=3), on_nodes("large", batch_size=6))


def test_a_schedule_counts_steps_and_the_last_group_is_one(tmp_path):
    rates = []

    class Watched(torch.optim.SGD):
        """Notes the rate of every step."""

        def step(self, closure=None):
            rates.append(self.param_groups[0]["lr"])
            return super().step(closure)

    uneven = replace(SMALL, warm_up=1.0, schedule="linear", accumulation=4)
    assert (num_steps(cycles_task(), SMALL), num_steps(cycles_task(), uneven)) == (3, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OPTIMISERS, "sgd", Watched)
        on_graphs(tmp_path / "run", uneven)
    assert rates == pytest.approx([0.05 * SCHEDULES["linear"]().share(step, 2, 6) for step in range(6)])


def test_a_run_that_was_cut_off_goes_on_to_the_last_bit(tmp_path):
    def interrupt(epoch, place):
        if epoch.number == 1:
            signal.raise_signal(signal.SIGINT)

    config = replace(SMALL, optimiser="adam", schedule="warm_up_stable_decay", warm_up=0.5)
    with pytest.raises(Interrupted):
        on_graphs(tmp_path / "cut", config, tell=interrupt)
    (cut, weights), (whole, expected) = (
        on_graphs(tmp_path / "cut", config, resume=True),
        on_graphs(tmp_path / "whole", config),
    )
    assert cut == whole and all(torch.equal(weights[name], expected[name]) for name in expected)


def test_more_batches_than_there_are_is_refused(recipe_file):
    message = "training: accumulation is 2 batches a step, but an epoch of ring has only 1; lower it, or batch_size"
    with pytest.raises(ValueError, match=message):
        num_steps(ring_task(), TrainingConfig(accumulation=2))
    with pytest.raises(ValueError, match=message):
        prepare(Recipe.read(recipe_file, ["training.accumulation=2"]))
    with pytest.raises(ValueError, match="training: accumulation must be at least 1, got 0"):
        TrainingConfig(accumulation=0)
