"""A batch for any class of transformers: two texts, one of them padded; or two pictures, sounds or series."""

import inspect
import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import torch
from transformers import PretrainedConfig, PreTrainedModel

TOKENS, TARGETS, REAL = 11, 6, 7
GRID = (4, 4)
"""Rows and columns of the patches of a picture, where a model is given patches."""

Batch = dict[str, Any]


def batches(model: PreTrainedModel, padded: bool) -> Iterator[tuple[Batch, torch.Tensor | None]]:
    """What the model may take, the likeliest first, and which of its tokens are no padding."""
    if "input_ids" not in inspect.signature(model.forward).parameters:
        yield from ((given, None) for given in other_batches(model))
        return
    given, real = batch(model, padded)
    yield given, real
    if "pixel_values" in inspect.signature(model.forward).parameters:
        yield given | picture(model), real  # it reads text beside a picture, and never without


def batch(model: PreTrainedModel, padded: bool) -> tuple[dict[str, Any], torch.Tensor]:
    """What the model is given, and which of its tokens are no padding."""
    names = inspect.signature(model.forward).parameters
    random = torch.Generator().manual_seed(1)
    ids = torch.randint(4, 36, (2, TOKENS), generator=random)
    real = torch.ones(2, TOKENS, dtype=torch.bool)
    ids[0, -1] = 2  # the end of a sentence, which some classes read their answer from
    if padded:
        real[1, REAL:] = False
        ids[1, REAL - 1], ids[1, REAL:] = 2, 0
    given: dict[str, Any] = {"input_ids": ids, "attention_mask": real.long()}
    if "decoder_input_ids" in names and "ForSequenceClassification" not in type(model).__name__:
        given["decoder_input_ids"] = torch.randint(4, 36, (2, TARGETS), generator=random)
    if "bbox" in names:
        low = torch.randint(0, 50, (2, TOKENS, 2), generator=random)
        given["bbox"] = torch.cat([low, low + 5], dim=-1)
    if "mc_token_ids" in names:
        given["mc_token_ids"] = real.sum(1) - 1
    if "qformer_input_ids" in names:
        given["qformer_input_ids"] = ids
    if "use_cache" in names:
        given["use_cache"] = False
    given = {name: value for name, value in given.items() if name in names or name == "attention_mask"}
    required = [p for p in list(names.values()) if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    if any(p.name == "pixel_values" for p in required) and "input_ids" in names:
        given |= picture(model)
    if "ForMultipleChoice" in type(model).__name__:
        given = {name: x[:, None] if isinstance(x, torch.Tensor) else x for name, x in given.items()}
    return given, real


def picture(model: PreTrainedModel) -> dict[str, Any]:
    config = getattr(model.config, "vision_config", model.config)
    size = getattr(config, "image_size", 32)
    height, width = (size, size) if isinstance(size, int) else size
    random = torch.Generator().manual_seed(2)
    pixels = torch.randn(2, getattr(config, "num_channels", 3), height, width, generator=random)
    return {"pixel_values": pixels[:, None] if "idefics" in type(model).__module__ else pixels}


def other_batches(model: PreTrainedModel) -> Iterator[Batch]:
    """Pictures, sounds and series, for classes that read no text: in every shape that such classes take."""
    names = {n: p for n, p in inspect.signature(model.forward).parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD}
    wanted = [name for name, p in names.items() if p.default is p.empty]
    main = model.main_input_name
    wanted += [name for name in (main, *GRIDS) if name in names and name not in wanted]
    if not wanted:
        wanted = list(names)[:1]
    patches = any(name in wanted for name in (*GRIDS, "pixel_position_ids"))
    shapes = [list(shaped(name, model.config, patches)) for name in wanted]
    missing = [name for name, found in zip(wanted, shapes, strict=True) if not found]
    if missing:
        raise LookupError(f"no batch of {missing[0]} is known here")
    for some in product(*shapes):
        given = dict(zip(wanted, some, strict=True))
        if "decoder_input_ids" in names:
            given["decoder_input_ids"] = token_ids()[:, :TARGETS]
        if "encoder_hidden_states" in names:
            given["encoder_hidden_states"] = drawn(2, TOKENS, number(model.config, 32, "encoder_hidden_size"))
        if "input_features_mask" in names:
            frames = max(given["input_features"].shape[1:], key=[64, 256].__contains__)
            given["input_features_mask"] = torch.ones(2, frames, dtype=torch.int64)
        yield given


GRIDS = ("grid_thw", "image_grid_thw", "target_sizes")


def shaped(name: str, config: PretrainedConfig, patches: bool) -> Iterator[torch.Tensor]:
    """An argument in the shapes that it is known in."""
    channels, side = number(config, 3, "num_channels", "in_channels", "in_chans"), number(config, 16, *PATCH)
    deep, count = number(config, 1, "temporal_patch_size"), 2 * GRID[0] * GRID[1]
    mel = number(config, 80, "num_mel_bins", "n_mels", "num_mels", "feature_size", "input_feat_size", "input_size")
    if name in ("grid_thw", "image_grid_thw"):
        yield torch.tensor([[1, *GRID]] * 2)
    elif name == "target_sizes":
        yield torch.tensor([GRID] * 2)
    elif name == "merge_sizes":
        yield torch.tensor([1, 1])
    elif name == "pixel_position_ids":
        yield torch.cartesian_prod(torch.arange(GRID[0]), torch.arange(GRID[1])).expand(2, -1, 2)
    elif name in ("pixel_values", "hidden_states") and patches:
        flat = {channels * side**2, channels * deep * side**2}
        yield from (drawn(count, width) for width in flat)
        yield from (drawn(2, count // 2, width) for width in flat)
        yield from (drawn(1, count, channels, side, side), drawn(count, channels, side, side))
        yield drawn(2, channels, side, count // 2 * side)
    elif name == "pixel_values":
        for height, width in dict.fromkeys([*sizes(config), (64, 64), (48, 320)]):
            yield drawn(2, channels, height, width)
        height, width = sizes(config)[0]
        yield drawn(2, 2, channels, height, width)
        yield drawn(2, height * width // side**2, channels * side**2)
    elif name == "pixel_values_videos":
        height, width = sizes(config)[0]
        yield drawn(2, number(config, 4, "num_frames", "frames_per_clip"), channels, height, width)
    elif name == "aspect_ratio_ids":
        yield torch.ones(2, 1, dtype=torch.int64)
    elif name == "aspect_ratio_mask":
        yield torch.ones(2, 1, number(config, 4, "max_num_tiles"), dtype=torch.int64)
    elif name == "flattened_patches":
        place = torch.cartesian_prod(torch.arange(1.0, 5.0), torch.arange(1.0, 5.0)).expand(2, -1, 2)
        yield torch.cat([place, drawn(2, 16, channels * side**2)], dim=-1)
    elif name in ("input_features", "audio_mel", "mel_spectrogram"):
        yield from (drawn(2, mel, 64), drawn(2, 64, mel), drawn(2, mel, 256), drawn(2, 256, mel))
        yield drawn(2, 1, number(config, 256, "spec_size") * 4, mel)
        yield from (drawn(2, 64, 128), drawn(2, 64, 4 * mel))
    elif name in ("input_features_mask", "audio_mel_mask"):
        yield torch.ones(2, 64, dtype=torch.int64)
    elif name == "input_values":
        yield from (drawn(2, 6720), drawn(2, 1, 7680), drawn(2, number(config, 64, "max_length"), mel))
    elif name == "past_values":
        length, wide = number(config, 32, "context_length"), number(config, 1, "num_input_channels", "input_size")
        lags = max(getattr(config, "lags_sequence", None) or [0])
        yield from (drawn(2, length, wide), drawn(2, length + lags), drawn(2, length))
    elif name == "past_time_features":
        lags = max(getattr(config, "lags_sequence", None) or [0])
        yield drawn(2, number(config, 32, "context_length") + lags, number(config, 0, "num_time_features"))
    elif name == "past_observed_mask":
        lags = max(getattr(config, "lags_sequence", None) or [0])
        yield torch.ones(2, number(config, 32, "context_length") + lags)
    elif name == "past_values_padding":
        yield torch.zeros(2, number(config, 32, "context_length"))
    elif name in ("freq", "chunk_sample_lengths"):
        yield torch.zeros(2, 1, dtype=torch.int64)
    elif name in ("hidden_states", "inputs_embeds", "query_embeds", "hidden", "latents"):
        width = number(config, 32, "hidden_size", "d_model")
        yield from (drawn(2, TOKENS, width), drawn(2, width, TOKENS), drawn(2, width, 4, 16))
    elif name in ("codes", "audio_codes", "audio_input_ids", "decoder_input_ids"):
        ids = token_ids()
        yield from (ids, ids[:, None].expand(-1, number(config, 4, "num_quantizers", "num_codebooks"), -1))


PATCH = ("patch_size", "spatial_patch_size")


def token_ids() -> torch.Tensor:
    return torch.randint(4, 36, (2, TOKENS), generator=torch.Generator().manual_seed(1))


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(math.prod(shape) % 97))


def sizes(config: PretrainedConfig) -> list[tuple[int, int]]:
    """Heights and widths of pictures: what the config says, or a small one."""
    found = [s for s in said(config, "image_size") if isinstance(s, int | list | tuple)]
    pairs = [(s, s) if isinstance(s, int) else (int(s[0]), int(s[-1])) for s in found]
    return pairs or [(32, 32)]


def number(config: PretrainedConfig, default: int, *names: str) -> int:
    """The first whole number by one of these names; of a pair, its last."""
    for value in (value for name in names for value in said(config, name)):
        last = value[-1] if isinstance(value, list | tuple) and value else value
        if isinstance(last, int) and not isinstance(last, bool):
            return last
    return default


def said(config: PretrainedConfig, name: str) -> Iterator[Any]:
    """What a config and those within it say by this name, the outermost first."""
    if getattr(config, name, None) is not None:
        yield getattr(config, name)
    for inner in vars(config).values():
        if isinstance(inner, PretrainedConfig):
            yield from said(inner, name)
