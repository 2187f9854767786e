"""LOOKING: what a trained network says of the data."""

from edgewise.analysis.suggestions import Suggestions, suggest

__all__ = ["Suggestions", "suggest"]
