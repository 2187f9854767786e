"""Positions on disk are those that would be measured, or they are measured."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.training.stand_in import cycles_task, ring_task

from edgewise.data import Neighbours
from edgewise.data.task import Task
from edgewise.graph import Graph, random_walk_return
from edgewise.layers.positions import LaplacianPositions, RandomWalkPositions
from edgewise.models import Network, graph_transformer
from edgewise.part import Part
from edgewise.training import Recipe, TrainingConfig, train
from edgewise.training.position_cache import PositionCache, checksum, keep_positions

WALKS = ("random_walk", 3)


def graph(nodes=6):
    first = torch.arange(nodes - 1)
    return Graph.from_edges(torch.cat([first, first + 1]), torch.cat([first + 1, first]), num_senders=nodes)


def measure(graph):
    return random_walk_return(graph, 3)


def never(graph):
    raise AssertionError("it was to be read")


@pytest.fixture
def cache(tmp_path):
    return PositionCache(tmp_path / "cache")


def kept(cache):
    (file,) = cache.folder.glob("*.safetensors")
    return file


def test_what_was_written_is_read(cache):
    first = cache(graph(), WALKS, measure)
    assert torch.equal(first, measure(graph())) and torch.equal(cache(graph(), WALKS, never), first)
    assert kept(cache).name == f"random_walk-{checksum(graph(), WALKS)[:16]}.safetensors"


def test_another_graph_or_option_is_another_file(cache):
    sums = {
        checksum(graph(), WALKS),
        checksum(graph(), ("random_walk", 4)),
        checksum(graph(7), WALKS),
        checksum(Graph.batch([graph(), graph()]), WALKS),
        checksum(graph(12), WALKS),
        checksum(graph().add_self_loops(), WALKS),
    }
    assert len(sums) == 6
    with torch.device("cpu"):
        torch.set_default_dtype(torch.float64)
        try:
            assert checksum(graph(), WALKS) not in sums
        finally:
            torch.set_default_dtype(torch.float32)


def cut(file):
    file.write_bytes(file.read_bytes()[:40])


def empty(file):
    file.write_bytes(b"")


def flip(file):
    contents = bytearray(file.read_bytes())
    contents[-1] ^= 1
    file.write_bytes(bytes(contents))


def nameless(file):
    save_file(load_file(file), file)


@pytest.mark.parametrize("damage", [cut, empty, flip, nameless])
def test_a_damaged_file_is_measured_again_with_a_notice(cache, damage):
    first = cache(graph(), WALKS, measure)
    damage(kept(cache))
    with pytest.warns(UserWarning, match="random_walk-.*; measured again"):
        assert torch.equal(cache(graph(), WALKS, measure), first)
    assert torch.equal(cache(graph(), WALKS, never), first)


def test_what_is_wrong_is_said(cache):
    cache(graph(), WALKS, measure)
    flip(kept(cache))
    with pytest.warns(UserWarning, match="its numbers are damaged; measured again"):
        cache(graph(), WALKS, measure)
    stale = kept(cache)
    stale.rename(cache.folder / f"random_walk-{checksum(graph(7), WALKS)[:16]}.safetensors")
    with pytest.warns(UserWarning, match="it holds positions of another graph; measured again"):
        assert torch.equal(cache(graph(7), WALKS, measure), measure(graph(7)))


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match=r"it could not be written \(.*\); the run goes on without it"):
        assert torch.equal(PositionCache(tmp_path / "file")(graph(), WALKS, measure), measure(graph()))


def test_nothing_half_written_is_left(cache):
    cache(graph(), WALKS, measure)
    assert [path.suffix for path in cache.folder.iterdir()] == [".safetensors"]


@pytest.mark.parametrize("task", [ring_task, cycles_task])
def test_a_run_reads_what_an_earlier_one_has_measured(tmp_path, task, monkeypatch):
    config = TrainingConfig(
        epochs=2, device="cpu", cache=str(tmp_path / "cache"), batch_size=0 if task is ring_task else 4
    )

    def trained(name, config):
        made = task()
        torch.manual_seed(0)
        positions = (Part("laplacian", {"count": 2}), Part("random_walk", {"steps": 3}))
        head = "nodes" if task is ring_task else "graph"
        model = graph_transformer(
            made.num_features, made.answer.out_dim, hidden=8, num_heads=2, num_layers=1, positions=positions, head=head
        )
        return train(Network(model), made, config, tmp_path / name)

    plain = trained("plain", replace(config, cache=""))
    assert trained("first", config).figures == plain.figures
    assert len(list((tmp_path / "cache").iterdir())) == 2
    for function in ("laplacian_eigenvectors", "random_walk_return"):
        monkeypatch.setattr(f"edgewise.layers.positions.node_positions.{function}", never)
    assert trained("second", config).figures == plain.figures


def test_nodes_of_a_sample_keep_their_positions_in_the_whole_graph():
    task = ring_task().sampled(Neighbours((2, 2)))
    whole = next(task.batches("validation", 0)).graphs
    torch.manual_seed(0)
    for kind in (LaplacianPositions(4, 3), RandomWalkPositions(4, 3)):
        kind.eval()
        batch = next(task.batches("train", 4, shuffled=True))
        where = [int((task.features == row).all(1).nonzero()[0]) for row in batch.features[:1]]
        assert kind(batch.graphs).shape == (batch.graphs.num_receivers, 4)
        if len((task.features == batch.features[0]).all(1).nonzero()) == 1:
            assert torch.equal(kind(batch.graphs)[0], kind(whole)[where[0]])


def test_a_task_of_another_kind_says_so():
    with pytest.raises(ValueError, match="training: cache is of the positions in a NodeTask or a GraphTask, got a"):
        Task.keep(ring_task(), PositionCache(Path("nowhere")))


def test_without_a_cache_nothing_is_kept():
    keep_positions(ring_task(), TrainingConfig())


def test_a_cache_in_a_recipe_is_counted_from_its_folder(recipe_file):
    with recipe_file.open("a") as file:
        file.write('\ncache = "positions"\n')
    assert Recipe.read(recipe_file).training.cache == str(recipe_file.parent / "positions")
