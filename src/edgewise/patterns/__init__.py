"""How a graph comes to be: patterns, and the text that names them."""

from edgewise.patterns.blocks import blocks
from edgewise.patterns.causal import causal
from edgewise.patterns.complete import complete
from edgewise.patterns.expression import Complement, Difference, Intersection, Union
from edgewise.patterns.fixed import fixed
from edgewise.patterns.grid import grid
from edgewise.patterns.hubs import hubs
from edgewise.patterns.links import links
from edgewise.patterns.nodes import Nodes
from edgewise.patterns.parse import parse
from edgewise.patterns.pattern import Pattern
from edgewise.patterns.random_regular import random_regular
from edgewise.patterns.ring import ring
from edgewise.patterns.sequences import Sequences
from edgewise.patterns.spans import spans
from edgewise.patterns.strided import strided
from edgewise.patterns.tree import tree
from edgewise.patterns.window import window

PATTERNS: dict[str, type[Pattern]] = {
    "complete": complete,
    "causal": causal,
    "window": window,
    "strided": strided,
    "fixed": fixed,
    "blocks": blocks,
    "hubs": hubs,
    "random_regular": random_regular,
    "grid": grid,
    "ring": ring,
    "tree": tree,
    "spans": spans,
    "links": links,
}

__all__ = [
    "PATTERNS",
    "Complement",
    "Difference",
    "Intersection",
    "Nodes",
    "Pattern",
    "Sequences",
    "Union",
    "blocks",
    "causal",
    "complete",
    "fixed",
    "grid",
    "hubs",
    "links",
    "parse",
    "random_regular",
    "ring",
    "spans",
    "strided",
    "tree",
    "window",
]
