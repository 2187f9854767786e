"""Which models of transformers edgewise.rewire takes: each one rewired, beside its own eager attention.

    python benchmarks/coverage.py [--save] [--only bert,llama] [--kind text|other] [--again LOG]

The denominator is read off the source: every public model class of every models/*/modeling_*.py that calls the
attention interface; those whose forward takes `input_ids` are text. Each is built tiny from its own config, in a
process of its own, with a padded batch; what cannot be built or run counts against the score. A class is *equal* when,
on real positions,

    rewired to complete()    ==  eager
    rewired to window(2, 1)  ==  eager with the window's dense mask added to its own, and  !=  eager

(a query whose two masks leave it nobody being zeros, as everywhere here), forward and gradient, by the promise
max|a-b| <= 1e-5 * max(1, max|b|) in float32 (gradients: 1e-4 of their largest), or in float64 where float32 itself is
noisier than that.
"""

import argparse
import importlib
import inspect
import json
import os
import re
import select
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import report
import torch
import transformers
from transformers import AttentionInterface, PretrainedConfig, PreTrainedModel

from edgewise import restore, rewire
from edgewise.patterns import window
from edgewise.pretrained.attentions import attentions

SECONDS = 90
TOKENS, TARGETS, REAL = 11, 6, 7
PATTERN = window(2, 1)
UNCOMPARED = ("past", "mask", "cache", "attentions")  # and weights, which eager returns unasked
ELSEWHERE = ("key_value_states", "encoder_hidden_states", "cross_attention_states", "context")
VOCABULARY = 64
MOST_PARAMETERS = 110_000_000

SMALL: dict[str, int] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "embed_dim", "embedding_size"), 32),
    **dict.fromkeys(("decoder_hidden_size",), 32),
    **dict.fromkeys(("n_layer", "n_layers", "num_layers", "num_hidden_layers", "encoder_layers", "decoder_layers"), 2),
    **dict.fromkeys(("num_decoder_layers", "num_encoder_layers", "depth", "decoder_num_hidden_layers"), 2),
    **dict.fromkeys(("encoder_num_hidden_layers", "decoder_num_layers", "encoder_num_layers", "num_block_layers"), 2),
    **dict.fromkeys(("n_head", "n_heads", "num_heads", "num_attention_heads", "encoder_attention_heads"), 4),
    **dict.fromkeys(("decoder_attention_heads", "encoder_num_attention_heads", "decoder_num_attention_heads"), 4),
    **dict.fromkeys(("num_key_value_heads", "num_kv_heads", "decoder_num_key_value_heads"), 2),
    **dict.fromkeys(("encoder_num_key_value_heads", "num_global_key_value_heads", "swa_num_key_value_heads"), 2),
    **dict.fromkeys(("head_dim", "d_kv", "kv_channels", "attention_head_size", "global_head_dim", "v_head_dim"), 8),
    **dict.fromkeys(("qk_rope_head_dim", "qk_nope_head_dim", "index_head_dim"), 4),
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank", "index_n_heads"), 8),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim", "n_inner"), 48),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size", "expert_ffn_hidden_size"), 16),
    **dict.fromkeys(("vocab_size", "vocab_size_per_layer_input", "text_vocab_size", "decoder_vocab_size"), VOCABULARY),
    **dict.fromkeys(("audio_vocab_size",), VOCABULARY),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "num_experts_per_token", "moe_k", "top_k_experts"), 2),
    **dict.fromkeys(("num_kv_shared_layers",), 0),
    **dict.fromkeys(("num_expert_group", "n_group", "topk_group", "first_k_dense_replace"), 1),
    **dict.fromkeys(("num_nextn_predict_layers",), 1),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_source_positions", "max_target_positions"), 128),
    **dict.fromkeys(("sliding_window", "attention_chunk_size"), 6),
    **dict.fromkeys(("image_size", "patch_size_total"), 32),
    **dict.fromkeys(("patch_size",), 8),
    **dict.fromkeys(("linear_num_key_heads", "linear_num_value_heads"), 2),
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim", "mamba_d_head", "mamba_head_dim"), 8),
    **dict.fromkeys(("mamba_n_heads", "mamba_num_heads"), 8),
    **dict.fromkeys(("mamba_d_state", "ssm_state_size"), 8),
    **dict.fromkeys(("projection_dim", "hidden_size_per_layer_input"), 32),
    **dict.fromkeys(("index_topk",), 4),
    **dict.fromkeys(("out_hidden_size", "text_hidden_size", "condition_dim", "audio_hidden_size"), 32),
}  # fmt: skip

# What small numbers alone do not settle, family by family, at whatever depth the name stands.
ROPE = {"rope_type": "default", "rope_theta": 10_000.0}
SETTINGS: dict[str, dict[str, Any]] = {
    "bamba": {"attn_layer_indices": [1]},
    "bridgetower": {"contrastive_hidden_size": 32, "share_cross_modal_transformer_layers": True},
    "chameleon": {"vocabulary_map": {"<image>": 50}},
    "cohere_compass": {
        "rope_parameters": {"full_attention": ROPE, "sliding_attention": ROPE},
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "dbrx": {"attn_config": {"kv_n_heads": 2, "clip_qkv": 8.0, "rope_theta": 10_000.0}},
    "decision_transformer": {"vocab_size": VOCABULARY},
    "deepseek_ocr2": {
        "num_experts_per_tok": 2,
        "mlp_layer_types": ["dense", "sparse"],
        "layer_types": ["full_attention", "full_attention"],
    },
    "deepseek_v2": {"num_experts_per_tok": 2},
    "diffusion_gemma": {"num_experts": 4, "top_k_experts": 2, "moe_intermediate_size": 16, "canvas_length": 4},
    "dots1": {"n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2, "layer_types": None},
    "dots3_note": {"adapter_in_dim": 32},
    "emu3": {"vocabulary_map": {"<image>": 50}, "base_channels": 32, "channel_multiplier": [1, 1]},
    "ernie4_5_vl_moe": {"rope_parameters": {**ROPE, "mrope_section": [1, 1, 2]}},
    "esmc": {"num_key_value_heads": 4},
    "esmfold2": {"num_key_value_heads": 4},
    "falcon_h1": {"mamba_d_ssm": 64, "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8},
    "gemma3n": {"layer_types": ["sliding_attention", "full_attention"], "num_kv_shared_layers": 0},
    "gemma4": {"num_kv_shared_layers": 0},
    "gemma4_unified": {"num_kv_shared_layers": 0},
    "glm5_next": {"index_topk": 16},
    "granite4_vision": {"deepstack_layer_map": [[0, 0]], "spatial_target_layers": [0], "spatial_layer_map": [[0, 0]]},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"], "layers_block_type": ["mamba", "attention"]},
    "hunyuan_vl": {"rope_parameters": {**ROPE, "mrope_section": [1, 1, 1, 1]}},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "longt5": {"local_radius": 4},
    "molmo2": {"vision_feature_layer": [0, 1], "vision_feature_layers": [0, 1]},
    "neomme": {"head_dim": 32},
    "pix2struct": {"initializer_range": 0.02},
    "qwen4_exp": {
        "indexer_n_heads": 4,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 8,
        "indexer_budget": 16,
        "indexer_compress_ratio": 4,
    },
    "t5": {"decoder_start_token_id": 1},
    "xmod": {"default_language": "en_XX"},
    "zamba2": {
        "attention_head_dim": 16,
        "attention_hidden_size": 64,
        "hybrid_layer_ids": [1],
        "mamba_headdim": 8,
        "n_mamba_heads": 8,
        "num_mem_blocks": 1,
    },
}
FORCED = ("initializer_range", "decoder_start_token_id")  # which a class reads and its config lacks
TOTAL = re.compile(r"split_sizes to sum exactly to (\d+).*split_sizes=\[\d+, \d+, \d+\]")


def classes(kind: str, only: set[str]) -> Iterator[tuple[str, type]]:
    """Every public model class of the files that call the interface, text or other."""
    root = Path(transformers.__file__).parent
    for file in sorted(root.glob("models/*/modeling_*.py")):
        family = file.parent.name
        if "get_interface(" not in file.read_text() or (only and family not in only):
            continue
        module = importlib.import_module(f"transformers.models.{family}.{file.stem}")
        for name in module.__all__:
            found = getattr(module, name, None)
            if not (isinstance(found, type) and issubclass(found, PreTrainedModel)) or name.endswith("PreTrainedModel"):
                continue
            text = "input_ids" in inspect.signature(found.forward).parameters
            if text == (kind == "text"):
                yield family, found


# --- a tiny model of any class


def tiny(config_class: type[PretrainedConfig], small: dict[str, int]) -> PretrainedConfig:
    """The config of a class with small numbers for the names that say how large it is, at every depth."""
    default = config_class()
    return config_class(**shrunken(default.to_dict(), default, small))


def shrunken(settings: dict[str, Any], config: Any, small: dict[str, int]) -> dict[str, Any]:
    layers = next((settings[n] for n in ("num_hidden_layers", "n_layer", "num_layers") if settings.get(n)), None)
    made: dict[str, Any] = {}
    for name, value in settings.items():
        inner = vars(config).get(name)
        if name in ("transformers_version", "model_type", "architectures", "_name_or_path", "dtype", "torch_dtype"):
            continue
        if value is None and name in ("head_dim", "num_key_value_heads", "vocab_size") and small is SMALL:
            made[name] = settings.get("num_attention_heads") and 4 if name.startswith("num") else small[name]
        elif name == "per_layer_config" and value:
            made[name] = {1: shrunken(next(iter(value.values())), config, small)}
        elif isinstance(value, dict) and "mrope_section" in value and small is SMALL:
            made[name] = {**value, "mrope_section": [1, 1, 2]}
        elif isinstance(inner, PretrainedConfig):
            made[name] = {**shrunken(inner.to_dict(), inner, small), "model_type": inner.model_type}
        elif name in small and isinstance(value, int) and not isinstance(value, bool):
            made[name] = min(value, small[name]) if value > 0 else value
        elif name.endswith(("_token_id", "_token_index")):
            made[name] = token(name, value)
        elif isinstance(value, list) and layers and len(value) == layers:
            made[name] = varied(value)
        elif ("dropout" in name or name.endswith("_pdrop") or name == "layerdrop") and type(value) in (int, float):
            made[name] = 0.0
        elif value is not None:
            made[name] = value
    told = SETTINGS.get(type(config).__module__.split(".")[2], {})
    for name, value in told.items():
        # Towers of pictures in the same family turn by axes, and keep what they have.
        if (name in settings and "axial" not in str(settings[name])) or name in FORCED:
            made[name] = value
    if sections and "rope_parameters" in settings and "rope_theta" in (made.get("rope_parameters") or {}):
        made["rope_parameters"] = {**made["rope_parameters"], "mrope_section": list(sections)}
    if made.get("kv_lora_rank") and "num_key_value_heads" in made:
        made["num_key_value_heads"] = made.get("num_attention_heads", 4)  # latent attention groups no heads
    if "pad_token_id" in settings:
        made["pad_token_id"] = 0
    return made


def with_wide_heads(config_class: type[PretrainedConfig]) -> PretrainedConfig:
    """Few heads, each as wide as by default: for models whose positions are cut by head dim."""
    heads = {"head_dim", "d_kv", "kv_channels", "v_head_dim", "qk_rope_head_dim", "qk_nope_head_dim", "index_head_dim"}
    kept = {name: number for name, number in SMALL.items() if name not in heads}
    default = config_class()
    text = default.get_text_config()
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    wide = {name: 4 * width if number == 32 and name != "image_size" else number for name, number in kept.items()}
    return tiny(config_class, wide)


def as_it_is(config_class: type[PretrainedConfig]) -> PretrainedConfig:
    """Two layers and few words, all else by default."""
    few = {name: number for name, number in SMALL.items() if "layer" in name or "vocab" in name or "expert" in name}
    return tiny(config_class, few)


sections: list[int] = []
"""How the pairs of a small head are parted among the axes of a picture, once a model has said how many there are."""

SIZES: dict[str, Any] = {
    "small": lambda config_class: tiny(config_class, SMALL),
    "small again": lambda config_class: tiny(config_class, SMALL),
    "wide heads": with_wide_heads,
    "few layers": as_it_is,
    "default": lambda config_class: config_class(),
}


def token(name: str, value: Any) -> Any:
    """Special tokens within the small vocabulary, away from those of the batch."""
    if isinstance(value, list):
        return [token(name, one) for one in value]
    if not isinstance(value, int) or value < 0:
        return value
    known = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1, "sep_token_id": 3}
    return known.get(name, 40 + sum(map(ord, name)) % 20)


def varied(values: list[Any]) -> list[Any]:
    """Two entries, of two kinds where there are two, full attention among them."""
    for one in ("full_attention", "attention"):
        if one in values:
            return [next((value for value in values if value != one), one), one]
    return [values[0], next((value for value in values if value != values[0]), values[-1])]


def made(family: type[PreTrainedModel], size: str) -> PreTrainedModel:
    with torch.device("meta"):
        count = sum(p.numel() for p in family(SIZES[size](family.config_class)).parameters())
    if count > MOST_PARAMETERS:
        raise MemoryError(f"{count:,} parameters")
    torch.manual_seed(0)
    model = family(SIZES[size](family.config_class)).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.is_floating_point():
                noise = torch.randn(p.shape, generator=torch.Generator().manual_seed(len(name))).to(p.dtype)
                p.add_(noise * (0.15 * min(1.0, (32 / p.shape[-1]) ** 0.5) if p.dim() > 1 else 0.05))
    return model


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
    if "input_ids" not in names:
        given = other_batch(model, names, random)
    return given, real


def picture(model: PreTrainedModel) -> dict[str, Any]:
    config = getattr(model.config, "vision_config", model.config)
    size = getattr(config, "image_size", 32)
    height, width = (size, size) if isinstance(size, int) else size
    random = torch.Generator().manual_seed(2)
    pixels = torch.randn(2, getattr(config, "num_channels", 3), height, width, generator=random)
    return {"pixel_values": pixels[:, None] if "idefics" in type(model).__module__ else pixels}


def other_batch(model: PreTrainedModel, names: Any, random: torch.Generator) -> dict[str, Any]:
    """Pictures and sounds, for classes that read no text."""
    config = model.config
    main = model.main_input_name
    vision = getattr(config, "vision_config", config)
    size = getattr(vision, "image_size", 32)
    height, width = (size, size) if isinstance(size, int) else size
    shapes = {
        "pixel_values": (2, getattr(vision, "num_channels", 3), height, width),
        "input_features": (2, getattr(config, "num_mel_bins", getattr(config, "feature_size", 80)), 64),
        "input_values": (2, 1600),
    }
    if main not in shapes:
        raise NotImplementedError(f"no batch of {main} is known here")
    return {main: torch.randn(*shapes[main], generator=random)}


# --- two answers, compared


def answers(model: PreTrainedModel, given: dict[str, Any], real: torch.Tensor) -> dict[str, torch.Tensor]:
    """The real positions of every tensor that the model returns."""
    found = {}
    for name, x in named_tensors("", model(**given)):
        if not x.is_floating_point() or any(part in name for part in UNCOMPARED):
            continue
        if x.shape[:2] == real.shape:
            x = x[real]
        elif x.dim() > 2 and x.shape[0] == 2 and x.shape[1] == TOKENS - 1:
            x = x[real[:, 1:]]  # it answers from the second token on
        elif x.shape[:3] == (2, 1, TOKENS):
            x = x[:, 0][real]
        found[name] = x
    if not found:
        raise NotImplementedError("it returns no tensor")
    return found


def named_tensors(name: str, value: Any) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from named_tensors(f"{name}.{key}", one)
    elif isinstance(value, tuple | list):
        for n, one in enumerate(value):
            yield from named_tensors(f"{name}.{n}", one)


def run(model: PreTrainedModel, given: dict[str, Any], real: torch.Tensor) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the model answers, and the gradient of one number made of it."""
    model.zero_grad()
    torch.manual_seed(3)
    found = answers(model, given, real)
    loss = 0.0
    for n, x in enumerate(found.values()):
        if x.requires_grad:
            weight = torch.randn(x.shape, generator=torch.Generator().manual_seed(n)).to(x.dtype)
            loss = loss + (torch.nan_to_num(x, 0.0, 0.0, 0.0) * weight).sum() / max(x.numel(), 1) ** 0.5
    if isinstance(loss, torch.Tensor):
        loss.backward()
    grads = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return {name: x.detach() for name, x in found.items()}, grads


def worst(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    """max|a - b| / max(1, max|b|) over all tensors; infinite where one side lacks one."""
    if ours.keys() != theirs.keys():
        return float("inf")
    return max((error(ours[name], theirs[name]) for name in theirs), default=0.0)


def worst_gradient(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    """The largest difference of gradients, in parts of the largest gradient."""
    largest = max((float(g.abs().max()) for g in theirs.values() if g.numel()), default=0.0)
    zero = torch.zeros(())
    off = [float((ours.get(n, zero) - theirs.get(n, zero)).abs().max()) for n in {*ours, *theirs}]
    return max(off, default=0.0) / max(largest, 1e-30)


def error(a: torch.Tensor, b: torch.Tensor) -> float:
    if a.shape != b.shape:
        return float("inf")
    same = (a == b) | (a.isnan() & b.isnan())
    off = (a - b).abs().masked_fill(same, 0.0)
    finite = b[b.isfinite() & (b.abs() < 1e30)]
    return float(off.max()) / max(1.0, float(finite.abs().max()) if finite.numel() else 1.0) if a.numel() else 0.0


def with_silence(out: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Zeros for queries whose mask lets nobody be heard, where eager attention takes everybody's mean."""
    if mask is None:
        return out
    heard = mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min / 4
    return out * heard.any(-1).transpose(1, 2)[..., None]


class eager_with_window:
    """Eager attention whose dense mask has the window's added to it, in these attentions, among themselves."""

    def __init__(self, modules: list[Any]) -> None:
        self.modules = {id(module) for module in modules}
        self.crossing: set[int] = set()
        self.hooks = [module.register_forward_pre_hook(self.notice, with_kwargs=True) for module in modules]

    def notice(self, module: Any, args: Any, kwargs: Any) -> None:
        names = list(inspect.signature(module.forward).parameters)
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        crosses = "cross" in type(module).__name__.lower() or any(given.get(name) is not None for name in ELSEWHERE)
        (self.crossing.add if crosses else self.crossing.discard)(id(module))

    def __call__(self, module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **terms: Any) -> Any:
        forward = inspect.unwrap(type(module).forward)
        (name,) = [n for n in forward.__code__.co_names if n.endswith("eager_attention_forward")]
        Q, K = query.shape[2], key.shape[2]
        if id(module) in self.modules - self.crossing:
            outside, own = ~PATTERN.build(Q, K).dense(), attention_mask
            own = torch.zeros(1, 1, Q, K, dtype=query.dtype) if own is None else own
            attention_mask = own.masked_fill(outside, False if own.dtype == torch.bool else torch.finfo(own.dtype).min)
        out, weights = forward.__globals__[name](module, query, key, value, attention_mask, **terms)
        return with_silence(out, attention_mask), weights

    def __enter__(self) -> None:
        AttentionInterface._global_mapping["eager"] = self

    def __exit__(self, *_: object) -> None:
        del AttentionInterface._global_mapping["eager"]
        for hook in self.hooks:
            hook.remove()


def judged(family: type[PreTrainedModel], padded: bool) -> dict[str, Any]:
    """One class, from config to verdict."""
    failures = []
    for size in SIZES:
        stage = "not built"
        try:
            model = made(family, size)
            stage = "does not run"
            model.set_attn_implementation("eager")
            given, real = batch(model, padded)
            try:
                eager = run(model, given, real)
            except Exception as failure:
                part_axes(failure)
                if "pixel_values" not in inspect.signature(model.forward).parameters:
                    raise
                given |= picture(model)  # it reads text beside a picture, and never without
                eager = run(model, given, real)
            return {**compared(model, given, real, *eager), "size": size}
        except Exception as failure:
            failures.append((stage, f"{size}: {said(failure)}"))
            part_axes(failure)
    stage = min((stage for stage, _ in failures), key=["does not run", "not built"].index)
    return {"verdict": stage, "why": next(why for found, why in failures if found == stage)}


def part_axes(failure: Exception) -> None:
    """Learn from a failure how many pairs of channels a model parts among its axes."""
    total = TOTAL.search(str(failure))
    if total and not sections:
        sections[:] = [int(total[1]) - 2, 1, 1] if int(total[1]) > 2 else [1, 1, 0]


def compared(
    model: PreTrainedModel, given: dict[str, Any], real: torch.Tensor, eager: dict[str, Any], grad: dict[str, Any]
) -> dict[str, Any]:
    """A model that answers by eager attention, rewired to everything and to a window."""
    layers, note = None, ""
    try:
        try:
            rewire(model, "complete")
        except ValueError as refusal:
            if "would hear as before; layers= names" not in str(refusal):
                raise
            layers, note = list(attentions(model)), "layers= named, since others are no attention of the interface"
            rewire(model, "complete", layers=layers)
        modules = [model.get_submodule(path) for path in model._edgewise_rewiring.attentions]
        whole, whole_grad = run(model, given, real)
        again, _ = run(restore(model), given, real)
        narrow, narrow_grad = run(rewire(model, PATTERN, layers=layers), given, real)
        restore(model)
    except Exception as failure:
        restore(model)
        refused = isinstance(failure, ValueError | TypeError) and str(failure).startswith("rewire:")
        return {"verdict": "refused" if refused else "error", "why": said(failure)}
    with eager_with_window(modules):
        wanted, wanted_grad = run(model, given, real)
    found = {
        "complete": worst(whole, eager),
        "window": worst(narrow, wanted),
        "gradient": max(worst_gradient(whole_grad, grad), worst_gradient(narrow_grad, wanted_grad)),
        "moved": worst(narrow, eager),
        "restored": worst(again, eager),
        "attentions": len(modules),
    }
    return {"verdict": verdict(found), "why": note, **found}


def verdict(found: dict[str, Any]) -> str:
    if found["restored"] > 0:
        return "not restored"
    if max(found["complete"], found["window"]) > 1e-5 or found["gradient"] > 1e-4:
        return "different"
    return "equal" if found["moved"] > 1e-4 else "unmoved"


def said(failure: Exception) -> str:
    return f"{type(failure).__name__}: {' '.join(str(failure).split())[:300]}"


def in_float64(family: type[PreTrainedModel], padded: bool) -> dict[str, Any]:
    torch.set_default_dtype(torch.float64)
    return {**judged(family, padded), "dtype": "float64"}


def alone(task: Any) -> dict[str, Any]:
    """A task in a process of its own, so that neither a crash nor a hang stops the sweep."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        try:
            answer = json.dumps(task())
        except Exception as failure:
            answer = json.dumps({"verdict": "error", "why": f"the sweep itself: {said(failure)}"})
        with os.fdopen(writer, "w") as pipe:
            pipe.write(answer)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        ready, _, _ = select.select([pipe], [], [], SECONDS)
        if not ready:
            os.kill(child, signal.SIGKILL)
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if not text:
        return {"verdict": "does not run", "why": f"no answer in {SECONDS} s, or the process died ({status})"}
    found: dict[str, Any] = json.loads(text)
    return found


def swept(kind: str, only: set[str], known: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for family, found in classes(kind, only):
        if found.__name__ in known:
            rows.append(known[found.__name__])
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
            continue
        begun = time.perf_counter()
        row = alone(lambda found=found: judged(found, padded=True))
        if row["verdict"] in ("different", "unmoved") and row.get("window", 1) < 1e-2:
            wide = alone(lambda found=found: in_float64(found, padded=True))
            row = wide if wide["verdict"] == "equal" else row
        rows.append(
            {"family": family, "class": found.__name__, **row, "seconds": round(time.perf_counter() - begun, 2)}
        )
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


# --- the report

ORDER = ("equal", "refused", "different", "unmoved", "not restored", "error", "does not run", "not built")
MEANING = {
    "equal": "complete() equals eager, the window eager with its dense mask, which is not eager; gradients too",
    "refused": "one clear error instead of an answer",
    "different": "an answer that is not eager's: a defect of ours",
    "unmoved": "the window changes nothing: a defect of ours",
    "not restored": "restore does not give the first answer back: a defect of ours",
    "error": "an error that is not ours to word: counts against us",
    "does not run": "its own eager forward fails on the generic batch: counts against the score",
    "not built": "no model from its shrunken config: counts against the score",
}


def summary(rows: list[dict[str, Any]]) -> str:
    counts = Counter(row["verdict"] for row in rows)
    ran = sum(counts[name] for name in ORDER[:6])
    lines = [[name, str(counts[name]), MEANING[name]] for name in ORDER if counts[name]]
    share = f"{counts['equal']} of {len(rows)} classes equal ({counts['equal'] / max(len(rows), 1):.0%}); "
    share += f"of the {ran} that run at all {counts['equal'] / max(ran, 1):.0%}."
    families = {row["family"] for row in rows}
    whole = {f for f in families if any(r["verdict"] == "equal" for r in rows if r["family"] == f)}
    share += f" {len(whole)} of {len(families)} files have at least one class that is equal."
    return share + "\n\n" + report.table(["verdict", "classes:", "what it means"], lines)


def page(sweeps: dict[str, list[dict[str, Any]]]) -> str:
    parts = ["# Coverage: transformers' models under `edgewise.rewire`", report.header("transformers"), __doc__ or ""]
    for kind, rows in sweeps.items():
        parts += [f"## {'Text' if kind == 'text' else 'Pictures, sounds and the rest'}", summary(rows)]
        for name in ORDER[1:]:
            some = [row for row in rows if row["verdict"] == name]
            if some:
                reasons = [[f"{row['family']}: {row['class']}", why(row)] for row in some]
                parts += [f"### {name.capitalize()}", report.table(["class", "why"], reasons)]
        equal = [row for row in rows if row["verdict"] == "equal"]
        cells = [
            [r["family"], r["class"], *(f"{r[n]:.1e}" for n in ("complete", "window", "gradient", "moved")),
             r.get("dtype", "float32")]
            for r in equal
        ]  # fmt: skip
        columns = ["file", "class", "complete:", "window:", "gradient:", "window moves it by:", "in"]
        parts += ["### Equal", report.table(columns, cells)]
    return "\n\n".join(parts)


def why(row: dict[str, Any]) -> str:
    numbers = ", ".join(f"{n} {row[n]:.1e}" for n in ("complete", "window", "gradient", "moved") if n in row)
    return (row["why"] or numbers).replace("|", "\\|")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help="keep the page and its numbers in benchmarks/results")
    parser.add_argument("--only", default="", help="names of files, such as bert,llama")
    parser.add_argument("--kind", choices=["text", "other", "both"], default="both")
    parser.add_argument(
        "--from-log", help="rows of an earlier sweep, a line of JSON each, by kind: text=FILE,other=FILE"
    )
    parser.add_argument("--again", type=Path, help="rows of a sweep that was cut off, from its stderr: run the rest")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    kinds = ["text", "other"] if asked.kind == "both" else [asked.kind]
    lines = [] if asked.again is None else [line for line in asked.again.read_text().splitlines() if line[:1] == "{"]
    known = {row["class"]: row for row in map(json.loads, lines)}
    sweeps = {kind: swept(kind, set(filter(None, asked.only.split(","))), known) for kind in kinds}
    report.finish("coverage", page(sweeps), asked.save, sweeps)
