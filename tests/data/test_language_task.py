from dataclasses import replace

import pytest
import torch

from edgewise.data import LanguageTask, Tokens

NAMES = tuple("abcdefghij")


def task(length=4, context=0, lengths=(30, 1, 7, 12, 9)) -> LanguageTask:
    torch.manual_seed(0)
    documents = torch.tensor([0, *lengths]).cumsum(0)
    tokens = torch.randint(10, (int(documents[-1]),))
    parts = {"train": [0, 1, 2], "validation": [3], "test": [4]}
    return LanguageTask("letters", tokens, documents, parts, Tokens(NAMES), length, context)


def pairs(batch):
    """(what is heard up to a token, what it is to be followed by), for every token that is asked."""
    pieces = batch.features.split(list(batch.graphs.lengths))
    heard = [piece[: k + 1].tolist() for piece in pieces for k in range(len(piece))]
    asked = range(len(heard)) if batch.asked is None else batch.asked.tolist()
    return [(tuple(heard[k]), target) for k, target in zip(asked, batch.targets.tolist(), strict=True)]


@pytest.mark.parametrize("size", [0, 5, 16])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_epoch_asks_for_every_token_once_from_tokens_before_it(size, seed):
    letters = task()
    torch.manual_seed(seed)
    batches = list(letters.batches("train", size, shuffled=True))
    assert len(batches) == letters.num_batches("train", size)
    whole = [letters.tokens[a:b].tolist() for a, b in ((0, 30), (31, 38))]
    found = sorted(pair for batch in batches for pair in pairs(batch))
    assert sorted(target for _, target in found) == sorted(t for text in whole for t in text[1:])
    follows = {(tuple(text[k - n : k]), text[k]) for text in whole for k in range(1, len(text)) for n in range(1, 5)}
    assert set(found) <= follows and max(len(batch.graphs.lengths) for batch in batches) >= 1
    assert all(count <= 4 for batch in batches for count in batch.graphs.lengths)


def test_cuts_fall_elsewhere_each_epoch():
    letters = task()

    def first(seed):
        torch.manual_seed(seed)
        return next(letters.batches("train", 0, shuffled=True)).features.tolist()

    assert first(1) == first(1) and len({tuple(first(seed)) for seed in range(6)}) > 1


@pytest.mark.parametrize("context", [0, 1, 3])
def test_a_look_asks_for_every_token_once_in_order_with_context(context):
    letters = task(context=context)
    found = [pair for batch in letters.batches("test", 6) for pair in pairs(batch)]
    text = letters.tokens[50:].tolist()
    assert [target for _, target in found] == text[1:] == letters.asked("test").tolist()
    for k, (heard, _) in enumerate(found, start=1):
        assert list(heard) == text[k - len(heard) : k] and len(heard) >= min(k, context + 1)


def test_devices_share_the_rows_of_a_step():
    letters = task()
    parts = []
    for rank in range(2):
        torch.manual_seed(3)
        share = type(letters.share)(rank, 2)
        parts.append([pairs(batch) for batch in letters.shared(share).batches("train", 16, shuffled=True)])
    torch.manual_seed(3)
    whole = [pairs(batch) for batch in letters.batches("train", 16, shuffled=True)]
    assert [a + b for a, b in zip(*parts, strict=True)] == whole


def test_a_task_knows_its_sizes_and_its_longest_row():
    letters = task().to("cpu")
    assert letters.described() == "5 documents, 59 tokens, rows of 4, 1 of 10 tokens"
    assert list(letters.longest().graphs.lengths) == [4]
    assert letters.offered == {"tokens": 10, "out_dim": 10, "asks": "tokens"}


def test_what_is_wrong_is_told():
    with pytest.raises(ValueError, match="length must be at least 1, got 0. It counts tokens of a row"):
        task(length=0)
    with pytest.raises(ValueError, match=r"context must be at least 0 and below length = 4, got 4; the rest of a row"):
        task(context=4)
    with pytest.raises(ValueError, match="the validation part holds no document of two tokens, so nothing to say"):
        task(lengths=(30, 1, 7, 1, 9))
    with pytest.raises(ValueError, match="expected targets from 0 to 9"):
        replace(task(), tokens=torch.full((59,), 10))
