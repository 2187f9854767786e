"""edgewise generate: a prompt and what a run, or a pretrained model, says next."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from edgewise.cli import completion
from edgewise.cli.door import door, stoppable
from edgewise.cli.generate_run import check_applies, is_run, said_by_run
from edgewise.cli.models import Device, Graph, Heads, Layers

EXAMPLES = """\b
Examples:
  edgewise generate runs/language-decoder "ROMEO:" --temperature 0.8 --seed 1
  edgewise generate runs/language-decoder - --max-tokens 500 < prompt.txt
  edgewise generate smollm2.gguf "Once upon a time"
  edgewise generate smollm2.gguf "Why is the sky blue?" --chat --max-tokens 200
  edgewise generate smollm2.gguf "Once upon a time" --temperature 0.8 --top-p 0.95 --seed 1
  edgewise generate smollm2.gguf - --graph "window(255, 0) | hubs(0, 1, 2, 3)" < prompt.txt
"""


def generate(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A run of a language model, or one of Hugging Face's: a folder, a GGUF file, a hub id.",
            autocompletion=completion.runs_and_models,
        ),
    ],
    prompt: Annotated[str, typer.Argument(help="How the text begins; - reads it from the standard input.")],
    max_tokens: Annotated[int, typer.Option("--max-tokens", "-n", min=1, help="So many more at most.")] = 100,
    temperature: Annotated[
        float, typer.Option(min=0.0, help="0 takes the likeliest token; above it, tokens are drawn.")
    ] = 0.0,
    top_k: Annotated[int | None, typer.Option(min=1, help="Draw among so many of the likeliest.")] = None,
    top_p: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Draw among the likeliest that make up this probability.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn.")] = 0,
    chat: Annotated[bool, typer.Option("--chat", help="Put the prompt as a user's turn of a conversation.")] = False,
    graph: Graph = None,
    layers: Layers = None,
    heads: Heads = None,
    device: Device = "cpu",
) -> None:
    """Print what a model says after PROMPT, token by token as it comes.

    Keys and values are kept from token to token. Positions of a pattern count from the first token of the prompt.

    The folder of a run (edgewise train) has its own network and tokeniser: --chat, --graph, --layers and --heads are
    of Hugging Face's models.
    """
    with stoppable(), door(ValueError, TypeError, IndexError, ImportError, OSError):
        from rich.console import Console

        drawn = {name: x for name, x in {"top_k": top_k, "top_p": top_p}.items() if x is not None}
        if drawn and temperature == 0.0:
            raise ValueError(f"--{min(drawn).replace('_', '-')}: nothing is drawn at --temperature 0; raise it")
        said, reading = sys.stdin.read() if prompt == "-" else prompt, Console(stderr=True).status("reading the model")
        if is_run(model):
            check_applies(model, {"chat": chat, "graph": graph, "layers": layers, "heads": heads})
            options = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed, **drawn}
            with reading:
                pieces = said_by_run(Path(model), said, device, options)
            for piece in pieces:
                typer.echo(piece, nl=False)
            typer.echo()
            return
        with reading:
            import torch

            from edgewise.cli.models import along, opened
            from edgewise.extras import require

            if not said.strip():
                raise ValueError("the prompt is empty; say how the text begins")
            there = opened(model, "generator", device, along(graph, layers, heads))
            ids = _tokens(there, said, chat)
            _check_room(there, ids.shape[1], max_tokens)
        torch.manual_seed(seed)
        streamer = require("transformers", extra="text").TextStreamer(
            there.tokenizer, skip_prompt=chat, skip_special_tokens=True
        )
        device_ids = ids.to(there.model.device)
        # transformers would take the 50 likeliest unless told otherwise.
        sampling = {"temperature": temperature, "top_k": 0, "top_p": 1.0, **drawn} if temperature else {}
        with torch.inference_mode():
            there.model.generate(
                device_ids,
                attention_mask=torch.ones_like(device_ids),
                max_new_tokens=max_tokens,
                do_sample=temperature > 0,
                pad_token_id=there.tokenizer.pad_token_id or there.tokenizer.eos_token_id,
                streamer=streamer,
                **sampling,
            )


def _tokens(there: Any, prompt: str, chat: bool) -> Any:
    """The prompt as token ids, [1, tokens]."""
    tokenizer = there.tokenizer
    if not chat:
        return tokenizer(prompt, return_tensors="pt")["input_ids"]
    if tokenizer.chat_template is None:
        raise ValueError(f"--chat: {there.source} has no template of a conversation; leave --chat out")
    turns = [{"role": "user", "content": prompt}]
    return tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)[
        "input_ids"
    ]


def _check_room(there: Any, count: int, more: int) -> None:
    """Refuse more tokens than the model has positions for."""
    config = there.model.config
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    if positions is not None and not config.is_encoder_decoder and count + more > positions:
        raise ValueError(
            f"the prompt has {count} tokens, and {more} more would pass the {positions} that {there.source} has "
            "positions for; lower --max-tokens or shorten the prompt"
        )
