"""A tiny model of any class of transformers, from its own config."""

import re
from typing import Any

import torch
from transformers import PretrainedConfig, PreTrainedModel, ResNetConfig

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
    **dict.fromkeys(("num_queries",), 8),
}  # fmt: skip

# What small numbers alone do not settle, family by family, at whatever depth the name stands.
RESNET = {"embedding_size": 8, "hidden_sizes": [8] * 4, "depths": [1] * 4, "out_indices": [1, 2, 3, 4]}
SERIES = {"prediction_length": 4, "context_length": 16, "lags_sequence": [1, 2]}
ROPE = {"rope_type": "default", "rope_theta": 10_000.0}
SETTINGS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("autoformer", "informer", "time_series_transformer"), SERIES),
    **{name: {"backbone_config": ResNetConfig(**RESNET)} for name in ("detr", "conditional_detr", "deformable_detr")},
    **{name: {"encoder_num_key_value_heads": 4, "decoder_num_key_value_heads": 4} for name in ("moonshine",)},
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
UNTOLD = ("transformers_version", "model_type", "architectures", "_name_or_path", "dtype", "torch_dtype")
STAGES = ("stage_names", "out_features", "out_indices", "_out_features", "_out_indices")  # which count layers
FORCED = ("initializer_range", "decoder_start_token_id")  # which a class reads and its config lacks
TOTAL = re.compile(r"split_sizes to sum exactly to (\d+).*split_sizes=\[\d+, \d+, \d+\]")


def tiny(config_class: type[PretrainedConfig], small: dict[str, int]) -> PretrainedConfig:
    """The config of a class with small numbers for the names that say how large it is, at every depth."""
    default = config_class()
    return config_class(**shrunken(default.to_dict(), default, small))


def shrunken(settings: dict[str, Any], config: Any, small: dict[str, int]) -> dict[str, Any]:
    layers = next((settings[n] for n in ("num_hidden_layers", "n_layer", "num_layers") if settings.get(n)), None)
    made: dict[str, Any] = {}
    for name, value in settings.items():
        inner = vars(config).get(name)
        if name in UNTOLD or (name in STAGES and "stage_names" in settings and layers):
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


def part_axes(failure: Exception) -> None:
    """Learn from a failure how many pairs of channels a model parts among its axes."""
    total = TOTAL.search(str(failure))
    if total and not sections:
        sections[:] = [int(total[1]) - 2, 1, 1] if int(total[1]) > 2 else [1, 1, 0]
