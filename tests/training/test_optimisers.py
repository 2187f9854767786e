import signal
from dataclasses import replace

import pytest
import torch
from tests.training.stand_in import cycles_task, mean_network, pooled_network
from torch import nn

from edgewise.models import Network, gpt2
from edgewise.training import DECAYED, OPTIMISERS, Interrupted, Recipe, TrainingConfig, train
from edgewise.training.chance import set_chance
from edgewise.training.metrics import read
from edgewise.training.optimisers import optimiser_of

OPTIONS = {
    "adam": {"betas": (0.8, 0.98), "eps": 1e-6},
    "adamw": {"betas": (0.8, 0.98), "eps": 1e-6},
    "sgd": {"momentum": 0.9, "nesterov": True},
}
CONFIG = TrainingConfig(epochs=6, learning_rate=0.02, device="cpu", batch_size=12)


def names(network, weights):
    chosen = {id(weight) for weight in weights}
    return [name for name, weight in network.named_parameters() if id(weight) in chosen]


class Bare(torch.optim.Optimizer):
    """One of one's own, without decay."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})


@pytest.mark.parametrize("name", OPTIMISERS)
def test_options_reach_the_optimiser(name):
    assert OPTIONS.keys() == OPTIMISERS.keys()
    made = optimiser_of(replace(CONFIG, optimiser={"name": name, **OPTIONS[name]}), mean_network(6, 3))
    assert type(made) is OPTIMISERS[name]
    (group,) = made.param_groups
    assert {option: group[option] for option in OPTIONS[name]} == OPTIONS[name]
    assert (group["lr"], group["weight_decay"]) == (0.02, 5e-4)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_run_with_options_that_was_cut_off_goes_on_to_the_last_bit(tmp_path, name):
    config = replace(CONFIG, optimiser={"name": name, **OPTIONS[name]}, decayed="matrices", weight_decay=0.1)

    def trained(folder, **more):
        set_chance(0, 0)
        train(pooled_network(2, 2), cycles_task(), config, tmp_path / folder, **more)
        return [epoch[2:] for epoch in read(tmp_path / folder)]

    def interrupt(epoch, place):
        if epoch.number == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        trained("cut", tell=interrupt)
    assert trained("cut", resume=True) == trained("whole")


def test_all_weights_decay_unless_asked_otherwise():
    network = mean_network(6, 3)
    assert DECAYED["all"](network) == list(network.parameters())
    assert len(optimiser_of(CONFIG, network).param_groups) == 1


def test_matrices_are_neither_biases_nor_norms_nor_embeddings():
    network = Network(gpt2(tokens=11, dim=8, num_heads=2, num_layers=1))
    decayed = names(network, DECAYED["matrices"](network))
    tables = {name for name, _ in network.named_parameters() if is_of_an_embedding(network, name)}
    assert {name for name, weight in network.named_parameters() if weight.dim() == 2} == tables | set(decayed)
    assert decayed and tables and not tables & set(decayed)
    wide = nn.Sequential(nn.Embedding(5, 4), nn.LayerNorm([3, 4]), nn.Linear(4, 5))
    wide[2].weight = wide[0].weight
    assert DECAYED["matrices"](wide) == []


def is_of_an_embedding(network, name):
    return isinstance(network.get_submodule(name.rpartition(".")[0]), nn.Embedding)


def test_what_does_not_decay_is_a_group_of_its_own():
    network = mean_network(6, 3)
    decaying, rest = optimiser_of(replace(CONFIG, decayed="matrices"), network).param_groups
    assert names(network, decaying["params"]) == ["first.weight", "second.weight"]
    assert (decaying["weight_decay"], rest["weight_decay"]) == (5e-4, 0.0)


def test_a_frozen_weight_stays_as_it_is(tmp_path):
    network = pooled_network(2, 2)
    network.first.requires_grad_(False)
    before = {name: weight.clone() for name, weight in network.named_parameters()}
    train(network, cycles_task(), replace(CONFIG, epochs=2, watch="loss"), tmp_path / "run")
    same = {name for name, weight in network.named_parameters() if torch.equal(weight, before[name])}
    assert same == {"first.weight", "first.bias"}
    network.requires_grad_(False)
    with pytest.raises(ValueError, match="training: no weight of the network learns; set requires_grad"):
        optimiser_of(CONFIG, network)


def test_a_decay_that_would_not_be_heard_is_refused():
    config = replace(CONFIG, optimiser=f"{__name__}:Bare")
    with pytest.raises(ValueError, match="training: optimiser '.*:Bare' takes no weight_decay; set it to 0"):
        optimiser_of(config, mean_network(6, 3))
    assert type(optimiser_of(replace(config, weight_decay=0.0), mean_network(6, 3))) is Bare
    with pytest.raises(ValueError, match="training: decayed is 'matrices', but weight_decay is 0, so nothing decays"):
        TrainingConfig(decayed="matrices", weight_decay=0.0)


def test_an_option_of_another_type_is_named():
    with pytest.raises(ValueError, match="training: optimiser 'adam': .*not supported between"):
        optimiser_of(replace(CONFIG, optimiser={"name": "adam", "betas": ["a", "b"]}), mean_network(6, 3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            'optimiser={name = "sgd", betas = [0.9, 0.99]}',
            r"\[training.optimiser\] unknown key 'betas'. Known: dampening, .*, momentum, nesterov",
        ),
        ('optimiser={name = "adam", eps = "small"}', r"\[training.optimiser\] eps = .small.: expected a valid number"),
        ('optimiser={name = "adam", betas = [2.0, 0.9]}', r"\[training\] Invalid beta parameter at index 0: 2.0"),
        ('optimiser={name = "adam", lr = 0.1}', r"\[training.optimiser\] unknown key 'lr'"),
        ("decayed=matrix", r"\[training\] unknown decayed 'matrix'. Known: all, matrices. Did you mean 'matrices'"),
    ],
)
def test_an_option_that_is_none_is_named_in_the_recipe(recipe_file, change, message):
    with pytest.raises(ValueError, match=message):
        Recipe.read(recipe_file, [f"training.{change}"])


def test_a_recipe_names_an_optimiser_and_its_options(recipe_file, tmp_path):
    recipe = Recipe.read(recipe_file, ['training.optimiser={name = "adamw", betas = [0.9, 0.95], eps = 1e-9}'])
    (group,) = optimiser_of(recipe.training, mean_network(6, 3)).param_groups
    assert (group["betas"], group["eps"]) == ((0.9, 0.95), 1e-9)
    (tmp_path / "again.toml").write_text(recipe.as_toml())
    assert Recipe.read(tmp_path / "again.toml", name=recipe.name) == recipe
