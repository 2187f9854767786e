"""A recipe names a sampling, training hears it, resuming hears the same, and all else hears the whole graph."""

from dataclasses import replace

import pytest
import torch
from tests.training.stand_in import ring_task

from edgewise.data import Neighbours, RandomWalks
from edgewise.models import Network, sage
from edgewise.training import Recipe, TrainingConfig, prepare, run, train
from edgewise.training.samplings import sampled, sampling_of
from edgewise.training.work import work

NEIGHBOURS = {"name": "neighbours", "fanouts": [1, 1]}


def config(epochs=6, **more):
    return TrainingConfig(
        epochs=epochs, device="cpu", batch_size=7, sampling=NEIGHBOURS, save_every=0.0, watch="loss", **more
    )


def trained(folder, config, resume=False):
    task = ring_task()
    torch.manual_seed(0)
    return train(Network(sage(task.num_features, task.num_classes)), task, config, folder, resume=resume)


def test_a_config_names_a_sampling():
    assert sampling_of(TrainingConfig()) is None
    assert sampling_of(config()) == Neighbours((1, 1))
    walks = {"name": "random_walks", "walks": 5, "length": 2, "neighbours": 3, "hops": 2}
    assert sampling_of(TrainingConfig(sampling=walks)) == RandomWalks(5, 2, 3, 2)
    task = ring_task()
    assert sampled(task, TrainingConfig()) is task and sampled(task, config()).sampling == Neighbours((1, 1))


def test_a_run_that_was_cut_off_samples_the_same(tmp_path):
    whole = trained(tmp_path / "whole", config())
    trained(tmp_path / "cut", config(epochs=3))
    resumed = trained(tmp_path / "cut", config(), resume=True)
    assert resumed.figures == whole.figures and torch.equal(resumed.test_outputs, whole.test_outputs)
    assert trained(tmp_path / "other", config(seed=1)).figures != whole.figures


def test_the_operations_of_an_epoch_are_those_of_its_samples():
    task = ring_task()
    network = Network(sage(task.num_features, task.num_classes))
    whole = work(network, task, TrainingConfig(device="cpu"))
    sampling = replace(config(), batch_size=0)
    found = work(network, sampled(task, sampling), sampling)
    assert found == work(network, sampled(task, sampling), sampling)
    assert found.forward == whole.forward and found.epoch < whole.epoch


def test_a_recipe_with_a_sampling_is_written_out_and_runs(recipe_file, tmp_path):
    text = recipe_file.read_text().replace("mean_network", "no_network")
    model = text.index("[model]")
    recipe_file.write_text(text[:model] + '[model]\nname = "gat"\n' + text[text.index("[training]") :])
    with recipe_file.open("a") as file:
        file.write('\nbatch_size = 7\nsampling = {name = "neighbours", fanouts = [2, 2]}\n')
    recipe = Recipe.read(recipe_file)
    (tmp_path / "again.toml").write_text(recipe.as_toml())
    assert Recipe.read(tmp_path / "again.toml", name=recipe.name) == recipe
    assert prepare(recipe)[0].num_batches("train", 7) > 1
    run(recipe, tmp_path / "run")
    assert "fanouts" in (tmp_path / "run" / "recipe.toml").read_text()


@pytest.mark.parametrize(
    ("sampling", "message"),
    [
        ('"neighbors"', r"\[training\] unknown sampling 'neighbors'. Known: neighbours, random_walks. Did you mean"),
        ('"neighbours"', r"\[training.sampling\] needs 'fanouts', which is not given"),
        ('{name = "neighbours", fanouts = [0]}', r"\[training\] sampling neighbours: expected fanouts of at least 1"),
        ('{name = "neighbours", fanouts = 3}', r"\[training.sampling\] fanouts = 3: "),
        ('{name = "random_walks", walk = 3}', r"\[training.sampling\] unknown key 'walk'. .* Did you mean 'walks'"),
        ("{fanouts = [3]}", r"\[training\] part: expected a table with a 'name'"),
    ],
)
def test_a_sampling_that_is_none_is_named_in_the_recipe(recipe_file, sampling, message):
    with recipe_file.open("a") as file:
        file.write(f"\nsampling = {sampling}\n")
    with pytest.raises(ValueError, match=message):
        Recipe.read(recipe_file)
