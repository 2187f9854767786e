import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.training.stand_in import MeanNetwork
from torch import nn

from edgewise.models import MODELS, Network
from edgewise.part import Part
from edgewise.training import CheckpointError, Recipe, Trained, evaluate, prepare, run
from edgewise.training.start import body, head, start_from

HERE = "tests.training.stand_in"
MODEL = """
[model]
name = "graph_transformer"
hidden = 8
num_heads = 2
num_layers = 2
positions = []
head = "{}"

[training]
device = "cpu"
epochs = {}
batch_size = 8
save_every = 0
"""


def recipes(folder: Path) -> tuple[Path, Path]:
    """One that hides nodes of rings, and one that asks of the same rings whether they have a chord."""
    first, second = folder / "hiding.toml", folder / "asking.toml"
    first.write_text(f'[data]\nname = "{HERE}:hidden_task"\n' + MODEL.format("nodes_and_edges", 3))
    second.write_text(
        f'[data]\nname = "{HERE}:cycles_task"\nedge_features = true\n' + MODEL.format("graph", 2) + 'start = "runs/a"\n'
    )
    return first, second


@pytest.fixture
def pretrained(tmp_path):
    first, second = recipes(tmp_path)
    run(Recipe.read(first), tmp_path / "runs" / "a")
    return tmp_path, second


def best(folder):
    return load_file(folder / "best" / "model.safetensors")


def test_what_was_hidden_is_asked_again_by_evaluate(pretrained):
    folder, _ = pretrained
    again = evaluate(Trained.open(folder / "runs" / "a")).parts["test"]
    report = (folder / "runs" / "a" / "report.md").read_text()
    assert f"| test | 10 | {100 * again.scores['accuracy']:.1f} % | {again.loss:.4f} |" in report
    assert "of nodes 30 % and of edges 30 % hidden in every graph and asked about, 4 classes." in report


def test_a_head_that_does_not_say_a_row_for_all_that_may_be_hidden_is_refused(pretrained):
    folder, _ = pretrained
    for other, rows in (("nodes", 68), ("graph", 10)):
        with pytest.raises(
            ValueError, match=rf"expected outputs \[\d+ nodes and edges, 4 classes\] for hidden.*got \[{rows}"
        ):
            prepare(Recipe.read(folder / "hiding.toml", [f"model.head={other}", "training.batch_size=0"]))


def test_fine_tuning_begins_with_every_weight_but_the_heads(pretrained):
    folder, recipe = pretrained
    _, network = prepare(Recipe.read(recipe))
    there, here = best(folder / "runs" / "a"), network.state_dict()
    taken = {name for name in there if not name.startswith("head.")}
    assert (
        taken == set(body(network)) and len(taken) > 20 and all(torch.equal(here[name], there[name]) for name in taken)
    )
    assert head(network) == ["head.project.weight", "head.project.bias"]
    _, fresh = prepare(Recipe.read(recipe, ["training.start=''"]))
    drawn = fresh.state_dict()
    assert all(torch.equal(here[name], drawn[name]) for name in head(network))
    assert not torch.equal(here["embed.nodes.features.weight"], drawn["embed.nodes.features.weight"])


def test_the_first_step_is_taken_from_there(pretrained):
    folder, recipe = pretrained
    outcomes = {
        start: run(Recipe.read(recipe, [f"training.start={start}", "training.epochs=1"]), folder / f"b{k}")
        for k, start in enumerate(["''", str(folder / "runs" / "a")])
    }
    from_there = run(Recipe.read(recipe, ["training.epochs=1"]), folder / "c").figures
    assert [outcome.figures == from_there for outcome in outcomes.values()] == [False, True]


def test_the_report_says_what_was_taken(pretrained):
    folder, recipe = pretrained
    run(Recipe.read(recipe), folder / "b")
    _, network = prepare(Recipe.read(recipe))
    weights = body(network).values()
    assert (
        f"- First weights: the best of {folder.resolve() / 'runs' / 'a'}, {len(weights)} tensors of"
        f" {sum(weight.numel() for weight in weights):,} numbers; drawn anew: head.project.weight, head.project.bias."
    ) in (folder / "b" / "report.md").read_text().splitlines()


def test_start_is_counted_from_the_recipe_or_from_here_and_kept_whole(pretrained, monkeypatch):
    folder, recipe = pretrained
    whole = str(folder.resolve() / "runs" / "a")
    assert Recipe.read(recipe).training.start == whole
    monkeypatch.chdir(folder / "runs")
    assert Recipe.read(recipe, ["training.start=a"]).training.start == whole
    run(Recipe.read(recipe), folder / "b")
    assert f'start = "{whole}"' in (folder / "b" / "recipe.toml").read_text()


def test_a_run_that_is_taken_up_does_not_start_there_again(pretrained):
    folder, recipe = pretrained
    whole = run(Recipe.read(recipe), folder / "whole")
    run(Recipe.read(recipe, ["training.epochs=1"]), folder / "cut")
    (folder / "runs" / "a").rename(folder / "runs" / "gone")
    resumed = run(Recipe.read(recipe), folder / "cut", resume=True)
    assert resumed.figures == whole.figures
    with pytest.raises(FileNotFoundError, match="training: start is .*a, and there is no such run folder"):
        run(Recipe.read(recipe), folder / "new", resume=True)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("model.hidden=16", r"inputs.nodes.dim: 16, 8\n.*\n  and \d+ more"),
        ("model.num_heads=4", r"\n  blocks.0.hears.0.num_heads: 4, 2\n  blocks.1.hears.0.num_heads: 4, 2$"),
        ("model.num_layers=3", r"blocks: 3 of them, 2\n  blocks.2.* none"),
        ("data.edge_features=false", r"blocks.0.hears.0.edge_dim: None, 3\n"),
    ],
)
def test_weights_of_another_network_are_refused_with_what_differs(pretrained, change, told):
    folder, recipe = pretrained
    with pytest.raises(
        CheckpointError,
        match=r"(?s)training: start is .*/a, whose weights are of another network; only the head may be another"
        rf" \(here, there\):.*{told}",
    ):
        run(Recipe.read(recipe, [change]), folder / "b")
    assert not (folder / "b").exists()


def test_dropout_may_be_another(pretrained):
    _, recipe = pretrained
    prepare(Recipe.read(recipe, ["model.dropout=0.3", "model.input_dropout=0.1"]))


def test_a_word_that_an_older_config_does_not_say_is_at_its_default(pretrained):
    folder, recipe = pretrained
    config = folder / "runs" / "a" / "best" / "config.json"
    table = json.loads(config.read_text())
    for block in table["blocks"]:
        del block["join"]
    config.write_text(json.dumps(table))
    prepare(Recipe.read(recipe))


def test_what_is_no_finished_run_is_named(pretrained):
    folder, recipe = pretrained
    (folder / "runs" / "empty").mkdir()
    with pytest.raises(CheckpointError, match="empty/best: there is no checkpoint"):
        prepare(Recipe.read(recipe, [f"training.start={folder / 'runs' / 'empty'}"]))
    (folder / "runs" / "a" / "best" / "model.safetensors").write_bytes(b"no")
    with pytest.raises(CheckpointError, match=r"a/best: the checkpoint is damaged \("):
        prepare(Recipe.read(recipe))


class Headed(nn.Module):
    """A module of one's own whose answer is its head's, and whose two layers share a weight."""

    def __init__(self, out_dim):
        super().__init__()
        self.there, self.back, self.head = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, out_dim)
        self.back.weight = self.there.weight


def saved(network, folder):
    from edgewise.training import Place
    from edgewise.training.checkpoint import save

    place = Place(epoch=1)
    place.note(network, (0.0, 0.0))
    save(folder, place, network, torch.optim.SGD(network.parameters(), lr=0.1), {})
    return folder


def test_a_module_of_ones_own_starts_with_all_but_what_it_calls_head(tmp_path):
    one, two = Headed(2), Headed(5)
    start_from(two, saved(one, tmp_path / "a"))
    assert torch.equal(one.back.weight, two.there.weight) and two.back.weight is two.there.weight
    assert torch.equal(one.there.bias, two.there.bias) and head(two) == ["head.weight", "head.bias"]
    with pytest.raises(CheckpointError, match=r"(?s)another network.*first.bias: \[4\], none.*there.bias: none, \[3"):
        start_from(MeanNetwork(3, 2, 4, 0.0), tmp_path / "a")


def test_a_run_that_is_all_head_gives_nothing(tmp_path):
    bare = nn.ModuleDict({"head": nn.Linear(2, 2)})
    with pytest.raises(CheckpointError, match="another network; .*: none of them is outside the head"):
        start_from(nn.ModuleDict({"head": nn.Linear(2, 3)}), saved(bare, tmp_path / "a"))


def test_statistics_of_batch_norms_come_along(tmp_path):
    pages = [
        Network(MODELS["gin"](3, out, hidden=4, num_layers=2, head=Part(name)))
        for out, name in ((4, "nodes"), (2, "graph"))
    ]
    start_from(pages[1], saved(pages[0], tmp_path / "a"))
    assert all(map(torch.equal, body(pages[0]).values(), body(pages[1]).values()))
