"""What one message passing listens to, as a value."""

from dataclasses import dataclass
from typing import Literal

from edgewise.layers.choices import check_choices
from edgewise.layers.self_loops import SelfLoops
from edgewise.part import Part


@dataclass(frozen=True)
class Hearing:
    """One message passing, all but its widths: who hears whom, how loudly, how it is summed.

    >>> Hearing(score="additive", num_heads=8).aggregator
    'softmax'
    """

    graph: str = "edges"  # name of the graph; "a->b": senders from node set a, receivers in node set b
    score: str | Part = "dot"
    aggregator: str | Part = "softmax"
    num_heads: int = 1
    num_key_value_heads: int | None = None  # fewer heads of keys and values; a divisor of num_heads (GQA)
    head_dim: int | None = None  # channels of one head; out_dim / num_heads, or out_dim where heads are not joined
    heads: Literal["concat", "mean", "sum"] = "concat"
    share: Literal["none", "key_value", "all"] = "none"  # which of query, key and value are one projection
    project_value: bool = True  # False: the value is the sender's state itself
    value_gate: str | None = None  # activation of a second projection that multiplies the value; "sigmoid" is GLU
    value_activation: str | None = None  # of the projected value, as GraphSAGE's pooling has it
    project_output: bool = True  # False: what the heads give is the result
    projection_bias: bool = True  # of query, key and value
    output_bias: bool = True  # of the output projection, or of the result where there is none
    gate: str | None = None  # activation of the second half of what was heard, which multiplies the first
    root: str | Part | None = None  # how the receiver's own state enters
    edge_dim: int | None = None  # raw features an edge has
    edges_in: Literal["score", "value", "both"] = "both"  # what the projected edge is added to, where it is read
    self_loops: SelfLoops = "none"
    rotary: str | Part | None = None  # rotates query and key by position
    edge_bias: str | Part | None = None  # added to the logits
    dropout: float = 0.0  # probability that an edge falls out, per head
    memories: int = 0  # learned keys and values, per head, that every receiver hears besides (all-attention)

    def __post_init__(self) -> None:
        check_choices(self)
