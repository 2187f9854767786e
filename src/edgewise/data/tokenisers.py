"""How a text is cut into tokens: tokenisers that are trained on texts, or read from a file. `tokenizers` does it."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgewise.extras import require
from edgewise.part import Part

UNKNOWN = "[UNK]"
TokeniserPart = str | Part | Mapping[str, Any]  # a name in TOKENISERS, or with options: {name = "bpe", size = 4000}


def characters(texts: Iterable[str]) -> Any:
    """Each character of the texts is a token, and whatever other character comes is the token [UNK]."""
    lib = _tokenizers()
    known = sorted(set().union(*map(set, texts)))
    cut = lib.Tokenizer(lib.models.WordLevel({token: n for n, token in enumerate([UNKNOWN, *known])}, UNKNOWN))
    cut.pre_tokenizer = lib.pre_tokenizers.Split(lib.Regex(r"[\s\S]"), "isolated")
    cut.decoder = lib.decoders.Fuse()
    return cut


def utf8_bytes(texts: Iterable[str]) -> Any:
    """Each of the 256 bytes of UTF-8 is a token, so that nothing is unknown."""
    lib = _tokenizers()
    alphabet = sorted(lib.pre_tokenizers.ByteLevel.alphabet())
    cut = lib.Tokenizer(lib.models.BPE({token: n for n, token in enumerate(alphabet)}, []))
    cut.pre_tokenizer = lib.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    cut.decoder = lib.decoders.ByteLevel()
    return cut


def bpe(texts: Iterable[str], size: int = 8000) -> Any:
    """`size` tokens: bytes, and what merging the most frequent pair of tokens within words gives, again and again.

    Sennrich et al. 2016, https://arxiv.org/abs/1508.07909; on bytes, as GPT-2 has it, so that nothing is unknown.
    """
    lib = _tokenizers()
    alphabet = lib.pre_tokenizers.ByteLevel.alphabet()
    if size < len(alphabet):
        raise ValueError(f"bpe: size must be at least {len(alphabet)}, a token for each byte, got {size}")
    cut = lib.Tokenizer(lib.models.BPE())
    cut.pre_tokenizer = lib.pre_tokenizers.ByteLevel(add_prefix_space=False)
    cut.decoder = lib.decoders.ByteLevel()
    trainer = lib.trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    cut.train_from_iterator(texts, trainer)
    return cut


def wordpiece(texts: Iterable[str], size: int = 8000, lowercase: bool = True) -> Any:
    """`size` tokens: words, and pieces of words, ##ed where they do not begin one; punctuation stands alone.

    Schuster & Nakajima 2012; as BERT cuts texts, Devlin et al. 2019, https://arxiv.org/abs/1810.04805, without its
    special tokens.
    """
    lib = _tokenizers()
    cut = lib.Tokenizer(lib.models.WordPiece(unk_token=UNKNOWN))
    cut.normalizer = lib.normalizers.BertNormalizer(lowercase=lowercase)
    cut.pre_tokenizer = lib.pre_tokenizers.BertPreTokenizer()
    cut.decoder = lib.decoders.WordPiece()
    trainer = lib.trainers.WordPieceTrainer(vocab_size=size, special_tokens=[UNKNOWN], show_progress=False)
    cut.train_from_iterator(texts, trainer)
    return cut


def words(texts: Iterable[str], at_least: int = 1, size: int = 0, lowercase: bool = False) -> Any:
    """What stands between spaces is a token, where it occurs `at_least` so often; all others are the token [UNK].

    The `size` most frequent, where that is not 0.
    """
    if at_least < 1:
        raise ValueError(f"words: at_least must be at least 1, got {at_least}. It counts occurrences of a word.")
    lib = _tokenizers()
    cut = lib.Tokenizer(lib.models.WordLevel(unk_token=UNKNOWN))
    cut.normalizer = lib.normalizers.Lowercase() if lowercase else None
    cut.pre_tokenizer = lib.pre_tokenizers.WhitespaceSplit()
    trainer = lib.trainers.WordLevelTrainer(
        vocab_size=size or 2**31 - 1, min_frequency=at_least, special_tokens=[UNKNOWN], show_progress=False
    )
    cut.train_from_iterator(texts, trainer)
    return cut


def from_file(texts: Iterable[str], file: str) -> Any:
    """The tokeniser in a `tokenizer.json`, whatever made it, or in the folder that holds one; it learns nothing.

    That it pads, or cuts texts off, is left out: a batch here has no padding, and `max_tokens` says where texts end.
    """
    path = Path(file).expanduser()
    path = path / "tokenizer.json" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"tokeniser: {path}: there is no such file; a tokenizer.json is expected")
    return _read(path.read_text(encoding="utf-8"), str(path))


TOKENISERS: dict[str, Callable[..., Any]] = {
    "characters": characters,
    "bytes": utf8_bytes,
    "bpe": bpe,
    "wordpiece": wordpiece,
    "words": words,
    "file": from_file,
}


class Tokeniser:
    """A tokeniser of the library `tokenizers`, and the rule for texts that are too long: `max_tokens` are kept, if any.

    Special tokens of its own (BERT's [CLS] and [SEP]) are put around each text, and count.
    """

    def __init__(self, cut: Any, max_tokens: int = 0) -> None:
        if max_tokens < 0:
            raise ValueError(f"max_tokens must be at least 0, which keeps all, got {max_tokens}")
        self.cut, self.max_tokens = cut, max_tokens
        if max_tokens:
            cut.enable_truncation(max_tokens)

    @classmethod
    def made(cls, part: TokeniserPart, texts: Iterable[str], max_tokens: int = 0) -> "Tokeniser":
        """The tokeniser of that name, trained on these texts where it is one that learns."""
        return cls(Part.of(part).build(TOKENISERS, "tokeniser", texts=texts), max_tokens)

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> "Tokeniser":
        """What `as_table` gave."""
        return cls(_read(json.dumps(table["tokenizer"]), "data.json"), table["max_tokens"])

    def as_table(self) -> dict[str, Any]:
        """All there is to it, in words and numbers that JSON has."""
        return {"max_tokens": self.max_tokens, "tokenizer": json.loads(self.cut.to_str())}

    def __len__(self) -> int:
        return int(self.cut.get_vocab_size())

    @property
    def names(self) -> tuple[str, ...]:
        """Each token as it is written, by its number."""
        return tuple(self.cut.id_to_token(n) or f"[{n}]" for n in range(len(self)))

    def add(self, token: str) -> None:
        """Have a token that no text is cut into; nothing where there is one already."""
        if self.cut.token_to_id(token) is None:
            self.cut.add_special_tokens([token])

    def number(self, token: str) -> int:
        """The number of a token that is there."""
        found = self.cut.token_to_id(token)
        if found is None:
            raise ValueError(f"tokeniser: there is no token {token!r} among its {len(self)}")
        return int(found)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The numbers of the tokens of each text."""
        return [encoded.ids for encoded in self.cut.encode_batch(list(texts))]

    def begun(self, text: str) -> tuple[list[int], list[int]]:
        """The numbers of the tokens that a longer text begins with, and of those that are put behind texts.

        None of a text without tokens of its own.
        """
        encoded = self.cut.encode(text)
        own = [place for place, added in enumerate(encoded.special_tokens_mask) if not added]
        stop = own[-1] + 1 if own else 0
        return encoded.ids[:stop], encoded.ids[stop:]

    def text(self, ids: Sequence[int]) -> str:
        """The text that tokens spell, special ones left out."""
        return str(self.cut.decode(list(ids)))

    def unknown(self, text: str) -> list[str]:
        """What of a text there is no token for, each once: it becomes the token that stands for all unknown."""
        unknown = getattr(self.cut.model, "unk_token", None)
        number = None if unknown is None else self.cut.token_to_id(unknown)
        encoded = self.cut.encode(text, add_special_tokens=False)
        cuts = zip(encoded.ids, encoded.offsets, strict=True)
        return list(dict.fromkeys(text[start:stop] for token, (start, stop) in cuts if token == number))

    def of_words(self, sentences: Sequence[Sequence[str]]) -> Iterator[tuple[list[int], list[int | None]]]:
        """The numbers of the tokens of each sentence that is words already, and which word each token is of."""
        for encoded in self.cut.encode_batch([list(words) for words in sentences], is_pretokenized=True):
            yield encoded.ids, encoded.word_ids


def _read(text: str, where: str) -> Any:
    try:
        cut = _tokenizers().Tokenizer.from_str(text)
    except Exception as error:  # theirs is a plain Exception
        raise ValueError(f"tokeniser: {where}: this is no tokenizer.json that tokenizers can read: {error}") from error
    cut.no_padding()
    cut.no_truncation()
    return cut


def _tokenizers() -> Any:
    return require("tokenizers", extra="text")
