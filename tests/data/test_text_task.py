from dataclasses import replace

import pytest
import torch

from edgewise.data import Classes, TextTask
from edgewise.data.splits import Split
from edgewise.data.text_task import of_words

YES_NO = Classes(("no", "yes"))


def texts_task() -> TextTask:
    texts = [torch.arange(n % 5 + 1) for n in range(20)]
    parts = torch.arange(20).split([12, 4, 4])
    return TextTask("texts", texts, torch.arange(20) % 2, *parts, answer=YES_NO, tokens=5)


def words_task() -> TextTask:
    """Texts of 1 to 5 tokens, every second of which is a word; the first word of the last text is not asked about."""
    texts = [torch.arange(n % 5 + 1) for n in range(10)]
    places = [torch.arange(0, len(text), 2) for text in texts]
    count = sum(map(len, places))
    split = of_words(Split(*torch.arange(10).split([6, 2, 2])), places)
    targets = torch.arange(count) % 2
    targets[split.test[-3]] = -1
    test = split.test[targets[split.test] >= 0]
    trees = [[-1] + [0] * (len(text) - 1) for text in texts]
    return TextTask("words", texts, targets, split.train, split.validation, test, YES_NO, 5, places, trees)


@pytest.mark.parametrize("task", [texts_task(), words_task()], ids=lambda task: task.name)
@pytest.mark.parametrize("size", [0, 4, 7])
@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_batches_ask_for_every_example_once_in_order(task, size, part):
    batches = list(task.batches(part, size))
    assert len(batches) == task.num_batches(part, size)
    assert torch.equal(torch.cat([batch.targets for batch in batches]), task.asked(part))
    for batch in batches:
        assert sum(batch.graphs.lengths) == len(batch.features)
        assert len(batch.targets) == (len(batch.graphs.lengths) if batch.asked is None else len(batch.asked))
        assert task.rows(batch)[0] == (len(batch.targets) if batch.asked is None else len(batch.features))


def test_a_word_is_asked_at_its_token():
    batch = next(words_task().batches("train", 0))
    assert batch.asked.tolist() == [0, 1, 3, 5, 6, 8, 10, 12, 14, 15]
    assert torch.equal(batch.features[batch.asked], torch.tensor([0, 0, 0, 2, 0, 2, 0, 2, 4, 0]))
    assert batch.graphs.tree[:3] == [-1, -1, 0]


def test_a_word_without_a_target_is_heard_and_not_asked_about():
    task = words_task()
    batch = next(task.batches("test", 0))
    assert len(batch.features) == 9 and batch.asked.tolist() == [0, 2, 6, 8]


def test_shuffling_follows_the_global_stream():
    def order(seed):
        torch.manual_seed(seed)
        return torch.cat([batch.features for batch in texts_task().batches("train", 8, shuffled=True)]).tolist()

    assert order(1) == order(1) and order(1) != order(2) and sorted(order(1)) == sorted(order(2))


def test_a_task_knows_what_it_asks_and_its_longest_text():
    assert texts_task().offered == {"tokens": 5, "out_dim": 2, "asks": "graph"}
    assert words_task().offered["asks"] == "nodes" and words_task().example == "word"
    assert list(words_task().longest().graphs.lengths) == [5]
    assert texts_task().to("cpu").described() == "20 texts, 60 tokens, 5 different ones, 2 classes"
    assert words_task().described().startswith("10 texts, 18 words, 30 tokens")


def test_tokens_outside_the_vocabulary_are_named():
    with pytest.raises(IndexError, match="text 4 has the token 4, and tokens go from 0 to 3"):
        replace(texts_task(), tokens=4)
    with pytest.raises(ValueError, match=r"text 0 must be int64 tokens \[at least 1\], got \[0\]"):
        replace(texts_task(), texts=[torch.arange(0)] * 20)
