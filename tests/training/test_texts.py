"""Recipes of texts: language models, classifiers and taggers, trained, taken up again, and asked."""

import json
import math
from dataclasses import replace

import pytest
import torch
from tests.data.written import ROWS, table, trees, verse

from edgewise.models import Network, decoder
from edgewise.part import Part
from edgewise.patterns import Sequences
from edgewise.training import Recipe, Trained, evaluate, predict, run
from edgewise.training.checkpoint import load_best

MODEL = """
[model]
name = "{model}"
dim = 16
num_heads = 2
num_layers = 1
hidden = 32
dropout = 0.1

[training]
optimiser = "adamw"
learning_rate = 1e-2
batch_size = {size}
epochs = {epochs}
patience = 0
save_every = 0.0
device = "cpu"
"""


def recipe(tmp_path, data: str, model: str = "encoder", size: int = 60, epochs: int = 3, changes=()):
    file = tmp_path / "recipe.toml"
    file.write_text(f"[data]\n{data}\n" + MODEL.format(model=model, size=size, epochs=epochs))
    return Recipe.read(file, changes)


def language(tmp_path, more: str = "", **options):
    verse(tmp_path)
    return recipe(tmp_path, f'name = "language"\nfolder = "."\nlength = 24\n{more}', **{"model": "decoder", **options})


def test_a_language_model_learns_its_text(tmp_path):
    outcome = run(language(tmp_path, epochs=12), tmp_path / "run")
    nats = outcome.figures["test"][0]
    assert nats < 1.2 < math.log(16) and outcome.score_name == "perplexity"
    assert outcome.figures["test"][1] == pytest.approx(math.exp(nats), rel=1e-4)
    report = (tmp_path / "run" / "report.md").read_text()
    for line in (
        "| nats per token",
        "| bits per character |",
        "| perplexity per word",
        "Asked: 59 tokens, 59 characters",
    ):
        assert line in report
    assert (tmp_path / "run" / "surprise.png").stat().st_size > 1000


def test_a_text_of_few_characters_is_reported_without_a_table_of_them(tmp_path):
    asked = language(tmp_path, epochs=1)
    for file in tmp_path.glob("*.txt"):
        file.write_text("ab|c\n" * 60)
    run(asked, tmp_path / "run")
    assert "- 6 names are asked for; `data.json` lists them." in (tmp_path / "run" / "report.md").read_text()


def test_figures_of_tokens_are_of_their_units(tmp_path):
    run(language(tmp_path, 'tokeniser = {name = "bpe", size = 270}', epochs=2), tmp_path / "run")
    found = evaluate(Trained.open(tmp_path / "run"), parts=["test"])
    scores, task = found.parts["test"].scores, found.task
    nats, units, tokens = scores["nats_per_token"], task.units["test"], len(task.test)
    assert (
        tokens < units["characters"]
        and scores["perplexity_per_token"] == pytest.approx(math.exp(nats)) == scores["perplexity"]
    )
    assert scores["bits_per_character"] == pytest.approx(nats * tokens / units["characters"] / math.log(2))
    assert scores["perplexity_per_word"] == pytest.approx(math.exp(nats * tokens / units["words"]))
    assert 0 <= scores["token_accuracy"] <= 1


def test_another_text_is_judged_per_token_alone_where_units_are_not_counted(tmp_path):
    run(language(tmp_path, epochs=1), tmp_path / "run")
    (tmp_path / "other.txt").write_text("the log sat on the cat")
    found = evaluate(Trained.open(tmp_path / "run"), data=tmp_path / "other.txt")
    assert found.parts["labelled"].examples == 21 and found.parts["labelled"].scores["bits_per_character"] > 0


def test_a_run_of_tied_weights_is_taken_up_again_to_the_last_bit(tmp_path):
    whole = run(language(tmp_path, epochs=4), tmp_path / "whole")
    run(language(tmp_path, epochs=2), tmp_path / "cut")
    again = run(language(tmp_path, epochs=4), tmp_path / "cut", resume=True)
    assert whole.figures == again.figures
    metrics = [(tmp_path / name / "metrics.csv").read_text().splitlines() for name in ("whole", "cut")]
    assert [line.split(",")[2:] for line in metrics[0]] == [line.split(",")[2:] for line in metrics[1]]


@pytest.mark.parametrize("precision", ["64-true", "bf16-mixed"])
@pytest.mark.parametrize("hears", ["attention", "gated_convolution", "dynamic_convolution", "gru", "gaussian", "max"])
def test_another_precision_learns_texts(tmp_path, precision, hears):
    changes = [f"training.precision={precision}", f"model.hears={hears}"]
    outcome = run(language(tmp_path, epochs=3, changes=changes), tmp_path / "run")
    assert outcome.figures["train"][0] < math.log(16)


def passing_on(tokens: int, **options):
    """A page of one's own that hands on what it is told."""
    return decoder(tokens, dim=16, num_heads=2, num_layers=1, hidden=16, **options)


def test_a_page_of_ones_own_hands_on_what_it_is_told(tmp_path):
    made = language(tmp_path, epochs=1)
    run(replace(made, model=Part("tests.training.test_texts:passing_on")), tmp_path / "run")


def test_hidden_tokens_are_learned(tmp_path):
    outcome = run(language(tmp_path, "hidden = 0.2", model="encoder", epochs=3), tmp_path / "run")
    assert outcome.figures["test"][0] < math.log(17)


def test_texts_are_classified_and_other_texts_predicted(tmp_path):
    table(tmp_path)
    made = recipe(tmp_path, 'name = "texts"\nfolder = "."\ntokeniser = "words"', epochs=20)
    assert run(made, tmp_path / "run").figures["test"][1] == 1.0
    other = tmp_path / "other.csv"
    other.write_text("text\na fine fine day\nbad\n")
    trained = Trained.open(tmp_path / "run")
    said = predict(trained, trained.task_in(other, targets=False))
    assert said["said"] == ["good", "bad"] and said["text"] == ["a fine fine day", "bad"]


def test_words_are_tagged_along_their_tree(tmp_path):
    trees(tmp_path)
    made = recipe(
        tmp_path, 'name = "treebank"\nfolder = "."\ntokeniser = "words"', epochs=12, changes=["model.pattern=tree()"]
    )
    assert run(made, tmp_path / "run").figures["test"][1] == 1.0
    said = predict(Trained.open(tmp_path / "run"), Trained.open(tmp_path / "run").own_task())
    assert said["form"][:3] == ["Dogs", "bark", "loudly"] and said["said"][:3] == ["NOUN", "VERB", "ADV"]


def test_the_tokeniser_is_kept_in_the_run_folder(tmp_path):
    run(language(tmp_path, epochs=1), tmp_path / "run")
    kept = json.loads((tmp_path / "run" / "data.json").read_text())["encoders"]["tokeniser"]
    assert kept["tokenizer"]["model"]["type"] == "WordLevel"
    trained = Trained.open(tmp_path / "run")
    network = trained.network(trained.own_task())
    assert isinstance(network, Network) and load_best(trained.folder, network) == 1


def test_a_text_beyond_the_positions_of_a_model_is_refused_before_anything_is_written(tmp_path):
    table(tmp_path, rows=[*ROWS, ("long " * 40, "bad")])
    data = 'name = "texts"\nfolder = "."\ntokeniser = "words"'
    positions = 'model.positions=[{name = "learned", max_length = 8}]'
    with pytest.raises(ValueError, match=r"the longest text of texts rows has 40 tokens: .*; max_tokens in"):
        run(recipe(tmp_path, data, changes=[positions]), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    run(recipe(tmp_path, data, changes=[positions, "data.max_tokens=8"], epochs=1), tmp_path / "run")


def test_models_of_features_are_refused_for_texts_and_the_other_way_round(tmp_path):
    table(tmp_path)
    data = 'name = "texts"\nfolder = "."'
    file = tmp_path / "r.toml"
    file.write_text(f'[data]\n{data}\n[model]\nname = "gcn"\n')
    with pytest.raises(
        ValueError, match="model 'gcn': it reads features, and texts rows brings tokens; models of tokens"
    ):
        run(Recipe.read(file), tmp_path / "run")
    file.write_text('[data]\nname = "tests.training.stand_in:ring_task"\n[model]\nname = "encoder"\n')
    with pytest.raises(
        ValueError, match="model 'encoder': it reads tokens, and .* brings features; models of features"
    ):
        run(Recipe.read(file), tmp_path / "run")


def test_rows_do_not_hear_each_other(tmp_path):
    made = language(tmp_path, epochs=1)
    run(made, tmp_path / "run")
    trained = Trained.open(tmp_path / "run")
    task = trained.own_task()
    network = trained.network(task)
    load_best(trained.folder, network)
    network.eval()
    batch = next(task.batches("train", 100))
    first = batch.graphs.lengths[0]
    with torch.no_grad():
        whole, alone = batch.outputs(network), network(Sequences([first]), batch.features[:first])
    assert torch.allclose(whole[:first], alone, atol=1e-5)
