"""A prompt and what the network of a run says next, through the run's own tokeniser."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from edgewise.cli.models import place_of


def is_run(model: str) -> bool:
    """Whether it is the folder of a run of edgewise train."""
    return (Path(model) / "recipe.toml").is_file()


def check_applies(run: str, given: Mapping[str, Any]) -> None:
    """Refuse options that are of Hugging Face's models alone."""
    for name, value in given.items():
        if value:
            raise ValueError(
                f"--{name}: {run} is a run, whose network hears what its recipe says; --{name} is of Hugging Face's "
                "models, so leave it out"
            )


def said_by_run(run: Path, prompt: str, device: str, options: Mapping[str, Any]) -> Iterator[str]:
    """The text piece by piece, the prompt first. What cannot be is refused at once."""
    sys.path.insert(0, str(Path.cwd()))
    from edgewise.generation import stream
    from edgewise.training import Trained

    trained = Trained.open(run)
    cut = trained.tokeniser()
    if trained.recipe.data.options.get("hidden"):
        raise ValueError(f"{run}: it has learned to say hidden tokens, not the next one, so it goes on with no text")
    begun, ends = cut.begun(prompt)
    if not begun:
        raise ValueError("the prompt is empty; say how the text begins")
    network = trained.best_network().to(place_of(device)).eval()
    steps = stream(network, [begun], stop=ends, **options)
    unknown = cut.unknown(prompt)
    if unknown:
        told = ", ".join(map(repr, unknown[:5])) + (" and others" if unknown[5:] else "")
        typer.echo(f"edgewise: note: the tokeniser of {run} has no token for {told}", err=True)
    return _pieces(prompt, begun, steps, cut.text)


def _pieces(
    prompt: str, begun: list[int], steps: Iterator[list[int | None]], text: Callable[[list[int]], str]
) -> Iterator[str]:
    """The prompt, and what each token adds to its text."""
    yield prompt
    said, told = list(begun), len(text(begun))
    whole = ""
    for step in steps:
        said += [token for token in step if token is not None]
        whole = text(said)
        if not whole.endswith("\N{REPLACEMENT CHARACTER}"):  # the first byte of a character waits for the others
            yield whole[told:]
            told = len(whole)
    yield whole[told:]
