"""edgewise embed: texts as vectors, by a pretrained model."""

from pathlib import Path
from typing import Annotated

import typer

from edgewise.cli.door import door, stoppable
from edgewise.cli.models import MODEL, Device, Graph, Heads, Layers

EXAMPLES = """\b
Examples:
  edgewise embed minilm sentences.txt -o vectors.parquet
  edgewise embed minilm reviews.csv --column review -o vectors.csv
  edgewise embed minilm sentences.txt -o near.parquet --graph "window(8, 8) | hubs(0)"
"""


def embed(
    model: MODEL,
    data: Annotated[Path, typer.Argument(metavar="FILE", help="Texts: .txt .md .csv .tsv .parquet or .jsonl.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="A file that ends in .parquet or .csv.")],
    column: Annotated[str, typer.Option(help="Of a table: the column of texts.")] = "text",
    pooling: Annotated[
        str | None,
        typer.Option(
            metavar="KIND", help="From tokens to a text: mean, first, last or max.", show_default="the model's, or mean"
        ),
    ] = None,
    length: Annotated[
        int | None, typer.Option(min=2, help="Tokens of a text at most.", show_default="512, or what the model takes")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Texts at a time.")] = 32,
    graph: Graph = None,
    layers: Layers = None,
    heads: Heads = None,
    device: Device = "cpu",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
) -> None:
    """Write a vector for each text in FILE.

    A row a text, in the order of the file: `row`, its number from 0 (of a text file, the line's), `text`, and the
    vector: one column `embedding` of lists in Parquet, columns e0, e1, … in CSV. A checkpoint of sentence-transformers
    says itself how tokens become a text, and whether vectors have length 1.
    """
    with stoppable(), door(ValueError, TypeError, IndexError, ImportError, OSError):
        from rich.console import Console

        with Console(stderr=True).status("reading the model and the texts"):
            from edgewise.analysis.examples import length_of
            from edgewise.cli.models import along, opened
            from edgewise.cli.progress import Batches
            from edgewise.data.texts import read_texts
            from edgewise.pretrained.embed import embed as embedded
            from edgewise.pretrained.pooling import Pooling
            from edgewise.training.predict import check_out, write

            check_out(out, overwrite)
            told = along(graph, layers, heads)
            read = read_texts(data, column=column)
            there = opened(model, "states", device, told)
            chosen, most = Pooling.of(model, pooling), length_of(there, length)
        with Batches() as progress:
            vectors = embedded(
                there, read.texts, chosen, length=most, batch_size=batch_size, tell=progress.tell
            ).numpy()
        which = {"row": list(read.rows), "text": list(read.texts)}
        if out.suffix == ".parquet":
            write(out, {**which, "embedding": list(vectors)})
        else:
            write(out, {**which, **{f"e{k}": column for k, column in enumerate(vectors.T)}})
        typer.echo(f"{len(vectors):,} texts, {vectors.shape[1]} channels: {out}")
