"""EXAMPLES: files become graphs, features and targets."""

from collections.abc import Callable

from edgewise.data.answers import Answer, Classes, Labels, Linked, Numbers, OneOf, Tokens
from edgewise.data.batch import Batch
from edgewise.data.cloze_task import ClozeTask
from edgewise.data.conllu import read_conllu
from edgewise.data.cora import cora
from edgewise.data.documents import documents
from edgewise.data.encoders import ENCODERS
from edgewise.data.features import NORMALISERS
from edgewise.data.graph_task import GraphTask
from edgewise.data.labelled_texts import labelled_texts
from edgewise.data.language import language
from edgewise.data.language_task import LanguageTask
from edgewise.data.learned import ANSWERS, Learned
from edgewise.data.link_task import LinkTask, links_of
from edgewise.data.masked_task import MaskedTask
from edgewise.data.molecules import molecules
from edgewise.data.musae import musae
from edgewise.data.neighbours import Neighbours
from edgewise.data.networkx import from_networkx
from edgewise.data.node_task import NodeTask
from edgewise.data.packing import pack, packed_batch
from edgewise.data.planetoid import planetoid
from edgewise.data.pyg import from_pyg, graphs_from_pyg
from edgewise.data.random_walks import RandomWalks
from edgewise.data.sampling import Sampling
from edgewise.data.sentence import Sentence
from edgewise.data.sentence_batch import sentence_batch
from edgewise.data.splits import SPLITS, Split, per_class, scaffold, shares
from edgewise.data.subwords import token_heads, token_labels, token_spans
from edgewise.data.tables import tables
from edgewise.data.target_columns import TARGETS
from edgewise.data.task import Task
from edgewise.data.text_task import TextTask
from edgewise.data.texts import Texts, read_texts
from edgewise.data.tokenisers import TOKENISERS, Tokeniser
from edgewise.data.treebank import treebank
from edgewise.data.tu import tu
from edgewise.data.wordnet import wordnet

DATASETS: dict[str, Callable[..., Task]] = {
    "cora": cora,
    "planetoid": planetoid,
    "musae": musae,
    "tables": tables,
    "tu": tu,
    "molecules": molecules,
    "wordnet": wordnet,
    "texts": labelled_texts,
    "treebank": treebank,
    "language": language,
}

SAMPLINGS: dict[str, type[Sampling]] = {"neighbours": Neighbours, "random_walks": RandomWalks}

__all__ = [
    "ANSWERS",
    "DATASETS",
    "ENCODERS",
    "NORMALISERS",
    "SAMPLINGS",
    "SPLITS",
    "TARGETS",
    "TOKENISERS",
    "Answer",
    "Batch",
    "Classes",
    "ClozeTask",
    "GraphTask",
    "Labels",
    "LanguageTask",
    "Learned",
    "LinkTask",
    "Linked",
    "MaskedTask",
    "Neighbours",
    "NodeTask",
    "Numbers",
    "OneOf",
    "RandomWalks",
    "Sampling",
    "Sentence",
    "Split",
    "Task",
    "TextTask",
    "Texts",
    "Tokeniser",
    "Tokens",
    "cora",
    "documents",
    "from_networkx",
    "from_pyg",
    "graphs_from_pyg",
    "labelled_texts",
    "language",
    "links_of",
    "molecules",
    "musae",
    "pack",
    "packed_batch",
    "per_class",
    "planetoid",
    "read_conllu",
    "read_texts",
    "scaffold",
    "sentence_batch",
    "shares",
    "tables",
    "token_heads",
    "token_labels",
    "token_spans",
    "treebank",
    "tu",
    "wordnet",
]
