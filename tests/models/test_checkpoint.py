"""A network in a folder: it comes back exactly, and a folder that is not one says what it lacks."""

import json
from dataclasses import replace

import pytest
import torch
from tests.models.pages import PAGES, network_of

from edgewise.layers import BlockConfig, Hearing
from edgewise.models import MODELS, EmbedConfig, Network, NetworkConfig, checkpoint
from edgewise.models.tied import tied_names
from edgewise.part import Part

SMALL = MODELS["gcn"](5, 3, hidden=4)


@pytest.fixture
def folder(tmp_path):
    network_of(SMALL).save(tmp_path / "net")
    return tmp_path / "net"


@pytest.mark.parametrize("name", PAGES)
def test_a_network_comes_back_exactly(name, tmp_path):
    network = network_of(PAGES[name])
    network.save(tmp_path)
    again = Network.load(tmp_path)
    assert again.config == network.config
    before, after = network.state_dict(), again.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(after[key], x) and after[key].dtype == x.dtype for key, x in before.items())
    assert tied_names(again) == tied_names(network)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_it_comes_back_in_its_dtype(dtype, tmp_path):
    network = network_of(SMALL).to(dtype)
    network.save(tmp_path)
    again = Network.load(tmp_path)
    assert {x.dtype for x in again.state_dict().values()} == {dtype}
    assert all(torch.equal(again.state_dict()[name], x) for name, x in network.state_dict().items())
    assert {x.dtype for x in again.buffers()} == {dtype}


def test_dtypes_that_differ_come_back_as_the_widest(tmp_path):
    network = network_of(SMALL).double()
    network.blocks[0].bfloat16()
    network.save(tmp_path)
    assert {x.dtype for x in Network.load(tmp_path).state_dict().values()} == {torch.float64}


def test_tied_weights_are_written_once_and_stay_one(tmp_path):
    network = network_of(PAGES["gpt2"])
    network.save(tmp_path)
    again = Network.load(tmp_path)
    assert again.head.project.weight is again.embed["nodes"].tokens.weight
    assert tied_names(again) == {"head.project.weight": "embed.nodes.tokens.weight"}
    from safetensors import safe_open

    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert "head.project.weight" not in file.keys()  # noqa: SIM118  (no dict)


def test_parts_of_ones_own_come_back_by_import_path(tmp_path):
    hearing = Hearing(
        graph="words",
        score=Part("tests.own_parts:Distance", {"scale": 0.5}),
        aggregator="several",
    )
    mine = Hearing(graph="words", score="constant", aggregator="tests.own_parts:RootSum")
    config = NetworkConfig(
        inputs={"nodes": EmbedConfig(dim=4, tokens=7, positions=("tests.own_parts:Parity",))},
        blocks=(BlockConfig(hears=(hearing, mine)),),
        patterns={"words": "tests.own_parts:skip(1) | tests.own_parts:skip"},
    )
    network, tokens = network_of(config), torch.tensor([1, 6, 0, 3, 3])
    network.save(tmp_path)
    again = Network.load(tmp_path)
    graphs = network.graphs([5])
    assert torch.equal(graphs["words"].dense(), torch.ones(5, 5).tril(-1).triu(-2).bool())
    assert torch.equal(again(again.graphs([5]), tokens), network(graphs, tokens))
    assert again.config == config


def test_saving_again_replaces(folder):
    other = network_of(replace(SMALL, head=Part("nodes", {"out_dim": 2})))
    other.save(folder)
    assert Network.load(folder).config == other.config
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_what_breaks_while_writing_leaves_the_old_file(folder, name, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    replace_file = type(folder).replace

    def failing(self, target):
        if target.name == name:
            raise OSError("the disk is full")
        return replace_file(self, target)

    monkeypatch.setattr(type(folder), "replace", failing)
    with pytest.raises(OSError, match="the disk is full"):
        network_of(SMALL).save(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_config_that_json_cannot_hold_writes_nothing(tmp_path):
    network = network_of(SMALL)
    network.config = replace(SMALL, head=Part("nodes", {"out_dim": {1, 2}}))
    with pytest.raises(TypeError, match="set is not JSON serializable"):
        network.save(tmp_path / "net")
    assert not (tmp_path / "net").exists()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"has no {name}; expected a folder written by Network.save"):
        Network.load(folder)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Network\.load: .*nowhere has no config\.json"):
        Network.load(tmp_path / "nowhere")


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_weights_that_were_cut_short_are_refused(folder, keep):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged or cut short .*; save the network again"):
        Network.load(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{not json", "config.json is not a network's config: NetworkConfig: Invalid JSON"),
        (b"\xff\xfe", "config.json is not a network's config: .*can't decode byte"),
        (b'{"vocab_size": 3}', "config.json is not a network's config: .*vocab_size: unknown key"),
    ],
)
def test_a_config_that_is_none_is_refused(folder, content, message):
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        Network.load(folder)


def test_an_unknown_key_in_the_config_is_named(folder):
    table = json.loads((folder / "config.json").read_text())
    table["blocks"][0]["activatoin"] = "relu"
    (folder / "config.json").write_text(json.dumps(table))
    with pytest.raises(
        ValueError, match=r"is not a network's config: NetworkConfig: blocks\.0\.activatoin: unknown key"
    ):
        Network.load(folder)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (MODELS["gcn"](5, 3, hidden=6), r"of another shape blocks\.0\.hearings\.0\.bias, .*weight"),
        (MODELS["gcn"](5, 3, hidden=4, num_layers=3), r"missing blocks\.2\.hearings\.0\.bias.*; of another shape"),
        (
            replace(SMALL, blocks=SMALL.blocks[:1]),
            r"unknown blocks\.1\.hearings\.0\.bias, blocks\.1\.hearings\.0\.proj",
        ),
        (MODELS["bert"](7, dim=4, num_heads=1, num_layers=1), r"missing .*, .*, .*, .*, \S+ …; unknown blocks"),
    ],
)
def test_weights_of_another_architecture_are_refused(folder, other, message):
    (folder / "config.json").write_text(other.to_json())
    with pytest.raises(ValueError, match=f"belongs to another architecture than config.json: {message}"):
        Network.load(folder)


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    seen = []

    def write(path):
        path.write_text("half")
        seen.append(sorted(each.name for each in tmp_path.iterdir()))
        path.write_text("whole")

    checkpoint._replace(tmp_path / "file", write)
    assert "file" not in seen[0]
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("file", "whole")]
