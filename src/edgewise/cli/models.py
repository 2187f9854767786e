"""Options that verbs about Hugging Face's models share."""

from pathlib import Path
from typing import Annotated, Any

import typer

from edgewise.cli import completion
from edgewise.cli.numbers import numbers

MODEL = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A folder, a GGUF file, or a hub id.",
        autocompletion=completion.models,
    ),
]
Graph = Annotated[
    str | None, typer.Option("--graph", "-g", metavar="PATTERN", help="Who hears whom.", show_default="its own")
]
Layers = Annotated[
    str | None, typer.Option(metavar="NUMBERS", help="Layers to rewire, such as 0-5,7.", show_default="all")
]
Heads = Annotated[
    str | None, typer.Option(metavar="NUMBERS", help="Heads to rewire in each, such as 0,3.", show_default="all")
]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")]


def along(graph: str | None, layers: str | None, heads: str | None, *, plain: bool = True) -> dict[str, Any]:
    """What `rewire` is told; nothing where no graph is given. Of `plain` texts, patterns can need nothing."""
    from edgewise.patterns import parse

    named = {"layers": layers, "heads": heads}
    if graph is None:
        for name, given in named.items():
            if given is not None:
                raise ValueError(f"--{name}: there is no --graph for them to hear; give one, or leave --{name} out")
        return {}
    needs = parse(graph).needs
    if plain and needs:
        raise ValueError(
            f"--graph: {graph} needs {' and '.join(sorted(needs))}, which a text does not bring; edgewise rewire takes "
            "it from a .conllu file"
        )
    found = {name: numbers(given, f"--{name}") for name, given in named.items() if given is not None}
    return {"pattern": graph, **found}


def place_of(device: str) -> Any:
    """The device of that name, refused where it is not here."""
    import torch

    try:
        place = torch.device(device)
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"--device: {device} is not here: {str(error).splitlines()[0]}") from error
    return place


def opened(model: str, role: Any, device: str, told: dict[str, Any]) -> Any:
    """The model, on its device and along the graph."""
    from edgewise import restore, rewire
    from edgewise.extras import require
    from edgewise.pretrained.open_model import open_model

    place = place_of(device)
    require("transformers", extra="text").utils.logging.disable_progress_bar()
    found = open_model(model, role)
    found.model.to(place)
    if told:
        restore(found.model)  # a pattern that was saved with it gives way
        rewire(found.model, **told)
    return found


def check_folder(folder: Path, overwrite: bool) -> None:
    """Refuse a folder that must not be replaced."""
    if not folder.exists():
        return
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if not (folder / "config.json").is_file():
        raise FileExistsError(f"{folder}: it is there and holds no model, so it is not replaced; name another folder")
    if not overwrite:
        raise FileExistsError(f"{folder}: it is there already; --overwrite replaces it")
