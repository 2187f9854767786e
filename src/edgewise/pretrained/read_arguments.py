"""Which arguments of a call a model reads: transformers takes any other, and does nothing with it."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from edgewise.extras import require
from edgewise.pretrained.own_mask import OwnMask

# Read by every loss and backend, or by none that matters here; what `Asked` looks after is among them.
EVERYWHERE = frozenset({"return_dict", "num_items_in_batch", "is_causal", "seq_idx", "cu_seq_lens_q", "cu_seq_lens_k"})
LENGTHS = ("cu_seq_lens_q", "cu_seq_lens_k")


def read_arguments(model: nn.Module) -> set[str]:
    """What a model, the models in it and its loss have a name for, and the outputs that they can return."""
    transformers = require("transformers", extra="text")
    known = {*EVERYWHERE, "max_length_q", "max_length_k"}
    for module in model.modules():
        names = set(inspect.signature(module.forward).parameters)
        if isinstance(module, transformers.PreTrainedModel):
            known |= names | {f"output_{name}" for name in getattr(module, "_can_record_outputs", None) or ()}
        known |= {name for name in names if name.startswith("output_")}
    # transformers warns of a loss that a model without one is asked for.
    loss: Any = "labels" in inspect.signature(model.forward).parameters and getattr(model, "loss_function", None)
    if callable(loss):
        known |= set(inspect.signature(loss).parameters) - {"logits", "vocab_size"}
    return known - {"args", "kwargs"}


@dataclass(frozen=True, eq=False)
class Asked:
    """What a call says of who hears whom in words that some backends read and others do not.

    is_causal: whether everybody is to hear those before alone; None where nothing is said.
    sequences: a number for each position, the same within a packed sequence; None where nothing is said.
    name: the argument that says so.
    """

    is_causal: bool | None = None
    sequences: Int64[Tensor, "batch positions"] | None = None
    name: str = ""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Asked":
        """Read from the arguments of a call."""
        is_causal, index = given.get("is_causal"), given.get("seq_idx")
        lengths = [(name, given[name]) for name in LENGTHS if given.get(name) is not None]
        if index is not None:
            return cls(is_causal, index.long().cpu().reshape(-1, index.shape[-1]), "seq_idx")
        if not lengths:
            return cls(is_causal)
        name, starts = lengths[0]
        starts = starts.long().cpu()
        position = torch.arange(int(starts[-1]))
        return cls(is_causal, torch.searchsorted(starts, position, right=True)[None], name)

    def check(self, path: str, mask: OwnMask) -> None:
        """Refuse a call whose mask does not do what was asked for."""
        band = mask.band
        if self.is_causal is not None and (band is None or (band.after == 0) != self.is_causal):
            raise ValueError(
                f"rewire: is_causal={self.is_causal} was asked for, and {path} makes its mask without it; leave it "
                + ("out, and give the pattern causal" if self.is_causal else "out: the mask stays as it is")
            )
        if self.sequences is None:
            return
        made = None if band is None or band.sequences is None else band.sequences
        turns = None if made is None else made.diff() != 0
        wanted = self.sequences.diff() != 0
        same = not wanted.any() if turns is None else turns.shape[1:] == wanted.shape[1:] and (turns == wanted).all()
        if not bool(same):
            raise ValueError(
                f"rewire: {self.name}= says where packed sequences begin, and {path} makes its mask without it, so "
                "that they would hear each other. Give position_ids= that begin anew with each sequence, and no "
                "attention_mask="
            )
