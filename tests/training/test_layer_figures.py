"""layers.csv: what the layers of a network do, epoch by epoch."""

import math

import pytest
import torch
from tests.data.written import verse
from tests.training.test_texts import language

from edgewise.data import language as language_data
from edgewise.models import Network, decoder, graph_network
from edgewise.training import run
from edgewise.training.layer_figures import check_layer_figures, layer_figures
from edgewise.training.layers_file import read_layers


def batch_and(network_options, tmp_path):
    task = language_data(folder=verse(tmp_path), length=12)
    torch.manual_seed(0)
    network = Network(decoder(task.answer.out_dim, dim=16, num_heads=2, num_layers=2, hidden=16, **network_options))
    return network, next(iter(task.batches("validation", 60)))


def dense(network, batch, block):
    """Spread, entropy and size of a pre-norm block, by the formula, sequence by sequence."""
    spreads, entropies = [], []
    seen = {}
    network.run(batch.graphs, batch.features, watch=lambda n, given: seen.update({n: given.nodes["nodes"]}))
    before = network.embed["nodes"](batch.features, network.graphs(batch.graphs.lengths)["words"])
    x = before if block == 0 else seen[block - 1]
    made = network.blocks[block]
    layer = made.layers[0]
    x = made.around[0].before(x)
    q, k = (w(x).unflatten(-1, (2, 8)) for w in (layer.projections.to_query, layer.projections.to_key))
    start = 0
    for length in batch.graphs.lengths:
        logits = torch.einsum("ihd,jhd->hij", q[start : start + length], k[start : start + length]) / 8**0.5
        for i in range(1, length):
            row = logits[:, i, : i + 1]
            spreads.append(row.std(-1, correction=0))
            entropies.append(torch.distributions.Categorical(logits=row).entropy() / math.log(i + 1))
        start += length
    size = seen[block].square().mean(-1).sqrt().mean()
    return torch.stack(spreads).mean(), torch.stack(entropies).mean(), size


@torch.no_grad()
@pytest.mark.parametrize("block", [0, 1])
def test_the_figures_are_those_of_the_formula(tmp_path, block):
    network, batch = batch_and({"dropout": 0.3}, tmp_path)
    found = layer_figures(network.train(), batch, epoch=7)[block]
    assert network.training and (found.epoch, found.layer, found.graph) == (7, block, "words")
    expected = torch.stack(dense(network.eval(), batch, block))
    torch.testing.assert_close(torch.tensor(found[3:]), expected, rtol=1e-4, atol=1e-5)


def test_who_hears_all_alike_has_no_spread_and_all_entropy(tmp_path):
    network, batch = batch_and({"hears": "gaussian"}, tmp_path)
    with torch.no_grad():
        for layer in (block.layers[0] for block in network.blocks):
            layer.edge_bias.log_deviation.fill_(20.0)
    line = layer_figures(network, batch)[0]
    assert line.logit_spread == pytest.approx(0, abs=1e-6) and line.entropy == pytest.approx(1, abs=1e-5)


def test_what_has_no_logits_says_so(tmp_path):
    network, batch = batch_and({"hears": "mean"}, tmp_path)
    line = layer_figures(network, batch)[0]
    assert math.isnan(line.logit_spread) and math.isnan(line.entropy) and line.norm > 0


def test_a_run_keeps_them_and_goes_on_with_them(tmp_path):
    changes = ["training.layer_figures=true"]
    whole = tmp_path / "whole"
    run(language(tmp_path, changes=changes), whole)
    lines = read_layers(whole)
    assert [line.epoch for line in lines] == [0, 1, 2, 3] and (whole / "layers.png").stat().st_size > 1000
    assert (
        "![spread of logits, entropy of weights and size of states by epoch](layers.png)"
        in (whole / "report.md").read_text()
    )
    plain = tmp_path / "plain"
    run(language(tmp_path), plain)
    told = [[line.split(",")[0], *line.split(",")[2:]] for line in (plain / "metrics.csv").read_text().splitlines()]
    same = [[line.split(",")[0], *line.split(",")[2:]] for line in (whole / "metrics.csv").read_text().splitlines()]
    assert told == same  # looking changes nothing
    with (whole / "layers.csv").open("a") as file:
        file.write("4,0,words,1.0,1.0,1.0\n5,0,wo")  # a sitting that was cut off
    run(language(tmp_path, changes=[*changes, "training.epochs=4"]), whole, resume=True)
    assert [line.epoch for line in read_layers(whole)] == [0, 1, 2, 3, 4] and read_layers(whole)[:4] == lines
    assert read_layers(whole)[4].norm != 1.0


def test_a_network_without_layers_is_refused():
    with pytest.raises(ValueError, match="layer_figures are of a network whose blocks hear along graphs, got Network"):
        check_layer_figures(Network(graph_network(in_dim=3, out_dim=2)))
    with pytest.raises(ValueError, match="got Linear without such blocks; leave layer_figures out"):
        check_layer_figures(torch.nn.Linear(1, 1))
