"""PEOPLE: a file per verb. Nothing here imports torch before a verb needs it."""

from edgewise.cli.main import main

__all__ = ["main"]
