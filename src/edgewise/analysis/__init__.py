"""LOOKING: what a trained network says of the data, and what another graph makes of a pretrained one."""

from edgewise.analysis.beside import Beside, Side, beside
from edgewise.analysis.quality import Classes, Cosines, MaskedTokens, Perplexity, Quality
from edgewise.analysis.suggestions import Suggestions, suggest

__all__ = [
    "Beside",
    "Classes",
    "Cosines",
    "MaskedTokens",
    "Perplexity",
    "Quality",
    "Side",
    "Suggestions",
    "beside",
    "suggest",
]
