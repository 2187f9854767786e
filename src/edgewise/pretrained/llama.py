"""LlamaForCausalLM of Hugging Face <-> our page of Llama."""

from edgewise import models
from edgewise.models import NetworkConfig
from edgewise.pretrained.hugging_face import HuggingFace
from edgewise.pretrained.names_table import Row
from edgewise.pretrained.settings import Settings


def _page(settings: Settings) -> NetworkConfig:
    for name, value in (
        ("hidden_act", "silu"),
        ("attention_bias", False),
        ("mlp_bias", False),
        ("attention_dropout", 0.0),
        ("rope_scaling", None),
    ):
        settings.expect(name, value)
    # Rotary positions have no longest text, and slicing the matrices of pretraining changes no number.
    for name in ("max_position_embeddings", "pretraining_tp"):
        settings.take(name, None)
    return models.llama(
        tokens=settings.take("vocab_size", 32000),
        dim=settings.take("hidden_size", 4096),
        num_heads=settings.take("num_attention_heads", 32),
        num_key_value_heads=settings.take("num_key_value_heads", None),
        head_dim=settings.take("head_dim", None),
        num_layers=settings.take("num_hidden_layers", 32),
        hidden=settings.take("intermediate_size", 11008),
        rotary_base=_rotary_base(settings),
        norm_eps=settings.take("rms_norm_eps", 1e-6),
        tied=settings.take("tie_word_embeddings", False),
    )


def _rotary_base(settings: Settings) -> float:
    """Of either spelling: `rope_theta`, or with transformers 5 a table, which may not stretch the angles."""
    table = dict(settings.take("rope_parameters", {}))
    base: float = settings.take("rope_theta", table.pop("rope_theta", 10000.0))
    if table.pop("rope_type", "default") != "default" or table:
        raise ValueError(
            f"config_from_hf, llama: rope_parameters must be of rope_type 'default' with a rope_theta alone, got "
            f"{settings.take('rope_parameters', {})}; rotary positions are not scaled here"
        )
    return base


llama = HuggingFace(
    architecture="LlamaForCausalLM",
    model_type="llama",
    prefix="model.",
    rows=(
        Row("embed_tokens.weight", "embed.nodes.tokens.weight"),
        Row("layers.{n}.input_layernorm.weight", "blocks.{n}.around.0.norm.weight"),
        Row("layers.{n}.self_attn.q_proj.weight", "blocks.{n}.hearings.0.projections.to_query.weight"),
        Row("layers.{n}.self_attn.k_proj.weight", "blocks.{n}.hearings.0.projections.to_key.weight"),
        Row("layers.{n}.self_attn.v_proj.weight", "blocks.{n}.hearings.0.projections.to_value.weight"),
        Row("layers.{n}.self_attn.o_proj.weight", "blocks.{n}.hearings.0.output.weight"),
        Row("layers.{n}.post_attention_layernorm.weight", "blocks.{n}.around_feed_forward.norm.weight"),
        Row("layers.{n}.mlp.gate_proj.weight", "blocks.{n}.feed_forward.gate.weight"),
        Row("layers.{n}.mlp.up_proj.weight", "blocks.{n}.feed_forward.widen.weight"),
        Row("layers.{n}.mlp.down_proj.weight", "blocks.{n}.feed_forward.narrow.weight"),
        Row("norm.weight", "norm.weight"),
    ),
    head=(Row("lm_head.weight", "head.project.weight"),),
    page=_page,
)
"""Where `tie_word_embeddings` is set, `lm_head.weight` may be left out, as it is in files."""
