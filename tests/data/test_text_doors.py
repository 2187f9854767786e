import pytest
import torch
from tests.data.written import CONLLU, ROWS, VERSE, table, trees, verse
from tests.real_data import real

from edgewise.data import DATASETS, Learned, labelled_texts, language, treebank
from edgewise.data.text_tables import read_text_table


def learned_from(task) -> Learned:
    return Learned.of(task.learned().as_table())


def test_texts_of_one_table_are_split_and_their_words_numbered(tmp_path):
    task = labelled_texts(folder=table(tmp_path), tokeniser="words")
    assert (task.answer.names, len(task.texts), task.tokens) == (("bad", "good"), 20, 6)
    assert [len(getattr(task, part)) for part in ("train", "validation", "test")] == [12, 4, 4]
    assert task.ids["text"][0] == "a fine day" and "seed 0" in task.notes[2]


def test_texts_of_a_file_a_part_keep_their_parts(tmp_path):
    for name, rows in (("train.tsv", ROWS[:8]), ("dev.tsv", ROWS[8:12]), ("test.tsv", ROWS[12:])):
        table(tmp_path, name, rows, header="")
    parts = {"train": "train.tsv", "validation": "dev.tsv", "test": "test.tsv", "columns": ("text", "label")}
    task = labelled_texts(folder=tmp_path, **parts)
    assert [part.tolist() for part in (task.train, task.validation)] == [list(range(8)), list(range(8, 12))]
    drawn = labelled_texts(folder=tmp_path, **{**parts, "validation": 0.25})
    assert len(drawn.train) == 6 and sorted([*drawn.train.tolist(), *drawn.validation.tolist()]) == list(range(8))


def test_a_tokeniser_learns_from_the_train_part_alone(tmp_path):
    for name, word in (("train.tsv", "seen"), ("dev.tsv", "unseen"), ("test.tsv", "strange")):
        table(tmp_path, name, [(word, "a")])
    files = {"train": "train.tsv", "validation": "dev.tsv", "test": "test.tsv"}
    task = labelled_texts(folder=tmp_path, tokeniser="words", **files)
    assert [text.tolist() for text in task.texts] == [[1], [0], [0]]


def test_long_texts_are_cut_and_the_report_says_so(tmp_path):
    task = labelled_texts(folder=table(tmp_path), tokeniser="words", max_tokens=2)
    assert max(map(len, task.texts)) == 2 and "of which the first 2 are kept: 20 texts have so many" in task.notes[1]


def test_other_texts_are_read_as_training_read_its_own(tmp_path):
    task = labelled_texts(folder=table(tmp_path), tokeniser="words")
    other = tmp_path / "other"
    other.mkdir()
    table(other, rows=[("fine cats", "good")])
    same = labelled_texts(folder=other, learned=learned_from(task))
    assert (same.tokens, same.answer, len(same.test), same.targets.tolist()) == (6, task.answer, 1, [1])
    table(other, rows=[("fine cats", "splendid")])
    with pytest.raises(ValueError, match="has class 'splendid' at row 0, which training has never seen"):
        labelled_texts(folder=other, learned=learned_from(task))
    asked = labelled_texts(folder=other, learned=learned_from(task).without_targets())
    assert asked.targets.tolist() == [-1]


def test_what_is_wrong_with_texts_is_told(tmp_path):
    with pytest.raises(ValueError, match="file is split into parts, and train and test are parts; give one or the"):
        labelled_texts(folder=tmp_path, file="a.csv", train="b.csv", test="c.csv")
    with pytest.raises(ValueError, match="files of parts are train, validation and test, and there is no test"):
        labelled_texts(folder=tmp_path, train="b.csv")
    with pytest.raises(ValueError, match="validation is neither a file nor a share of train; 0.1 takes every tenth"):
        labelled_texts(folder=tmp_path, train="b.csv", test="c.csv")
    with pytest.raises(ValueError, match="validation must be a file, or a share of train above 0 and below 1, got 1.5"):
        labelled_texts(folder=tmp_path, train="b.csv", test="c.csv", validation=1.5)
    table(tmp_path, rows=[("", "good"), ("b", "bad")])
    with pytest.raises(ValueError, match="column 'text' is empty in row 0; leave the row out, or fill it"):
        labelled_texts(folder=tmp_path)
    table(tmp_path, rows=[])
    with pytest.raises(ValueError, match="there is no row in it"):
        labelled_texts(folder=tmp_path)
    table(tmp_path, rows=[("good \u200b", "good"), ("\u200d", "bad")] * 5)
    with pytest.raises(ValueError, match="the text in row 1, '.*', has no token; leave the row out"):
        labelled_texts(folder=tmp_path, tokeniser="wordpiece")
    (tmp_path / "rows.tsv").write_bytes(b"text\tlabel\nfine\tgood\nb\xff\tbad\n")
    with pytest.raises(ValueError, match=r"rows.tsv, line 3: expected UTF-8, got b'\\xff' at byte 1 of the line"):
        labelled_texts(folder=tmp_path)


def test_a_class_that_is_only_tested_is_named(tmp_path):
    for name, label in (("train.tsv", "a"), ("dev.tsv", "a"), ("test.tsv", "b")):
        table(tmp_path, name, [("word", label)])
    with pytest.raises(ValueError, match="class 'b' has 1 texts in the test part and none in the train part"):
        labelled_texts(folder=tmp_path, train="train.tsv", validation="dev.tsv", test="test.tsv")


def test_tables_of_texts_by_their_ending(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "x \\" y", "label": 1}\n')
    (tmp_path / "a.tsv").write_text('one " two\t1\n')
    assert read_text_table(tmp_path / "a.jsonl").texts("text") == ['x " y']
    assert read_text_table(tmp_path / "a.tsv", ["text", "label"]).texts("text") == ['one " two']
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        read_text_table(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="columns name those of a .csv or .tsv without a header; this has names"):
        read_text_table(tmp_path / "a.jsonl", ["text"])
    (tmp_path / "bad.jsonl").write_text("{")
    with pytest.raises(ValueError, match="cannot be read as JSON, an object a line"):
        read_text_table(tmp_path / "bad.jsonl")


def test_tables_that_do_not_go_together_are_named(tmp_path):
    table(tmp_path, "train.tsv")
    table(tmp_path, "test.tsv", header="text\ttopic\n")
    with pytest.raises(ValueError, match="test.tsv: expected the columns of .*train.tsv, text, label, got text, topic"):
        labelled_texts(folder=tmp_path, train="train.tsv", validation=0.2, test="test.tsv")


def test_saved_datasets_are_read_with_the_names_of_their_classes(tmp_path):
    datasets = pytest.importorskip("datasets", reason="the extra datasets is not here")
    features = datasets.Features(text=datasets.Value("string"), label=datasets.ClassLabel(names=["bad", "good"]))
    rows = {"text": [text for text, _ in ROWS], "label": [label for _, label in ROWS]}
    whole = datasets.Dataset.from_dict(rows, features=features)
    datasets.DatasetDict(train=whole, validation=whole, test=whole).save_to_disk(str(tmp_path))
    task = labelled_texts(folder=tmp_path, train="train", validation="validation", test="test")
    assert task.answer.names == ("bad", "good") and task.ids["text"][:2] == ["a fine day", "a bad day"]
    lines = language(folder=tmp_path, train="train", validation="validation", test="test", length=5)
    assert len(lines.documents) == 61
    (tmp_path / "train" / "dataset_info.json").write_text("{")
    with pytest.raises(ValueError, match="cannot be read as a data set that save_to_disk wrote"):
        read_text_table(tmp_path / "train")


def test_language_splits_one_text_in_order(tmp_path):
    task = language(folder=verse(tmp_path), length=16, split={"name": "in_order", "train": 0.5, "validation": 0.25})
    cut = [task.tokens[a:b] for a, b in zip(task.documents[:-1], task.documents[1:], strict=True)]
    text = "".join(task.answer.names[t] for piece in cut for t in piece.tolist())
    assert text == VERSE and [len(piece) for piece in cut] == [300, 150, 150]
    assert task.units["test"] == {"characters": 149, "words": len(VERSE[450:].split()), "bytes": 149}


def test_language_takes_a_document_a_line_or_a_row(tmp_path):
    lines = language(folder=verse(tmp_path), whole=False, split="random")
    assert len(lines.documents) == 13
    rows = language(folder=table(tmp_path), file="rows.tsv", tokeniser="words", split="random")
    assert len(rows.documents) == 21


def test_language_reads_other_texts_by_its_own_tokens(tmp_path):
    task = language(folder=verse(tmp_path))
    other = tmp_path / "other"
    other.mkdir()
    (other / "new.txt").write_text("the zebra")
    same = language(folder=other, learned=learned_from(task))
    assert same.answer == task.answer and len(same.test) == 8 and "[UNK]" in same.answer.names


def test_what_is_wrong_with_language_is_told(tmp_path):
    with pytest.raises(ValueError, match="one text can only be split in order, got split 'random'; take \"in_order\""):
        language(folder=verse(tmp_path), split="random")
    (tmp_path / "verse.txt").write_text("")
    with pytest.raises(ValueError, match="there is no text in it"):
        language(folder=tmp_path)
    (tmp_path / "verse.txt").write_bytes(b"\x00\xff\xfe")
    with pytest.raises(ValueError, match="line 1: expected UTF-8, got"):
        language(folder=tmp_path)


def test_a_treebank_asks_for_the_tag_of_every_word(tmp_path):
    task = treebank(folder=trees(tmp_path), tokeniser="words")
    assert task.answer.names == ("ADV", "NOUN", "VERB") and task.example == "word"
    batch = next(task.batches("test", 0))
    assert len(batch.features) == 8 and batch.asked.tolist() == [0, 1, 2, 4, 5, 6]
    assert batch.graphs.tree == [1, -1, 1, 1] * 2
    assert (task.ids["sentence"][4], task.ids["word"][4], task.ids["form"][4]) == ("s1", 1, "Dogs")


def test_another_treebank_is_read_as_training_read_its_own(tmp_path):
    task = treebank(folder=trees(tmp_path), tokeniser="words")
    other = tmp_path / "other"
    other.mkdir()
    (other / "new.conllu").write_text(CONLLU.format(n=1).replace("ADV", "INTJ"))
    with pytest.raises(ValueError, match="upos 'INTJ' is none that training has seen: ADV, NOUN, VERB; write _"):
        treebank(folder=other, learned=learned_from(task))
    assert treebank(folder=other, learned=learned_from(task).without_targets()).targets.tolist() == [-1] * 4


def test_a_word_without_a_token_is_named(tmp_path):
    trees(tmp_path)
    (tmp_path / "trees.conllu").write_text(CONLLU.format(n=1).replace("loudly", "\u200d") * 4)
    with pytest.raises(
        ValueError, match=r"the tokeniser makes no token of word 3, .*, of 's1'; take another tokeniser"
    ):
        treebank(folder=tmp_path)


def test_real_texts_are_read_whole():
    sst2 = labelled_texts(
        folder=real("sst2"), train="train.tsv", validation="dev.tsv", test="test.tsv", columns=("text", "label")
    )
    assert [len(part) for part in (sst2.train, sst2.validation, sst2.test)] == [6920, 872, 1821]
    counts = [torch.bincount(sst2.asked(part)).tolist() for part in ("train", "validation", "test")]
    assert counts == [[3310, 3610], [428, 444], [912, 909]]
    shakespeare = language(folder=real("tinyshakespeare"))
    assert len(shakespeare.tokens) == 1115394 and shakespeare.answer.out_dim <= 66


def test_every_text_data_set_is_named():
    assert {"texts", "treebank", "language"} <= set(DATASETS)
