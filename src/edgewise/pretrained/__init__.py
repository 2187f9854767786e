"""Other people's names: checkpoints of other libraries <-> ours, a two-way table each."""

from edgewise.pretrained.attention_interface import register
from edgewise.pretrained.bert import bert
from edgewise.pretrained.checkpoint import checkpoint
from edgewise.pretrained.embed import embed
from edgewise.pretrained.gpt2 import gpt2
from edgewise.pretrained.hugging_face import HuggingFace
from edgewise.pretrained.llama import llama
from edgewise.pretrained.names_table import NamesTable, Row
from edgewise.pretrained.open_model import Opened, open_model
from edgewise.pretrained.pooling import Pooling
from edgewise.pretrained.pyg import PYG, from_pyg, to_pyg
from edgewise.pretrained.rewire import restore, rewire
from edgewise.pretrained.torch_nn import from_torch, to_torch

HUGGING_FACE: dict[str, HuggingFace] = {"bert": bert, "gpt2": gpt2, "llama": llama}

__all__ = [
    "HUGGING_FACE",
    "PYG",
    "HuggingFace",
    "NamesTable",
    "Opened",
    "Pooling",
    "Row",
    "bert",
    "checkpoint",
    "embed",
    "from_pyg",
    "from_torch",
    "gpt2",
    "llama",
    "open_model",
    "register",
    "restore",
    "rewire",
    "to_pyg",
    "to_torch",
]
