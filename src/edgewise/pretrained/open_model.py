"""A checkpoint of Hugging Face's, opened: the model, its tokenizer, and the graph that its config keeps."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from edgewise.extras import require
from edgewise.pretrained.kept import KEY, NOTE
from edgewise.pretrained.rewire import rewire

Role = Literal["own", "states", "generator"]

# What may be missing of a checkpoint, as nobody reads it: the projection of the first state that some heads have.
UNREAD = ("pooler.",)

GENERATORS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
TOKENIZER = ("tokenizer.json", "tokenizer.model", "*.vocab", "vocab.*", "*spiece*", "*sentencepiece*", "*.bpe.*")


@dataclass(frozen=True)
class Opened:
    """A model in evaluation mode and its tokenizer; `source` is what it was opened by."""

    model: Any
    tokenizer: Any
    source: str

    def check_one_sequence(self) -> None:
        """Refuse a model that reads a source and says a target: texts alone are not what it takes."""
        if "decoder_input_ids" in inspect.signature(self.model.forward).parameters:
            raise ValueError(
                f"{self.source}: {type(self.model).__name__} reads a source and says a target, and there is one text "
                "here; bring an encoder or a decoder"
            )

    @property
    def decodes(self) -> bool:
        """Whether the model says the next token, hearing those before it."""
        config = self.model.config
        named = [*(config.architectures or ()), type(self.model).__name__]
        return any(name.endswith(GENERATORS) for name in named) and not config.is_encoder_decoder


def open_model(source: str | Path, role: Role = "own", dtype: torch.dtype | None = None) -> Opened:
    """The model and the tokenizer in a folder, in a GGUF file, or on the hub; rewired where it was saved rewired.

    Args:
        source: a folder with config.json, a file that ends in .gguf (its numbers come out as float32), or a hub id.
        role: "own", the class that the config names; "states", the model without a head; "generator", the one that
            says the next token.
        dtype: of the weights; None for that of the checkpoint.

    Raises:
        FileNotFoundError: no such folder or file, no weights in it, or a hub that could not be reached.
        ValueError: weights that are missing, unknown or of another shape than the config says; a role that the model
            does not have.
    """
    transformers = require("transformers", extra="text")
    where, gguf = _place(source)
    kind = {} if dtype is None else {"dtype": dtype}
    with _told_once(transformers, source):
        config = transformers.AutoConfig.from_pretrained(where, **gguf)
        family = _family(transformers, config, role, source)
        # What has another shape is told by our error, with its name, and not by theirs, which has none.
        telling = {"output_loading_info": True, "ignore_mismatched_sizes": True}
        model, found = family.from_pretrained(where, **gguf, **kind, **telling)
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, **gguf)
    _check_weights(source, found, head_only=role == "states")
    model = _plain(model) if gguf else model
    if getattr(model.config, KEY, None) is not None:
        rewire(model)
    return Opened(model.eval(), tokenizer, str(source))


def _place(source: str | Path) -> tuple[str, dict[str, str]]:
    """What `from_pretrained` is told, after a look at what is there."""
    path = Path(source)
    if path.suffix == ".gguf":
        if not path.is_file():
            raise FileNotFoundError(f"{source}: there is no such file")
        for module in ("gguf", "accelerate"):
            require(module, extra="gguf")
        return str(path.parent), {"gguf_file": path.name}
    if path.is_file():
        raise ValueError(f"{source}: expected a folder with config.json, a file that ends in .gguf, or a hub id")
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise FileNotFoundError(f"{source}: the folder holds no config.json, so it is not a model's")
        for what, files in {"weights": WEIGHTS, "tokenizer": TOKENIZER}.items():
            if not any(True for pattern in files for _ in path.glob(pattern)):
                usual = "model.safetensors" if what == "weights" else "tokenizer.json"
                raise FileNotFoundError(f"{source}: the folder holds no {what}; expected {usual} beside config.json")
        return str(path), {}
    if path.is_absolute() or len(path.parts) > 2 or str(source).startswith((".", "~")):
        raise FileNotFoundError(f"{source}: there is no such folder")
    return str(source), {}


@contextmanager
def _told_once(transformers: Any, source: str | Path) -> Iterator[None]:
    """Turn what goes wrong in there into one error, and leave out what is logged on the way."""
    hub = require("huggingface_hub.utils", extra="text")
    log, logs = transformers.utils.logging, hub.logging
    before = log.get_verbosity(), logs.get_verbosity()
    log.set_verbosity(log.CRITICAL)
    logs.set_verbosity(logs.CRITICAL)
    try:
        yield
    except hub.HFValidationError as error:
        raise ValueError(f"{source}: it is no folder and no hub id: {error}") from error
    except OSError as error:
        raise FileNotFoundError(_why(source, error)) from error
    except require("safetensors", extra="text").SafetensorError as error:
        raise ValueError(f"{source}: its safetensors file cannot be read: {error}; copy it again, whole") from error
    finally:
        log.set_verbosity(before[0])
        logs.set_verbosity(before[1])


def _why(source: str | Path, error: OSError) -> str:
    if Path(source).exists():
        return f"{source}: {str(error).splitlines()[0]}"
    if "connect" in str(error):
        return (
            f"{source}: there is no such folder, and the hub could not be reached to look there. Where there is a "
            f"network, `hf download {source} --local-dir FOLDER` fetches it; then name FOLDER"
        )
    return f"{source}: there is no such folder, and the hub has no such model that you may read"


def _family(transformers: Any, config: Any, role: Role, source: str | Path) -> Any:
    """The class to load."""
    if role == "states":
        return transformers.AutoModel
    if role == "own":
        families = [getattr(transformers, name, None) for name in config.architectures or ()]
        # A GGUF file names none, and holds what says the next token.
        usual = transformers.AutoModel if config.architectures else transformers.AutoModelForCausalLM
        return next((family for family in families if family is not None), usual)
    auto = transformers.AutoModelForSeq2SeqLM if config.is_encoder_decoder else transformers.AutoModelForCausalLM
    named = config.architectures or ()
    if type(config) not in auto._model_mapping or (named and not any(name.endswith(GENERATORS) for name in named)):
        raise ValueError(
            f"{source}: {', '.join(named or (type(config).__name__,))} says no next token, so it cannot "
            "generate; a checkpoint of a ForCausalLM class does"
        )
    return auto


def _check_weights(source: str | Path, found: dict[str, Any], *, head_only: bool) -> None:
    """Refuse numbers that were drawn rather than read, and those that nobody takes."""
    if found["mismatched_keys"]:
        name, theirs, ours = sorted(found["mismatched_keys"])[0]
        raise ValueError(
            f"{source}: the weights do not fit config.json: {name} is {list(theirs)} in the file and {list(ours)} by "
            f"the config{_more(len(found['mismatched_keys']) - 1)}. Bring both from one checkpoint"
        )
    missing = sorted(name for name in found["missing_keys"] if not (head_only and name.startswith(UNREAD)))
    if missing:
        raise ValueError(
            f"{source}: the weights lack {_few(missing)}, which would be drawn at random; bring a whole checkpoint"
        )
    unknown = sorted(set(found["unexpected_keys"]) - {NOTE})
    if unknown and not head_only:
        raise ValueError(f"{source}: the model that its config names has no place for {_few(unknown)}")


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + _more(len(names) - 3)


def _more(count: int) -> str:
    return f", and {count} more" if count > 0 else ""


def _plain(model: Any) -> Any:
    """The same model without the mark of the file that it was read from, which forbids to save it."""
    config = model.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    fresh = type(model)(config)
    fresh.load_state_dict(model.state_dict(), assign=True)
    fresh.generation_config = model.generation_config
    return fresh
