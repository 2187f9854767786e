"""Treebanks in CoNLL-U as texts whose words are to be tagged; their trees come along, to be heard."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edgewise.data.answers import UNKNOWN, Classes
from edgewise.data.conllu import read_conllu
from edgewise.data.encoders import by_number
from edgewise.data.labelled_texts import cut_by
from edgewise.data.learned import Learned
from edgewise.data.sentence import Sentence
from edgewise.data.spelling import Spelling
from edgewise.data.splits import Split, SplitPart, drawn
from edgewise.data.subwords import token_heads
from edgewise.data.text_parts import PartFiles
from edgewise.data.text_task import TextTask, of_words
from edgewise.data.tokenisers import Tokeniser, TokeniserPart
from edgewise.part import Part


def treebank(
    *,
    folder: str | Path,
    target: str = "upos",
    file: str = "",
    train: str = "",
    validation: str | float = "",
    test: str = "",
    tokeniser: TokeniserPart = "wordpiece",
    characters: bool = False,
    split: SplitPart = "random",
    split_seed: int = 0,
    learned: Learned | None = None,
) -> TextTask:
    """Say the `target` column of every word of a treebank, in the one .conllu of the folder, `file`, or a file a part.

    Words are cut into tokens one by one, and a word's first token stands for it; that of its tree is the graph that the
    pattern "tree()" hears, by the rules of `token_heads`. With `characters`, each word hears how it is spelled,
    too, in models that read them; those of the train part are known. A column is upos, xpos, deprel, or a key of FEATS
    or MISC; a word without a value (_) is heard and not asked about. A word of which the tokeniser makes no token is an
    error.
    """
    files = PartFiles(Path(folder), file, train, validation, test, split_seed)
    if learned is not None:
        files = files._replace(train="", validation="", test="")
    read, given = files.read(read_conllu, (".conllu",), "treebank")
    sentences = [sentence for part in read for sentence in part]
    values = [_values(sentence, target, learned) for sentence in sentences]
    if learned is None:
        parts = files.split([len(part) for part in read]) if given else _drawn(split, len(sentences), split_seed)
        learned_from = [" ".join(sentences[k].words) for k in parts.train.tolist()]
        cut = Tokeniser.made(tokeniser, learned_from)
        letters = Tokeniser.made("characters", learned_from) if characters else None
        answer = Classes(tuple(sorted({tag for tags in values for tag in tags if tag is not None}, key=by_number)))
    else:
        parts, cut = learned.split(len(sentences)), Tokeniser.of(learned.encoders["tokeniser"])
        letters = Tokeniser.of(learned.encoders["characters"]) if characters else None
        assert isinstance(learned.answer, Classes)
        answer = learned.answer
    texts, trees, places, of, ids = _tokens(sentences, cut, folder)
    spelling = None if letters is None else Spelling.of([s.words for s in sentences], of, letters)
    number = {name: n for n, name in enumerate(answer.names)}
    targets = torch.tensor([_numbered(tag, number, target) for tags in values for tag in tags], dtype=torch.int64)
    words = of_words(parts, places)
    if learned is None:  # heard and not asked about
        words = Split(*(part[targets[part] != UNKNOWN] for part in words))
    name = target if not file else f"{target} of {Path(file).stem}"
    return TextTask(
        name=f"treebank {name}",
        texts=texts,
        targets=targets,
        **words._asdict(),
        answer=answer,
        tokens=len(cut),
        places=places,
        trees=trees,
        spelling=spelling,
        notes=(
            f"{len(sentences)} sentences of {len(targets)} words; {target} of each.",
            cut_by(tokeniser, cut, texts),
            f"The split is {'that of the files' if given else Part.of(split)}, seed {split_seed}."
            if learned is None
            else "Nothing is learned from it.",
        ),
        encoders={"tokeniser": cut.as_table(), **({} if letters is None else {"characters": letters.as_table()})},
        learns=learned is None,
        ids=ids,
    )


def _values(sentence: Sentence, target: str, learned: Learned | None) -> Sequence[str | None]:
    if learned is not None and not learned.targets:
        return (None,) * len(sentence)
    return sentence.column(target)


def _drawn(split: SplitPart, count: int, seed: int) -> Split:
    known = torch.zeros(count, dtype=torch.int64)
    return drawn(split, targets=known, answer=Classes(("any",)), seed=seed)


def _numbered(tag: str | None, number: dict[str, int], target: str) -> int:
    if tag is None:
        return UNKNOWN
    if tag not in number:
        raise ValueError(
            f"treebank: {target} {tag!r} is none that training has seen: {', '.join(number)}; write _ to leave it out"
        )
    return number[tag]


def _tokens(
    sentences: Sequence[Sentence], cut: Tokeniser, folder: str | Path
) -> tuple[list[Tensor], list[list[int]], list[Tensor], list[list[int | None]], dict[str, list[Any]]]:
    """Of each sentence its tokens, their heads, the tokens that stand for words, and the word of each token; and which
    word each example is."""
    texts, trees, places, of = [], [], [], []
    for sentence, (ids, words) in zip(sentences, cut.of_words([s.words for s in sentences]), strict=True):
        first: dict[int, int] = {}
        for token, word in enumerate(words):
            if word is not None:
                first.setdefault(word, token)
        missing = next((word for word in range(len(sentence)) if word not in first), None)
        if missing is not None:
            raise ValueError(
                f"{folder}: the tokeniser makes no token of word {missing + 1}, {sentence.words[missing]!r}, of"
                f" {sentence.id or sentence.text[:40]!r}; take another tokeniser"
            )
        texts.append(torch.tensor(ids))
        of.append(words)
        trees.append(token_heads(sentence.heads, words))
        places.append(torch.tensor([first[word] for word in range(len(sentence))]))
    ids_of: dict[str, list[Any]] = {
        "sentence": [s.id or str(n + 1) for n, s in enumerate(sentences) for _ in s.words],
        "word": [n + 1 for s in sentences for n in range(len(s))],
        "form": [form for s in sentences for form in s.words],
    }
    return texts, trees, places, of, ids_of
