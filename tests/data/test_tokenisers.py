import json

import pytest
from tests.tiny_checkpoints import tokenizer

from edgewise.data.tokenisers import TOKENISERS, Tokeniser
from edgewise.part import Part

TEXTS = ["The cat sat.", "A cat, a hat!", "naïve café"]
TRAINED = {"characters": {}, "bytes": {}, "bpe": {"size": 270}, "wordpiece": {"size": 60}, "words": {}}


def test_every_trained_tokeniser_is_tried_here():
    assert {*TRAINED, "file"} == set(TOKENISERS)


@pytest.mark.parametrize("name", TRAINED)
def test_a_tokeniser_kept_as_a_table_cuts_the_same(name):
    made = Tokeniser.made(Part(name, TRAINED[name]), TEXTS)
    again = Tokeniser.of(json.loads(json.dumps(made.as_table())))
    assert made.ids([*TEXTS, "zebras €"]) == again.ids([*TEXTS, "zebras €"]) and len(made.names) == len(made)


@pytest.mark.parametrize("name", ["characters", "bytes", "bpe"])
def test_what_it_has_seen_comes_back_whole(name):
    made = Tokeniser.made(Part(name, TRAINED[name]), TEXTS)
    assert [made.cut.decode(ids) for ids in made.ids(TEXTS)] == TEXTS


def test_characters_are_tokens_and_strangers_are_unknown():
    made = Tokeniser.made("characters", ["ba\n"])
    assert made.names == ("[UNK]", "\n", "a", "b") and made.ids(["ab\nc"]) == [[2, 3, 1, 0]]


def test_bytes_know_everything():
    assert [len(ids) for ids in Tokeniser.made("bytes", []).ids(["a", "é", "€"])] == [1, 2, 3]


def test_rare_words_are_unknown():
    made = Tokeniser.made({"name": "words", "at_least": 2, "lowercase": True}, ["the The cat"])
    assert made.ids(["THE cat"]) == [[1, 0]]


def test_the_first_tokens_are_kept():
    assert Tokeniser.made("characters", ["abc"], max_tokens=2).ids(["cab"]) == [[3, 1]]
    assert Tokeniser.of(Tokeniser.made("characters", ["abc"], max_tokens=2).as_table()).ids(["cab"]) == [[3, 1]]


def test_a_file_learns_nothing_and_neither_pads_nor_cuts(tmp_path):
    made = Tokeniser.made("words", TEXTS).cut
    made.enable_padding(length=9)
    made.enable_truncation(1)
    made.save(str(tmp_path / "tokenizer.json"))
    for place in (tmp_path, tmp_path / "tokenizer.json"):
        assert [len(ids) for ids in Tokeniser.made({"name": "file", "file": str(place)}, []).ids(TEXTS)] == [3, 4, 2]


def test_words_know_their_tokens():
    made = Tokeniser.made({"name": "wordpiece", "size": 60}, TEXTS)
    ids, words = next(made.of_words([("cat", "naïvely")]))
    assert len(ids) == len(words) and sorted(set(words)) == [0, 1]


@pytest.mark.parametrize("name", ["characters", "bytes", "bpe"])
def test_tokens_spell_the_text_they_were_cut_from(name):
    made = Tokeniser.made(Part(name, TRAINED[name]), TEXTS)
    assert [made.text(ids) for ids in made.ids(TEXTS)] == TEXTS


def test_a_text_goes_on_before_what_is_put_behind_it():
    made = Tokeniser(tokenizer().backend_tokenizer)
    (cls, the, cat), (sep,) = made.begun("the cat")
    assert [made.names[token] for token in (cls, the, cat, sep)] == ["[CLS]", "the", "cat", "[SEP]"]
    assert made.begun("the cat [SEP]") == ([cls, the, cat, sep], [sep]) and made.begun(" ")[0] == []
    assert Tokeniser.made("characters", TEXTS).begun("cat")[1] == []


def test_what_there_is_no_token_for_is_named_once():
    assert Tokeniser.made("characters", ["ab"]).unknown("abcxc") == ["c", "x"]
    assert Tokeniser.made("words", ["a cat"]).unknown("a dog a cat") == ["dog"]
    assert Tokeniser.made("bytes", []).unknown("ü") == []


def test_a_token_is_added_once():
    made = Tokeniser.made("characters", ["ab"])
    made.add("[MASK]")
    made.add("[MASK]")
    assert (len(made), made.number("[MASK]")) == (4, 3)


def test_what_is_wrong_is_told(tmp_path):
    with pytest.raises(ValueError, match="bpe: size must be at least 256, a token for each byte, got 10"):
        Tokeniser.made({"name": "bpe", "size": 10}, TEXTS)
    with pytest.raises(ValueError, match="words: at_least must be at least 1, got 0. It counts occurrences"):
        Tokeniser.made({"name": "words", "at_least": 0}, TEXTS)
    with pytest.raises(FileNotFoundError, match=r"there is no such file; a tokenizer.json is expected"):
        Tokeniser.made({"name": "file", "file": str(tmp_path / "none.json")}, TEXTS)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match="this is no tokenizer.json that tokenizers can read"):
        Tokeniser.made({"name": "file", "file": str(tmp_path)}, TEXTS)
    with pytest.raises(ValueError, match="max_tokens must be at least 0, which keeps all, got -1"):
        Tokeniser.made("characters", TEXTS, max_tokens=-1)
    with pytest.raises(ValueError, match=r"tokeniser: there is no token '\[MASK\]' among its"):
        Tokeniser.made("characters", TEXTS).number("[MASK]")
