"""Plain text, of which every token is to be said: from those before it, or from all around it."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path

import torch

from edgewise.data.answers import Tokens
from edgewise.data.cloze_task import MASK, ClozeTask
from edgewise.data.labelled_texts import cut_by
from edgewise.data.language_task import LanguageTask
from edgewise.data.learned import Learned
from edgewise.data.parts import PARTS
from edgewise.data.splits import Split, SplitPart, drawn
from edgewise.data.text_parts import PartFiles
from edgewise.data.texts import ENDINGS, Texts, read_texts
from edgewise.data.tokenisers import Tokeniser, TokeniserPart
from edgewise.part import Part


def language(
    *,
    folder: str | Path,
    file: str = "",
    train: str = "",
    validation: str | float = "",
    test: str = "",
    text: str = "text",
    whole: bool = True,
    tokeniser: TokeniserPart = "characters",
    length: int = 256,
    context: int = 0,
    hidden: float = 0.0,
    split: SplitPart = "in_order",
    split_seed: int = 0,
    learned: Learned | None = None,
) -> LanguageTask | ClozeTask:
    """Say the next token of documents; or, where a share is `hidden`, the hidden ones, as BERT learns.

    The documents are in the one file of the folder, `file`, or a file a part. A .txt or .md is a document as a whole,
    or, with `whole = false`, a document a line; of tables and saved data sets a row is one, in column `text`. One
    `whole` text is split in order, by its characters, and no other split can part it. Documents are cut into rows of
    `length` tokens; in validation and test the first `context` of a row are only heard (`LanguageTask` says how).
    """
    files = PartFiles(Path(folder), file, train, validation, test, split_seed)
    if learned is not None:
        files = files._replace(train="", validation="", test="")
    read, given = files.read(lambda place: _read(place, text, whole), ENDINGS, "language")
    documents = [document for each in read for document in each.texts]
    numbers: Split
    if learned is not None:
        numbers = learned.split(len(documents))
    elif given:
        numbers = files.split([len(each.texts) for each in read])
    elif len(documents) == 1:
        documents, numbers = _in_order(documents[0], split)
    else:
        known = torch.zeros(len(documents), dtype=torch.int64)
        numbers = drawn(split, targets=known, answer=Tokens(("any",)), seed=split_seed)
    parts = {part: index.tolist() for part, index in zip(PARTS, numbers, strict=True)}
    if learned is None:
        cut = Tokeniser.made(tokeniser, [documents[k] for k in parts["train"]])
        if hidden:
            cut.add(MASK)
    else:
        cut = Tokeniser.of(learned.encoders["tokeniser"])
    tokens = cut.ids(documents)
    short = ", ".join(each.file.name for each in read)
    name = f"language {short.partition('.')[0]}"
    notes = (
        f"{'1 document' if len(documents) == 1 else f'{len(documents)} documents'} of {short}.",
        cut_by(tokeniser, cut, tokens),
        f"The split is {'that of the files' if given else Part.of(split)}, seed {split_seed}."
        if learned is None
        else "Nothing is learned from it.",
    )
    encoders, answer = {"tokeniser": cut.as_table()}, Tokens(cut.names)
    if hidden:
        return ClozeTask.of(name, tokens, parts, answer, cut, length=length, hidden=hidden, notes=notes)
    return LanguageTask(
        name=name,
        tokens=torch.tensor([token for document in tokens for token in document]),
        documents=torch.tensor([0, *accumulate(map(len, tokens))]),
        parts=parts,
        answer=answer,
        length=length,
        context=context,
        units={part: _units([documents[k] for k in index]) for part, index in parts.items()},
        notes=notes,
        encoders=encoders,
        learns=learned is None,
    )


def _read(place: Path, column: str, whole: bool) -> Texts:
    return read_texts(place, whole=whole) if place.suffix in (".txt", ".md") else read_texts(place, column=column)


def _in_order(text: str, split: SplitPart) -> tuple[list[str], Split]:
    """One text as three, one after another."""
    if Part.of(split).name != "in_order":
        raise ValueError(
            f'language: one text can only be split in order, got split {Part.of(split).name!r}; take "in_order", or'
            " whole = false for a document a line"
        )
    places = drawn(split, targets=torch.zeros(len(text), dtype=torch.int64), answer=Tokens(("any",)), seed=0)
    ends = [0, *accumulate(map(len, places))]
    texts = [text[start:stop] for start, stop in pairwise(ends)]
    return texts, Split(*(torch.tensor([k]) for k in range(3)))


def _units(documents: Sequence[str]) -> dict[str, int]:
    """How many there are in documents, the first token aside, which nobody is asked: so figures per unit are exact
    where tokens are characters, and to one unit a document where they are not."""
    return {
        "characters": sum(len(document) - 1 for document in documents),
        "words": sum(len(document.split()) for document in documents),
        "bytes": sum(len(document.encode()) - 1 for document in documents),
    }
