"""edgewise rewire: a pretrained model along another graph, beside itself as it was."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from edgewise.cli.door import door, stoppable
from edgewise.cli.models import MODEL, Device, Heads, Layers

EXAMPLES = """\b
Examples:
  edgewise rewire minilm --graph "window(8, 8) | hubs(0)" --data sentences.txt
  edgewise rewire smollm2.gguf --graph "window(1023, 0) | hubs(0, 1, 2, 3)" --data book.txt --length 4096
  edgewise rewire minilm --graph "tree | window(1, 1)" --data treebank.conllu
  edgewise rewire minilm --graph "links | spans | window(1, 1)" --links Entity --data novel.conllu
  edgewise rewire minilm --graph "window(4, 4)" --layers 0-3 --data reviews.csv --column review --out minilm-near
  edgewise rewire sentiment --graph "window(8, 8)" --data reviews.csv --label stars
"""


def rewire(
    model: MODEL,
    graph: Annotated[str, typer.Option("--graph", "-g", metavar="PATTERN", help="Who hears whom.")],
    data: Annotated[Path, typer.Option(help="Texts: .txt .md .csv .tsv .parquet .jsonl, or .conllu with trees.")],
    layers: Layers = None,
    heads: Heads = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Save the rewired model in this folder.")] = None,
    column: Annotated[str, typer.Option(help="Of a table: the column of texts.")] = "text",
    label: Annotated[str, typer.Option(help="Of a table: the column of classes, for a model that says them.")] = "",
    spans: Annotated[
        int | None,
        typer.Option(min=2, help="Of trees, for spans: the words of a phrase at most.", show_default="8"),
    ] = None,
    links: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Of CoNLL-U, for links: who belongs together.")
    ] = None,
    length: Annotated[
        int | None, typer.Option(min=2, help="Tokens at once at most.", show_default="512, or what the model takes")
    ] = None,
    examples: Annotated[int, typer.Option(min=1, help="So many at most, from the start of the data.")] = 256,
    batch_size: Annotated[int, typer.Option(min=1, help="Examples at a time.")] = 8,
    device: Device = "cpu",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the folder if it is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run a pretrained model along your graph, beside itself.

    Who is heard is what the model's own mask AND the pattern let. Of a model that says the next token: its perplexity
    per token, over texts cut into pieces; a text file is one text. Of any other: how near its vectors stay to the
    original's, and what its head says. Edges are of all heads and layers; memory is the most beyond the weights.

    The folder of --out keeps the pattern in its config: edgewise opens it rewired, transformers alone with a note that
    it runs the original graph.
    """
    with stoppable(), door(ValueError, TypeError, IndexError, ImportError, OSError):
        from rich.console import Console

        with Console(stderr=True).status("reading the model and the data"):
            from edgewise import rewire as rewired
            from edgewise.analysis.beside import beside
            from edgewise.analysis.examples import read_examples
            from edgewise.analysis.quality import qualities
            from edgewise.cli.models import along, check_folder, opened
            from edgewise.cli.progress import Batches
            from edgewise.cli.summary import show_beside
            from edgewise.pretrained.pooling import Pooling

            if out is not None:
                check_folder(out, overwrite)
            told = along(graph, layers, heads, plain=False)
            there = opened(model, "own", device, told)  # rewired, so that what does not fit is said at once
            bring: dict[str, Any] = {"spans": spans, "links": links}
            read = read_examples(there, data, column, label, **bring, length=length, most=examples, size=batch_size)
            pooling = Pooling.of(model)
            qualities(there, read.labels, pooling)

        def asked() -> Any:
            return qualities(there, read.labels, pooling)

        with Batches() as progress:
            found = beside(there, lambda model: rewired(model, **told), read.batches, asked, progress.tell)
        if out is not None:
            from edgewise.training.atomic import new_folder

            with new_folder(out) as folder:
                there.model.save_pretrained(folder)
                there.tokenizer.save_pretrained(folder)
        if as_json:
            counts = {"examples": read.count, "tokens": read.num_tokens, "cut": read.cut}
            typer.echo(json.dumps({"model": model, "graph": graph, **counts, **asdict(found)}))
            return
        show_beside(found)
        typer.echo(f"{graph} in {model}: {read.told}" + ("" if out is None else f"; saved in {out}"))
