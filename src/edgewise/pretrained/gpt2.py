"""GPT2LMHeadModel of Hugging Face <-> our page of GPT-2."""

from edgewise import models
from edgewise.models import NetworkConfig
from edgewise.pretrained.hugging_face import HuggingFace
from edgewise.pretrained.names_table import Row
from edgewise.pretrained.settings import Settings


def _page(settings: Settings) -> NetworkConfig:
    for name, value in (
        ("activation_function", "gelu_new"),
        ("scale_attn_weights", True),
        ("scale_attn_by_inverse_layer_idx", False),
        ("reorder_and_upcast_attn", False),
        ("add_cross_attention", False),
    ):
        settings.expect(name, value)
    # The first repeats n_positions, the others speak of a classifier that stands on GPT-2.
    for name in ("n_ctx", *(f"summary_{what}" for what in SUMMARY)):
        settings.take(name, None)
    return models.gpt2(
        tokens=settings.take("vocab_size", 50257),
        dim=settings.take("n_embd", 768),
        num_heads=settings.take("n_head", 12),
        num_layers=settings.take("n_layer", 12),
        hidden=settings.take("n_inner", None),
        max_length=settings.take("n_positions", 1024),
        norm_eps=settings.take("layer_norm_epsilon", 1e-5),
        dropout=settings.alike("resid_pdrop", "embd_pdrop", "attn_pdrop", default=0.1),
        tied=settings.take("tie_word_embeddings", True),
    )


SUMMARY = ("type", "use_proj", "activation", "proj_to_labels", "first_dropout")
_PROJECTIONS = tuple(f"blocks.{{n}}.hearings.0.projections.{name}.*" for name in ("to_query", "to_key", "to_value"))

# Their Conv1D keeps a matrix as [in, out].
gpt2 = HuggingFace(
    architecture="GPT2LMHeadModel",
    model_type="gpt2",
    prefix="transformer.",
    rows=(
        Row("wte.weight", "embed.nodes.tokens.weight"),
        Row("wpe.weight", "embed.nodes.positions.0.table.weight"),
        Row("h.{n}.ln_1.*", "blocks.{n}.around.0.norm.*"),
        Row("h.{n}.attn.c_attn.*", _PROJECTIONS, transposed=True),
        Row("h.{n}.attn.c_proj.*", "blocks.{n}.hearings.0.output.*", transposed=True),
        Row("h.{n}.ln_2.*", "blocks.{n}.around_feed_forward.norm.*"),
        Row("h.{n}.mlp.c_fc.*", "blocks.{n}.feed_forward.widen.*", transposed=True),
        Row("h.{n}.mlp.c_proj.*", "blocks.{n}.feed_forward.narrow.*", transposed=True),
        Row("ln_f.*", "norm.*"),
    ),
    head=(Row("lm_head.weight", "head.project.weight"),),
    page=_page,
)
"""The files that OpenAI's release was converted to hold the base model alone: `prefix=""`, and causal masks that were
kept as if they were weights: `skip=("h.*.attn.bias",)`.
"""
