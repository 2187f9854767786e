"""Sentences of a treebank along their trees, phrases and mentions: what a rewired model hears is the rule's own."""

import pytest
import torch
import transformers as hf
from tests.equal import assert_equal_as_promised
from tests.pretrained.eager_along import SHAPE, eager_along
from tests.pretrained.peers import shaken
from tests.real_data import real
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from edgewise import rewire
from edgewise.data import Sentence, documents, read_conllu, sentence_batch

PAD, UNK, CLS, SEP = range(4)
MADE = {
    "bert": lambda vocabulary: hf.BertModel(hf.BertConfig(**{**SHAPE, "vocab_size": vocabulary})),
    "llama": lambda vocabulary: hf.LlamaModel(
        hf.LlamaConfig(**{**SHAPE, "vocab_size": vocabulary, "num_key_value_heads": 2})
    ),
}


@pytest.fixture(scope="module")
def sentences():
    return read_conllu(real("ud_english_ewt") / "en_ewt-ud-dev.conllu")


def word_piece(texts):
    """BERT's kind of tokenizer, of few enough tokens that most words are cut."""
    pieces = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    pieces.normalizer = normalizers.BertNormalizer()
    pieces.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    pieces.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=250, special_tokens=special))
    pieces.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), special, strict=True))
    return hf.PreTrainedTokenizerFast(tokenizer_object=pieces, **names)


def byte_pairs(texts):
    """GPT-2's kind: spaces belong to tokens, no special ones around."""
    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(), pre_tokenizers.ByteLevel(False)])
    pieces.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    pieces.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, special_tokens=["[PAD]"])
    )
    return hf.PreTrainedTokenizerFast(tokenizer_object=pieces, pad_token="[PAD]")


KINDS = {"bert": word_piece, "llama": byte_pairs}


@pytest.fixture(scope="module")
def tokenizers(sentences):
    return {name: kind([sentence.text for sentence in sentences]) for name, kind in KINDS.items()}


def heard_by_hand(sentence, word_ids, most):
    """tree | spans | itself, token by token, from the words."""
    n = len(word_ids)
    heard = torch.eye(n).bool()
    first = {word: word_ids.index(word) for word in set(word_ids) - {None}}
    special = [token for token, word in enumerate(word_ids) if word is None]

    def join(a, b):
        heard[a, b] = heard[b, a] = True

    for token, word in enumerate(word_ids):
        if word is None:
            join(token, special[0])
        elif token != first[word]:
            join(token, first[word])
        else:
            head = sentence.heads[word]
            while head != -1 and head not in first:
                head = sentence.heads[head]
            if head != -1:
                join(token, first[head])
            elif special:
                join(token, special[0])
    for start, stop in sentence.spans(most):
        inside = torch.tensor([word is not None and start <= word < stop for word in word_ids])
        heard |= inside[:, None] & inside
    return heard


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("max_length", [None, 12])
def test_a_treebank_along_its_trees_equals_eager_with_the_mask_by_hand(sentences, tokenizers, name, max_length):
    tokenizer = tokenizers[name]
    torch.manual_seed(0)
    model = shaken(MADE[name](len(tokenizer)))
    some = sentences[:40:2]
    batch = sentence_batch(some, tokenizer, spans=4, max_length=max_length)
    written = [
        [" " * (name == "llama" and k > 0 and s.spaces[k - 1]) + word for k, word in enumerate(s.words)] for s in some
    ]
    cut = {"is_split_into_words": True, "truncation": max_length is not None, "max_length": max_length}
    words = [tokenizer(own, **cut) for own in written]
    theirs = []
    for sentence, one in zip(some, words, strict=True):
        heard = heard_by_hand(sentence, one.word_ids(), most=4)
        with eager_along(model, lambda rows, columns, heard=heard: heard):
            theirs.append(model(torch.tensor([one["input_ids"]]))[0][0])
    rewire(model, "tree | spans | window(0, 0)")
    ours = model(**batch)[0]
    assert batch["attention_mask"].sum(1).tolist() == [len(one) for one in theirs]
    assert len({len(one) for one in theirs}) > 1
    for k, one in enumerate(theirs):
        assert_equal_as_promised(ours[k, : len(one)], one)
    if max_length is None:
        assert sum(map(len, theirs)) > 1.5 * sum(map(len, some))


def test_tokens_of_byte_pairs_are_those_of_the_text(sentences, tokenizers):
    tokenizer = tokenizers["llama"]
    batch = sentence_batch(sentences[:50], tokenizer)
    for ids, mask, sentence in zip(batch["input_ids"], batch["attention_mask"], sentences, strict=False):
        assert tokenizer.decode(ids[mask.bool()]) == sentence.text


def test_mentions_of_a_document_hear_each_other(tokenizers):
    one = Sentence(("Ann", "Lee", "slept"), (2, 0, -1), document="x", columns={"who": ("(a", "a)", None)})
    two = Sentence(("She", "woke"), (1, -1), document="x", columns={"who": ("(a)", None)})
    tokenizer = tokenizers["bert"]
    (both,) = documents([one, two])
    batch = sentence_batch([both], tokenizer, tree=False, links="who")
    (labels,) = batch["links"]
    words = tokenizer([list(both.words)], is_split_into_words=True).word_ids(0)
    of_ann = torch.tensor([word in (0, 1, 3) for word in words])
    assert torch.equal(torch.tensor(labels) == 0, of_ann) and "tree" not in batch
    torch.manual_seed(0)
    model = rewire(MADE["bert"](len(tokenizer)).eval(), "links | window(0, 0)")
    weights = model(**batch, output_attentions=True).attentions[0][0, 0]
    assert torch.equal(weights > 0, of_ann[:, None] & of_ann | torch.eye(len(words)).bool())


def test_tokenizers_that_know_no_words_are_refused(sentences):
    with pytest.raises(
        ValueError, match="sentence_batch: expected a fast tokenizer of transformers, which knows the wo"
    ):
        sentence_batch(sentences[:1], object())
    with pytest.raises(ValueError, match="sentence_batch: expected at least one sentence, got none"):
        sentence_batch([], object())
