"""Variations of a decoder on tiny Shakespeare: the same steps, nearly the same parameters, and figures of what came."""

import sys
from dataclasses import replace
from itertools import islice

import pytest
import torch
from tests.scripts import imported

from edgewise.cli.builtin import find
from edgewise.data import language
from edgewise.training import Recipe


@pytest.fixture(scope="module")
def bench():
    """The scripts by their names."""
    with imported() as scripts:
        yield scripts


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    (folder / "input.txt").write_text("".join("abcdefgh \n"[n * n % 10] for n in range(4000)))
    return folder


def plans(bench):
    sequences = bench.shakespeare.Plan("sequences", bench.sequences.COMMON, bench.sequences.ROWS, 600, 60, (2e-3,))
    return [sequences, bench.depth.PLAN, bench.scale.PLAN, bench.steps.PLAN]


def found(name, rate=1e-3, **more):
    curve = [[10 * k, 4.0 / k, 4.1 / k] for k in range(1, 5)]
    row = {"name": name, "rate": rate, "seeds": 1, "diverged": 0, "curve": curve, "parameters": 8000}
    return row | {part: [2.0, 0.0] for part in ("validation", "test", "last")} | {"ms": 5.0, "memory": 1e9} | more


def test_a_short_epoch_is_the_beginning_of_a_whole_one_drawn_anew(bench, text):
    options = {"folder": text, "length": 50, "context": 10, "split": {"name": "in_order", "train": 0.8}}
    whole, short = language(**options), bench.short_epochs.language(**options, steps=3)
    assert whole.num_batches("train", 200) == 16 and short.num_batches("train", 200) == 3
    drawn = []
    for task in (whole, short, short):
        torch.manual_seed(len(drawn) // 2)
        drawn.append([batch.features for batch in islice(task.batches("train", 200, shuffled=True), 4)])
    assert len(drawn[1]) == 3 and all(map(torch.equal, drawn[0], drawn[1]))
    assert not all(a.shape == b.shape and torch.equal(a, b) for a, b in zip(drawn[1], drawn[2], strict=True))
    for part in ("validation", "test"):
        pairs = zip(whole.batches(part, 200), short.batches(part, 200), strict=True)
        assert all(torch.equal(a.features, b.features) for a, b in pairs)


def test_every_row_is_a_recipe_of_as_many_steps(bench):
    for plan in plans(bench):
        for row in plan.rows:
            recipe = Recipe.read(find(bench.shakespeare.RECIPE), ["data.folder=.", *plan.changed(row, plan.steps)])
            batches = recipe.training.epochs * recipe.data.options["steps"]
            assert batches == plan.steps * recipe.training.accumulation
            assert recipe.training.warm_up * plan.every == pytest.approx(row.warm_up, abs=1e-2)


def test_whoever_hears_has_as_many_parameters_as_attention(bench):
    count = [
        bench.shakespeare.parameters(("data.folder=.", *bench.sequences.COMMON, *row.changes))
        for row in map(bench.sequences.matched, bench.sequences.ROWS)
    ]
    assert max(abs(each / count[0] - 1) for each in count) < 0.01


@pytest.mark.parametrize("rate", [1e-3, 1e30])
def test_a_run_keeps_its_figures_and_one_that_diverges_its_curve(bench, text, tmp_path, rate):
    plan = replace(bench.scale.PLAN, every=2, changes=(*bench.scale.PLAN.changes, "data.length=40", "data.context=10"))
    row = bench.shakespeare.Row("small", ("model.dim=8", "model.hidden=8", "training.batch_size=100"))
    changes = [f"data.folder={text}", *plan.changed(row, 4), f"training.learning_rate={rate}"]
    kept = bench.shakespeare._figures(changes, tmp_path / "run", 2)
    (tmp_path / "run" / bench.literature.FIGURES).write_text(bench.shakespeare.json.dumps(kept))
    kept = bench.shakespeare.trained(changes, tmp_path / "run", 2)
    assert kept["diverged"] == (rate > 1) and [point[0] for point in kept["curve"]] == ([] if rate > 1 else [2, 4])
    layers = bench.scale.layers(tmp_path / "run", kept["curve"])
    steps = [0] if rate > 1 else [0, 2, 4]
    assert [point[0] for point in layers["norm"]["3"]] == steps and len(layers["entropy"]) == 4
    told = bench.shakespeare.summary([kept])
    assert bench.shakespeare.written({"name": "a"} | told, "validation").isalpha() == (rate > 1)


def test_the_learning_rate_is_chosen_by_validation(bench):
    rows = [
        found("a", 1.0),
        found("a", 2.0, validation=[1.0, 0.0]),
        found("a", 3.0, diverged=1),
        found("b", diverged=1),
    ]
    assert [(row["name"], row["rate"]) for row in bench.shakespeare.best(rows)] == [("a", 2.0), ("b", 1e-3)]


def test_reports_and_figures_tell_what_was_found(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(bench.report, "RESULTS", tmp_path)
    monkeypatch.setattr(bench.figures, "DOCS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["benchmarks/x.py"])
    layers = {what: {"0": [[0, 1.0], [10, 2.0]], "1": [[0, 1.0]]} for what in bench.scale.FIGURES}
    none = {what: {} for what in bench.scale.FIGURES}
    sequences, depth, scale, steps = plans(bench)
    rows = {
        "sequences": [found(row.name, rate) for row in sequences.rows for rate in (1e-3, 2e-3)],
        "depth": [found(row.name, rate) for row in depth.rows for rate in (1e-3, 2e-3)],
        "scale": [found(row.name, layers=layers) for row in scale.rows],
        "steps": [found(row.name) for row in steps.rows],
    }
    rows["scale"][1] = found(scale.rows[1].name, diverged=1, curve=[], layers=none)
    texts = {
        "sequences": bench.sequences.told(rows["sequences"], sequences, 40),
        "depth": bench.depth.told(rows["depth"], 40),
        "scale": bench.scale.told(rows["scale"], 40),
        "steps": bench.steps.told(rows["steps"], 40),
    }
    assert "| GRU | 2.000 | 2.000 | 2.885 | 0.001 | 8,000 | 5 | 1.00 |" in texts["sequences"]
    assert "| post-norm, warm-up | 120 | 0.002 | 4.000 | 2.000 | 2.000 | 2.000 | 8,000 | 5 | 1.00 |" in texts["depth"]
    assert "| without 1/√d | 0.001 | diverged | diverged | diverged | – | – | – | 8,000 | – | – |" in texts["scale"]
    assert "| cosine, smoothed labels | 0.001 | 2.000 | 2.000 | 2.000 | 8,000 | 5 | 1.00 |" in texts["steps"]
    for name, text in texts.items():
        bench.report.finish(name, text, save=True, numbers={"rows": rows[name]})
    bench.figures.main()
    assert all((tmp_path / f"{target}.svg").stat().st_size > 1000 for target in bench.curves.CURVES)
