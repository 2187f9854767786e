"""BertModel of Hugging Face <-> our page of BERT."""

from edgewise import models
from edgewise.models import NetworkConfig
from edgewise.pretrained.hugging_face import HuggingFace
from edgewise.pretrained.names_table import Row
from edgewise.pretrained.settings import Settings


def _page(settings: Settings) -> NetworkConfig:
    for name, value in (
        ("hidden_act", "gelu"),
        ("position_embedding_type", "absolute"),
        ("is_decoder", False),
        ("add_cross_attention", False),
    ):
        settings.expect(name, value)
    # Both speak of what stands on BertModel.
    settings.take("tie_word_embeddings", True)
    settings.take("classifier_dropout", None)
    return models.bert(
        tokens=settings.take("vocab_size", 30522),
        dim=settings.take("hidden_size", 768),
        num_heads=settings.take("num_attention_heads", 12),
        num_layers=settings.take("num_hidden_layers", 12),
        hidden=settings.take("intermediate_size", 3072),
        max_length=settings.take("max_position_embeddings", 512),
        kinds=settings.take("type_vocab_size", 2),
        norm_eps=settings.take("layer_norm_eps", 1e-12),
        dropout=settings.alike("hidden_dropout_prob", "attention_probs_dropout_prob", default=0.1),
    )


bert = HuggingFace(
    architecture="BertModel",
    model_type="bert",
    prefix="",
    rows=(
        Row("embeddings.word_embeddings.weight", "embed.nodes.tokens.weight"),
        Row("embeddings.position_embeddings.weight", "embed.nodes.positions.0.table.weight"),
        Row("embeddings.token_type_embeddings.weight", "embed.nodes.kinds.weight"),
        Row("embeddings.LayerNorm.*", "embed.nodes.norm.*"),
        Row("encoder.layer.{n}.attention.self.query.*", "blocks.{n}.hearings.0.projections.to_query.*"),
        Row("encoder.layer.{n}.attention.self.key.*", "blocks.{n}.hearings.0.projections.to_key.*"),
        Row("encoder.layer.{n}.attention.self.value.*", "blocks.{n}.hearings.0.projections.to_value.*"),
        Row("encoder.layer.{n}.attention.output.dense.*", "blocks.{n}.hearings.0.output.*"),
        Row("encoder.layer.{n}.attention.output.LayerNorm.*", "blocks.{n}.around.0.norm.*"),
        Row("encoder.layer.{n}.intermediate.dense.*", "blocks.{n}.feed_forward.widen.*"),
        Row("encoder.layer.{n}.output.dense.*", "blocks.{n}.feed_forward.narrow.*"),
        Row("encoder.layer.{n}.output.LayerNorm.*", "blocks.{n}.around_feed_forward.norm.*"),
    ),
    head=(),
    page=_page,
)
"""Differs: the pooler, a projection of the first word's state that only some heads read, has no place in our page. Give
`skip=("pooler.*",)` where a state has one (for BertFor… models `prefix="bert."` and their heads' names as well).
"""
