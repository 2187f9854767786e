"""edgewise generate RUN: what the network of a run says, token by token, in its own characters."""

import math
import shlex
from pathlib import Path
from shutil import copytree

import pytest
from tests.data.written import VERSE, table, verse
from tests.training.test_texts import MODEL

from edgewise.cli.generate_run import _pieces
from edgewise.data import Tokeniser
from edgewise.generation import generate
from edgewise.training import Recipe, Trained, run

DATA = 'name = "language"\nfolder = "."\nlength = 24\n'


def trained(folder, data, model, epochs, *changes):
    file = folder / "recipe.toml"
    file.write_text(f"[data]\n{data}\n" + MODEL.format(model=model, size=120, epochs=epochs))
    run(Recipe.read(file, changes), folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs: one has learned to say a verse, one to tell good days from bad; and others of the first's making."""
    made, other = tmp_path_factory.mktemp("runs"), tmp_path_factory.mktemp("other")
    positions = 'model.positions=[{name = "learned", max_length = 64}]'
    trained(verse(made), DATA, "decoder", 6, positions, "model.pattern=window(7, 0)").rename(made / "said")
    for name, file, told, instead in (
        ("hidden", "recipe.toml", "hidden = 0.0", "hidden = 0.2"),
        ("whole", "best/config.json", "window(7, 0)", "complete"),
    ):
        copy = Path(copytree(made / "said", made / name)) / file
        copy.write_text(copy.read_text().replace(told, instead))
    trained(table(other), 'name = "texts"\nfolder = "."\ntokeniser = "words"', "encoder", 1).rename(made / "days")
    return made


@pytest.fixture
def say(edgewise, folder, monkeypatch):
    monkeypatch.chdir(folder)
    return lambda command: edgewise("generate", *shlex.split(command))


def expected(folder, prompt, **options):
    it = Trained.open(folder / "said")
    cut = it.tokeniser()
    (said,) = generate(it.best_network().eval(), [cut.begun(prompt)[0]], **options)
    return prompt + cut.text(said) + "\n"


def test_the_likeliest_characters_go_on_with_the_text(say, folder):
    result = say("said 'the cat' -n 40")
    assert result.exit_code == 0, result.output
    assert result.stdout == expected(folder, "the cat", max_tokens=40) and len(result.stdout) == 7 + 40 + 1
    assert set(result.stdout) <= set(VERSE)


def test_characters_are_drawn_by_the_seed(say, folder):
    result = say("said 'the cat' -n 30 --temperature 1.2 --top-k 9 --top-p 0.9 --seed 5")
    options = {"temperature": 1.2, "top_k": 9, "top_p": 0.9}
    assert result.stdout == expected(folder, "the cat", max_tokens=30, seed=5, **options)
    assert result.stdout != say("said 'the cat' -n 30 --temperature 1.2 --top-k 9 --top-p 0.9 --seed 6").stdout


def test_the_prompt_comes_from_the_standard_input(edgewise, folder, monkeypatch):
    from typer.testing import CliRunner

    from edgewise.cli.app import app

    monkeypatch.chdir(folder)
    result = CliRunner().invoke(app, ["generate", "said", "-", "-n", "9"], input="on the log\n")
    assert result.stdout == expected(folder, "on the log\n", max_tokens=9)


def test_what_the_tokeniser_does_not_know_is_noted(say):
    result = say("said 'the zébu' -n 3")
    assert result.exit_code == 0 and result.stdout.startswith("the zébu")
    assert "edgewise: note: the tokeniser of said has no token for 'z', 'é', 'b'" in result.stderr


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("said ''", "the prompt is empty; say how the text begins"),
        ("said the --chat", "--chat: said is a run, whose network hears what its recipe says; --chat is of Hugging"),
        ("said the --graph causal", "--graph is of Hugging Face's models, so leave it out"),
        ("said the --layers 0", "--layers: said is a run"),
        ("said the --heads 0", "--heads: said is a run"),
        ("said the --top-k 3", "--top-k: nothing is drawn at --temperature 0; raise it"),
        ("said the --device nowhere", "--device: nowhere is not here"),
        ("said 'the cat' -n 60", "make 66 tokens, and the network has positions for 64; shorten"),
        ("hidden the", "hidden: it has learned to say hidden tokens, not the next one, so it goes on with no text"),
        ("whole the", "the pattern complete lets node 0 hear node 101, which is yet to be said"),
        ("days fine", "the network's head is graph, which says no next token"),
    ],
)
def test_a_mistake_is_one_message(say, command, message):
    result = say(command)
    assert result.exit_code == 2 and message in result.stderr.replace("\n", " ") and "Traceback" not in result.output
    assert not result.stdout


def test_a_run_of_no_texts_has_no_tokeniser(edgewise):
    assert edgewise("train", "ring.toml", "--out", "ring", "--set", "training.epochs=1").exit_code == 0
    result = edgewise("generate", "ring", "the cat")
    assert result.exit_code == 2 and "which brings no texts, so it has no tokeniser" in result.stderr
    with pytest.raises(
        ValueError, match="ring: it was trained on 'tests.training.stand_in:ring_task', which brings no"
    ):
        Trained.open("ring").tokeniser()
    with pytest.raises(ValueError, match="there is no network that can be read: Network.load"):
        Trained.open("ring").best_network()


def test_half_a_character_waits_for_its_other_half():
    cut = Tokeniser.made("bytes", [])
    begun, rest = cut.begun("aé")[0], cut.begun("€ü")[0]
    steps = ([token] for token in rest)
    assert list(_pieces("aé", begun, steps, cut.text)) == ["aé", "€", "ü", ""]
    assert "".join(_pieces("aé", begun, ([token] for token in rest[:-1]), cut.text)) == "aé€\N{REPLACEMENT CHARACTER}"


def test_its_figures_are_told_per_token_character_and_word(edgewise, folder, monkeypatch):
    monkeypatch.chdir(folder)
    result = edgewise("evaluate", "said", "--part", "test")
    assert result.exit_code == 0, result.stderr
    told = dict(line.rsplit(maxsplit=1) for line in result.stdout.replace(" %", "%").splitlines()[:10])
    assert list(told) == ["part", "tokens", "perplexity", "nats_per_token", "perplexity_per_token", "token_accuracy",
                          "bits_per_character", "bits_per_byte", "perplexity_per_word", "loss"]  # fmt: skip
    assert told["nats_per_token"] == told["loss"]
    assert float(told["bits_per_character"]) == pytest.approx(float(told["loss"]) / math.log(2), abs=2e-4)
