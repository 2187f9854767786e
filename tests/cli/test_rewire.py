"""edgewise rewire: a table beside the original, a folder that opens rewired, and one message for each mistake."""

import json
import shlex
from pathlib import Path

import pytest
import torch
import transformers as hf
from tests.tiny_checkpoints import TEXTS, decoder, encoder, gguf, translator

from edgewise.data.table import Table
from edgewise.pretrained.open_model import open_model

TREES = """\
# sent_id = 1
# text = the cat sat
1\tthe\tthe\tDET\t_\t_\t2\tdet\t_\tEntity=(e1
2\tcat\tcat\tNOUN\t_\t_\t3\tnsubj\t_\tEntity=e1)
3\tsat\tsit\tVERB\t_\t_\t0\troot\t_\t_

# sent_id = 2
# text = it ran
1\tit\tit\tPRON\t_\t_\t2\tnsubj\t_\tEntity=(e1)
2\tran\trun\tVERB\t_\t_\t0\troot\t_\t_

"""


@pytest.fixture
def models(edgewise, tmp_path):
    """Tiny checkpoints, texts and trees beside each other, in the folder that commands run in."""
    encoder(tmp_path / "enc")
    decoder(tmp_path / "dec")
    encoder(tmp_path / "classes", hf.BertForSequenceClassification)
    translator(tmp_path / "t5")
    (tmp_path / "lines.txt").write_text("\n".join(TEXTS) + "\n")
    (tmp_path / "trees.conllu").write_text(TREES)
    (tmp_path / "word.csv").write_text("text\ncat\n")
    Table.of("rows", {"text": list(TEXTS), "stars": ["0", "1", "1", "0"]}).write(tmp_path / "rows.csv")
    return edgewise


def said(models, command):
    result = models(*shlex.split(command))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_an_encoder_beside_itself(models):
    lines = said(models, "rewire enc --graph 'window(1, 1)' --data lines.txt").splitlines()
    names = [line.split("  ")[0] for line in lines]
    assert names[:5] == ["", "cosine, mean", "cosine, least", "edges", "seconds"]
    assert lines[3].split()[1:] == ["2,632", "728", "0.28x"]
    assert lines[-1] == "window(1, 1) in enc: 4 examples, 33 tokens"


def test_a_decoder_saved_and_opened(models, tmp_path):
    command = "rewire dec --graph 'window(1, 0)' --layers 0 --heads 0-1 --data lines.txt --length 8"
    told = json.loads(said(models, f"{command} --json --out near"))
    assert told["examples"] == 3 and told["tokens"] == 24
    assert told["rewired"]["scores"]["perplexity"] != told["original"]["scores"]["perplexity"]
    kept = json.loads(Path("near/config.json").read_text())["edgewise"]
    assert kept == [{"layers": ["layers.0.self_attn"], "pattern": [[[0, 1], "window(1, 0)"]]}]
    again = json.loads(said(models, f"{command.replace('rewire dec', 'rewire near')} --json"))
    assert again["rewired"]["scores"] == told["rewired"]["scores"]
    assert again["original"]["scores"] == told["original"]["scores"]  # the model's own, though it was saved rewired
    ids = torch.tensor([[5, 6, 7, 8]])
    assert not torch.equal(open_model("near").model(ids).logits, open_model("dec").model(ids).logits)
    gguf(tmp_path / "dec.gguf", tmp_path / "dec")
    assert "perplexity" in said(models, "rewire dec.gguf --graph 'window(1, 0)' --data lines.txt --out from-gguf")
    assert open_model("from-gguf").model.dtype is torch.float32


def test_trees_spans_and_links(models):
    told = json.loads(said(models, "rewire enc --graph 'tree | window(0, 0)' --data trees.conllu --json"))
    # [CLS] the cat sat [SEP]: four edges of a tree, both ways, and five loops; [CLS] it ran [SEP]: three, and four.
    assert told["rewired"]["edges"] == 4 * 2 * (8 + 5 + 6 + 4) and told["tokens"] == 9
    told = json.loads(
        said(models, "rewire enc --graph 'links | window(0, 0)' --links Entity --data trees.conllu --json")
    )
    assert told["rewired"]["edges"] == 4 * 2 * (2 + 5 + 4)
    told = json.loads(said(models, "rewire enc --graph 'spans | window(0, 0)' --spans 2 --data trees.conllu --json"))
    assert told["rewired"]["edges"] > 4 * 2 * 9


def test_classes_and_their_labels(models):
    told = json.loads(said(models, "rewire classes --graph complete --data rows.csv --label stars --json --examples 3"))
    scores = told["rewired"]["scores"]
    assert scores["classes as before"] == 1.0 and 0 <= scores["accuracy"] <= 1 and told["examples"] == 3
    assert "1 more left out (--examples)" in said(
        models, "rewire classes --graph complete --data rows.csv --label stars --examples 3"
    )
    assert "4 examples (1 of them ended after 12 tokens), 31 tokens" in said(
        models, "rewire enc --graph complete --data lines.txt --length 12"
    )


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("rewire gone/of/all --graph complete --data lines.txt", "gone/of/all: there is no such folder"),
        ("rewire enc --graph windo(1) --data lines.txt", "pattern: unknown name 'windo'"),
        ("rewire enc --graph tree --data lines.txt", "lines.txt: the pattern needs tree, which a text does not bring"),
        ("rewire enc --graph links --data trees.conllu", "--links names the column that says who is linked"),
        ("rewire enc --graph links --links Enttiy --data trees.conllu", "Enttiy"),
        ("rewire dec --graph complete --data word.csv", "its texts have a token each, and none is left to be said"),
        ("rewire t5 --graph complete --data lines.txt", "reads a source and says a target, and there is one text here"),
        ("rewire enc --graph tree --links Entity --data trees.conllu", "--links: the pattern hears no links"),
        ("rewire enc --graph complete --spans 3 --data lines.txt", "--spans: the pattern hears no spans"),
        ("rewire enc --graph complete --layers 0-9 --data lines.txt", "no attention of BertModel is in layer 2"),
        ("rewire enc --graph complete --layers 3-1 --data lines.txt", "--layers: expected numbers and ranges such as"),
        ("rewire enc --graph complete --heads 4 --data lines.txt", "head 4 does not exist"),
        ("rewire enc --graph complete --data gone.txt", "gone.txt: there is no such file"),
        ("rewire enc --graph complete --data rows.csv --column tekst", "there is no column 'tekst'"),
        ("rewire enc --graph complete --data rows.csv --label stars", "BertModel says no class of a text"),
        ("rewire enc --graph complete --data trees.conllu --label x", "sentences have no such columns"),
        ("rewire enc --graph complete --data lines.txt --length 65", "enc takes 64 tokens at most, got 65"),
        ("rewire enc --graph complete --data lines.txt --out dec", "dec: it is there already; --overwrite replaces it"),
        (
            "rewire enc --graph complete --data lines.txt --out .",
            "it is there and holds no model, so it is not replaced",
        ),
        ("rewire enc --graph complete --data lines.txt --device tpu9", "--device: tpu9 is not here"),
        ("rewire dec --graph 'window(0, 5) - window(0, 0)' --data lines.txt", "nobody of example 0 hears anybody"),
    ],
)
def test_a_mistake_is_one_message_and_nothing_is_written(models, command, message):
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    result = models(*shlex.split(command))
    assert result.exit_code == 2 and not result.stdout, result.output
    assert message in result.stderr and "Traceback" not in result.output
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
