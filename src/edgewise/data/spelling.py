"""How words are spelled: their characters as nodes of their own, which the word hears."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.data.batch import NODES
from edgewise.data.tokenisers import Tokeniser
from edgewise.graph import Graph
from edgewise.patterns import complete

CHARACTERS = "characters"  # the node set
WITHIN, INTO = f"{CHARACTERS}->{CHARACTERS}", f"{CHARACTERS}->{NODES}"  # its graphs


@dataclass(frozen=True, eq=False)
class Spelling:
    """Of each text, the characters of its words, word after word: so a word never seen is known by how it is written.

        j -> i in "characters->characters"   iff   both are characters of the same word, each word a graph of the batch
        j -> i in "characters->nodes"        iff   character j is of the word that token i is of

    A token that is of no word, such as [CLS], hears none; each token of a word that was cut into several hears all.
    """

    texts: Sequence[Tensor]  # Int64[Tensor, "characters"] of each text
    counts: Sequence[Sequence[int]]  # of each text, how many characters each word has
    words: Sequence[Sequence[int | None]]  # of each text, the word of each token
    known: int  # characters in the vocabulary

    @classmethod
    def of(
        cls, sentences: Sequence[Sequence[str]], words: Sequence[Sequence[int | None]], cut: Tokeniser
    ) -> "Spelling":
        """The characters of the words of sentences, by a tokeniser of characters."""
        ids = [cut.ids(list(sentence)) for sentence in sentences]
        return cls(
            [torch.tensor([token for word in sentence for token in word], dtype=torch.int64) for sentence in ids],
            [[len(word) for word in sentence] for sentence in ids],
            words,
            len(cut),
        )

    def batch(self, numbers: Sequence[int]) -> tuple[Tensor, list[int], dict[str, Graph]]:
        """The characters of these texts, how many each text has, and the two graphs."""
        characters = torch.cat([self.texts[k] for k in numbers])
        counts = [count for k in numbers for count in self.counts[k]]
        ends = torch.tensor([0, *counts]).cumsum(0)
        first = [0, *torch.tensor([len(self.counts[k]) for k in numbers]).cumsum(0).tolist()]
        word_of = [
            -1 if word is None else word + before
            for k, before in zip(numbers, first, strict=False)
            for word in self.words[k]
        ]
        heard = [(i, word) for i, word in enumerate(word_of) if word >= 0]
        tokens, words = torch.tensor(heard, dtype=torch.int64).reshape(-1, 2).unbind(1)
        many = ends.diff()[words]
        receivers = tokens.repeat_interleave(many)
        within = torch.arange(len(receivers)) - (many.cumsum(0) - many).repeat_interleave(many)
        senders = ends[words].repeat_interleave(many) + within
        into = Graph.from_edges(senders, receivers, num_senders=len(characters), num_receivers=len(word_of))
        among = complete().build_batch(counts)
        lengths = [len(self.texts[k]) for k in numbers]
        return characters, lengths, {WITHIN: among, INTO: into}

    def to(self, device: torch.device | str) -> "Spelling":
        """The same with its characters on `device`."""
        return Spelling([text.to(device) for text in self.texts], self.counts, self.words, self.known)
