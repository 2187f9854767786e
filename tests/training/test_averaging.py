"""What stands for the network is a mean of the weights it had; training and resuming know nothing of it."""

import json
import signal
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from tests.training.stand_in import cycles_task, pooled_network
from torch import nn

from edgewise.models import Network, gin
from edgewise.training import AVERAGINGS, Averaging, Interrupted, Recipe, TrainingConfig, run, train
from edgewise.training.averaging import ExponentialMean, LastEpochs, Newest, averaged, averaging_of
from edgewise.training.chance import set_chance
from edgewise.training.metrics import read

TABLES = {"ema": {"name": "ema", "decay": 0.8}, "last": {"name": "last", "count": 3}}
CONFIG = TrainingConfig(epochs=6, learning_rate=0.05, device="cpu", batch_size=12, watch="loss")


def trained(folder, config, network=None, **options):
    set_chance(0, 0)
    network = network or pooled_network(2, 2)
    outcome = train(network, cycles_task(), config, folder, **options)
    return outcome, [epoch[2:] for epoch in read(folder)]


class Counting(Averaging):
    """One of one's own: the newest of one weight."""

    def after_step(self, kept, network):
        weight = network.weight.detach().clone()
        return [*kept, {"weight": weight}][-1:]


def moved(network, by):
    with torch.no_grad():
        for weight in network.parameters():
            weight += by


def test_every_averaging_has_a_run_here():
    assert TABLES.keys() == AVERAGINGS.keys()


def test_an_exponential_mean_is_its_formula():
    network, mean, kept = nn.Linear(2, 1), ExponentialMean(decay=0.75), []
    expected = network.weight.detach().clone()
    for _ in range(4):
        kept = mean.after_epoch(mean.after_step(kept, network), network)
        expected = 0.75 * expected + 0.25 * network.weight.detach()
        moved(network, 1.0)
    (weights,) = kept
    torch.testing.assert_close(weights["weight"], expected)


def test_the_last_epochs_weigh_alike():
    network, mean, kept, had = nn.Linear(2, 1), LastEpochs(count=3), [], []
    for _ in range(5):
        had.append(network.weight.detach().clone())
        kept = mean.after_epoch(mean.after_step(kept, network), network)
        moved(network, 1.0)
        assert len(kept) == min(len(had), 3)
    with averaged(network, kept):
        torch.testing.assert_close(network.weight.detach(), torch.stack(had[-3:]).mean(0))


def test_a_network_has_its_own_weights_again_even_where_judging_fails():
    network = nn.BatchNorm1d(3)
    network.bias.requires_grad_(False)
    before = {name: x.clone() for name, x in network.state_dict().items()}
    kept = [{"weight": torch.full((3,), 7.0)}, {"weight": torch.full((3,), 9.0)}]

    def judge():
        with averaged(network, kept):
            assert (network.weight == 8).all() and (network.bias == 0).all()
            assert torch.equal(network.running_mean, before["running_mean"])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        judge()
    assert all(torch.equal(x, before[name]) for name, x in network.state_dict().items())
    with averaged(network, []):
        assert torch.equal(network.weight, before["weight"])


@pytest.mark.parametrize("name", AVERAGINGS)
def test_training_goes_its_way_and_the_mean_is_judged(tmp_path, name):
    _, plain = trained(tmp_path / "plain", CONFIG)
    outcome, mean = trained(tmp_path / "mean", replace(CONFIG, averaging=TABLES[name]))
    assert [epoch[:2] for epoch in mean] == [epoch[:2] for epoch in plain]
    assert [epoch[2:] for epoch in mean] != [epoch[2:] for epoch in plain]
    last = [load_file(tmp_path / folder / "last/model.safetensors") for folder in ("plain", "mean")]
    assert all(torch.equal(last[0][weight], last[1][weight]) for weight in last[0])
    assert outcome.figures["validation"] == mean[outcome.best_epoch - 1][2:]


@pytest.mark.parametrize("name", AVERAGINGS)
def test_a_run_that_was_cut_off_goes_on_to_the_last_bit(tmp_path, name):
    def interrupt(epoch, place):
        if epoch.number == 4:
            signal.raise_signal(signal.SIGINT)

    config = replace(CONFIG, averaging=TABLES[name])
    whole = trained(tmp_path / "whole", config)
    with pytest.raises(Interrupted):
        trained(tmp_path / "cut", config, tell=interrupt)
    resumed = trained(tmp_path / "cut", config, resume=True)
    assert resumed[1] == whole[1] and resumed[0].figures == whole[0].figures
    for file in ("last/model.safetensors", "last/training.safetensors", "best/model.safetensors"):
        assert (tmp_path / "cut" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def test_the_mean_of_one_is_the_network_itself(tmp_path):
    _, plain = trained(tmp_path / "plain", CONFIG)
    for table in ({"name": "ema", "decay": 0.0}, {"name": "last", "count": 1}):
        assert trained(tmp_path / table["name"], replace(CONFIG, averaging=table))[1] == plain


def test_running_statistics_are_the_newest(tmp_path):
    set_chance(0, 0)
    network = Network(gin(2, 2, hidden=8, num_layers=2, dropout=0.0))
    config = replace(CONFIG, epochs=1, averaging={"name": "ema", "decay": 0.9})
    train(network, cycles_task(), config, tmp_path / "run")
    last, best = (load_file(tmp_path / "run" / folder / "model.safetensors") for folder in ("last", "best"))
    statistics = [name for name in last if "running" in name]
    assert statistics and all(torch.equal(last[name], best[name]) for name in statistics)
    assert not all(torch.equal(last[name], best[name]) for name in last)


def test_a_recipe_names_an_averaging_and_its_report_says_so(recipe_file, tmp_path):
    recipe = Recipe.read(recipe_file, ['training.averaging={name = "last", count = 2}', "training.epochs=2"])
    run(recipe, tmp_path / "run")
    assert "By the averaged weights of epoch" in (tmp_path / "run" / "report.md").read_text()
    assert json.loads((tmp_path / "run/last/state.json").read_text())["epoch"] == 2
    assert Recipe.read(tmp_path / "run" / "recipe.toml", name=recipe.name) == recipe
    assert type(averaging_of(TrainingConfig())) is Newest
    assert type(averaging_of(TrainingConfig(averaging=f"{__name__}:Counting"))) is Counting


@pytest.mark.parametrize(
    ("averaging", "message"),
    [
        ('"emma"', r"\[training\] unknown averaging 'emma'. Known: ema, last. Did you mean 'ema'"),
        ('{name = "ema", decay = 1.0}', r"\[training\] averaging: decay must be at least 0 and below 1, got 1.0"),
        ('{name = "last", count = 0}', r"\[training\] averaging: count must be at least 1 epoch, got 0"),
        ('{name = "last", decay = 0.9}', r"\[training.averaging\] unknown key 'decay'. Known: count"),
    ],
)
def test_an_averaging_that_is_none_is_named_in_the_recipe(recipe_file, averaging, message):
    with pytest.raises(ValueError, match=message):
        Recipe.read(recipe_file, [f"training.averaging={averaging}"])
