"""edgewise embed: a row a text, in the order of the file."""

import shlex
from pathlib import Path

import pytest
import torch
from tests.tiny_checkpoints import TEXTS, decoder, encoder, sentences, translator

from edgewise.data.table import Table
from edgewise.pretrained.embed import embed
from edgewise.pretrained.open_model import open_model
from edgewise.pretrained.pooling import Pooling


@pytest.fixture
def models(edgewise, tmp_path):
    encoder(tmp_path / "enc")
    decoder(tmp_path / "dec")
    sentences(tmp_path / "pooled")
    translator(tmp_path / "t5")
    (tmp_path / "lines.txt").write_text("\n\n".join(TEXTS) + "\n")
    return edgewise


@pytest.mark.parametrize("model", ["enc", "dec", "pooled"])
def test_vectors_of_parquet(models, model):
    result = models("embed", model, "lines.txt", "-o", "out.parquet", "--batch-size", "3")
    assert result.exit_code == 0, result.output
    assert result.stdout == "4 texts, 16 channels: out.parquet\n"
    table = Table.read(Path("out.parquet"))
    assert table.names == ["row", "text", "embedding"] and table.texts("text") == list(TEXTS)
    assert table.column("row").to_pylist() == [0, 2, 4, 6]
    found = torch.tensor(table.column("embedding").to_pylist())
    pooling = Pooling("first", unit=True) if model == "pooled" else Pooling()
    expected = embed(open_model(model, "states"), TEXTS, pooling, length=64)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_columns_of_csv_along_a_graph(models):
    command = "embed enc lines.txt -o out.csv --pooling last --graph 'window(1, 1)' --layers 0"
    assert models(*shlex.split(command)).exit_code == 0
    table = Table.read(Path("out.csv"))
    assert table.names == ["row", "text", *(f"e{k}" for k in range(16))]
    assert models(*shlex.split("embed enc lines.txt -o own.csv --pooling last")).exit_code == 0
    assert (table.numbers("e3") != Table.read(Path("own.csv")).numbers("e3")).any()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("embed enc lines.txt -o out.txt", "out.txt: expected a file that ends in .parquet or .csv"),
        ("embed enc lines.txt -o lines.csv --pooling median", "unknown pooling 'median'"),
        ("embed enc lines.txt -o out.csv --layers 1", "--layers: there is no --graph for them to hear"),
        (
            "embed enc lines.txt -o out.csv --graph tree",
            "--graph: tree needs tree, which a text does not bring",
        ),
        ("embed t5 lines.txt -o out.csv", "t5: T5Model reads a source and says a target"),
        ("embed enc gone.csv -o out.csv", "gone.csv: there is no such file"),
    ],
)
def test_a_mistake_is_one_message_and_nothing_is_written(models, command, message):
    result = models(*shlex.split(command))
    assert result.exit_code == 2 and message in result.stderr and "Traceback" not in result.output
    assert not Path("out.csv").exists() and not Path("lines.csv").exists()
