"""Small runs, and processes that train them together: as torchrun starts them, but with everything imported."""

import multiprocessing
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from tests.training.killing import ROOT
from tests.training.stand_in import (
    cycles_task,
    friends_task,
    linking_network,
    mean_network,
    pooled_network,
    ring_answers,
)
from torch.nn import Module

from edgewise.data import Task
from edgewise.models import MODELS, Network
from edgewise.training import TrainingConfig, train
from edgewise.training.chance import set_chance
from edgewise.training.launch import _free_port

CONFIG = TrainingConfig(epochs=4, learning_rate=0.02, device="cpu", batch_size=8, clip_norm=0.5, save_every=0.0)
TOGETHER = {"accumulation": 2, "averaging": {"name": "ema", "decay": 0.8}}
EVERYBODY = {"name": "neighbours", "fanouts": [60, 60]}


def graphs() -> tuple[Module, Task, TrainingConfig]:
    """Steps of 7 or 8 graphs."""
    return pooled_network(2, 2, dropout=0.0), cycles_task(), CONFIG


def links() -> tuple[Module, Task, TrainingConfig]:
    """Pairs of which each epoch draws others."""
    return linking_network(6, 1, dropout=0.0), friends_task(), replace(CONFIG, batch_size=40)


def sampled_links() -> tuple[Module, Task, TrainingConfig]:
    """The same, each step in a sample that happens to be all there is."""
    network, task, config = links()
    return network, task, replace(config, sampling=EVERYBODY)


def labels() -> tuple[Module, Task, TrainingConfig]:
    """Labels of nodes some of which are unknown, so that devices are asked about unlike numbers of them."""
    return mean_network(6, 2, dropout=0.0), ring_answers("labels"), replace(CONFIG, sampling=EVERYBODY)


def numbers() -> tuple[Module, Task, TrainingConfig]:
    """Numbers to say, and a score that is a sum of squares."""
    return mean_network(6, 2, dropout=0.0), ring_answers("numbers"), replace(CONFIG, sampling=EVERYBODY, batch_size=5)


def idle_weights() -> tuple[Module, Task, TrainingConfig]:
    """Weights that no loss reaches."""
    network, task, config = graphs()
    network.idle = torch.nn.Linear(2, 2)
    return network, task, replace(config, strategy="ddp_find_unused_parameters_true")


def small_batches() -> tuple[Module, Task, TrainingConfig]:
    """Steps of several batches of labels some of which are unknown, judged by the mean of weights."""
    network, task, config = labels()
    return network, task, replace(config, batch_size=3, **TOGETHER)


def forgetful() -> tuple[Module, Task, TrainingConfig]:
    """Dropout, batch norm, a schedule, and what `small_batches` has."""
    network = Network(MODELS["gin"](2, 2, hidden=8, num_layers=2, dropout=0.5))
    return network, cycles_task(), replace(CONFIG, schedule="inverse_square_root", warm_up=1.5, **TOGETHER)


def first_epochs() -> tuple[Module, Task, TrainingConfig]:
    """The same, for less long."""
    network, task, config = forgetful()
    return network, task, replace(config, epochs=2)


SPLIT: dict[str, Callable[[], tuple[Module, Task, TrainingConfig]]] = {
    made.__name__: made for made in (graphs, links, sampled_links, labels, numbers, idle_weights, small_batches)
}
RUNS = {**SPLIT, "forgetful": forgetful, "first_epochs": first_epochs}


def alone(name: str, folder: Path) -> None:
    """Train one of them here."""
    set_chance(0, 0)
    network, task, config = RUNS[name]()
    outcome = train(network, task, config, folder, resume=folder.exists())
    if int(os.environ.get("RANK", "0")) == 0:
        torch.save(outcome.test_outputs, folder / "said.pt")


def together(devices: int, sittings: list[tuple[str, Path]]) -> None:
    """Train some of them, one after the other, in so many processes."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.training.sitting"])
    ports = [_free_port() for _ in sittings]
    processes = [context.Process(target=_sit, args=(rank, devices, sittings, ports)) for rank in range(devices)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * devices


def _sit(rank: int, devices: int, sittings: list[tuple[str, Path]], ports: list[int]) -> None:
    torch.set_num_threads(1)
    for (name, folder), port in zip(sittings, ports, strict=True):
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "MASTER_PORT": str(port), "MASTER_ADDR": "127.0.0.1"}
        os.environ |= {"WORLD_SIZE": str(devices), "LOCAL_WORLD_SIZE": str(devices), "TORCHELASTIC_RUN_ID": "tests"}
        alone(name, folder)
