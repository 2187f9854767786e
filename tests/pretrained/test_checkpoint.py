"""A folder of Hugging Face's becomes a network of ours that a recipe fine-tunes."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from tests.data.written import table
from tests.equal import assert_equal_as_promised
from tests.pretrained.small_bert import small_bert
from transformers import BertModel, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from edgewise.patterns import Sequences
from edgewise.pretrained import bert, checkpoint
from edgewise.pretrained.vocabulary import check_vocabulary
from edgewise.training import Recipe, run
from edgewise.training.checkpoint import load_best


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_bert(tmp_path_factory.mktemp("theirs"))


def test_its_states_are_theirs_and_go_back(folder):
    network = checkpoint(tokens=20, folder=str(folder)).eval()
    theirs = BertModel.from_pretrained(folder).eval()
    tokens = torch.randint(5, 20, (9,))
    assert network.head is None
    assert_equal_as_promised(network(Sequences([9]), tokens), theirs(tokens[None]).last_hidden_state[0])
    back, state = bert.to_hf(network.state_dict(), network.config, prefix=""), load_file(folder / "model.safetensors")
    assert back and all(torch.equal(back[name], state[name]) for name in back)
    assert {name for name in state if name not in back} == {"pooler.dense.weight", "pooler.dense.bias"}


@pytest.mark.parametrize("kind", ["gpt2", "llama", "llama, untied"])
def test_a_decoder_says_what_theirs_says(tmp_path, kind):
    torch.manual_seed(1)
    if kind == "gpt2":
        theirs = GPT2LMHeadModel(GPT2Config(vocab_size=19, n_embd=12, n_layer=2, n_head=3, n_positions=16))
    else:
        theirs = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=19,
                hidden_size=12,
                num_hidden_layers=2,
                num_attention_heads=3,
                intermediate_size=20,
                tie_word_embeddings=kind == "llama",
            )
        )
    theirs.eval().save_pretrained(tmp_path)
    network = checkpoint(tokens=19, folder=str(tmp_path), asks="tokens").eval()
    tokens = torch.randint(19, (11,))
    assert_equal_as_promised(network(Sequences([11]), tokens), theirs(tokens[None]).logits[0])


@pytest.mark.parametrize(("learn", "learned"), [(0, set()), (1, {"blocks.1"}), (2, {"blocks.0", "blocks.1"})])
def test_only_the_last_blocks_and_the_head_learn(folder, learn, learned):
    network = checkpoint(tokens=20, folder=str(folder), out_dim=3, asks="graph", learn=learn)
    found = {name for name, weight in network.named_parameters() if weight.requires_grad}
    assert {name.rpartition(".")[0][:8] for name in found if name.startswith("blocks")} == learned
    assert any(name.startswith("head.") for name in found) and not any(name.startswith("embed") for name in found)


def test_the_whole_learns_unless_told(folder):
    network = checkpoint(tokens=20, folder=str(folder), out_dim=3)
    assert all(weight.requires_grad for weight in network.parameters())


def test_dropout_and_pattern_are_given(folder):
    network = checkpoint(tokens=20, folder=str(folder), dropout=0.3, pattern="window(1, 1)")
    assert network.config.blocks[0].dropout == network.config.blocks[0].hears[0].dropout == 0.3
    assert list(network.config.patterns.values()) == ["window(1, 1)"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokens": 24}, "the tokeniser of the data has 24 tokens, and .* has vectors for 23; take its own"),
        ({"learn": 3}, "learn must be from 0 to its 2 blocks, or -1 for everything, got 3"),
        ({"learn": -2}, "learn must be from 0 to its 2 blocks, or -1 for everything, got -2"),
    ],
)
def test_what_does_not_fit_is_told(folder, options, message):
    with pytest.raises(ValueError, match=message):
        checkpoint(**{"tokens": 20, "folder": str(folder), **options})


def test_a_folder_that_lacks_a_file_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no config.json; a folder of Hugging Face's holds both"):
        checkpoint(tokens=20, folder=str(tmp_path))


def test_dropout_of_a_llama_is_told(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="is a llama, which has no dropout, got dropout = 0.1; leave it out"):
        checkpoint(tokens=20, folder=str(tmp_path), dropout=0.1)


def recipe(tmp_path, folder, more=""):
    table(tmp_path)
    file = tmp_path / "recipe.toml"
    file.write_text(
        f"""
[data]
name = "texts"
folder = "."
tokeniser = {{name = "file", file = '{folder / "tokenizer.json"}'}}
{more}
[model]
name = "edgewise.pretrained:checkpoint"
folder = '{folder}'
learn = 1

[training]
optimiser = "adamw"
learning_rate = 1e-3
batch_size = 60
epochs = 2
patience = 0
device = "cpu"
"""
    )
    return Recipe.read(file)


def test_a_recipe_fine_tunes_it_and_what_is_frozen_stays(tmp_path, folder):
    made = recipe(tmp_path, folder)
    run(made, tmp_path / "run")
    before = checkpoint(tokens=20, folder=str(folder), out_dim=2, asks="graph")
    frozen = before.blocks[0].hearings[0].projections.to_query.weight.clone()
    load_best(tmp_path / "run", before)
    assert torch.equal(before.blocks[0].hearings[0].projections.to_query.weight, frozen)


@pytest.mark.parametrize("name", ["words", "wordpiece", "bpe"])
def test_a_vocabulary_that_is_not_its_own_is_told_before_anything_is_written(tmp_path, folder, name):
    made = recipe(tmp_path, folder)
    size = {} if name == "words" else {"size": 20 if name == "wordpiece" else 257}
    table = made.data.options | {"tokeniser": {"name": name, **size}}
    with pytest.raises(
        ValueError, match=r"the tokeniser of the data has .*(and in .*tokenizer.json it is|vectors for)"
    ):
        run(replace(made, data=replace(made.data, options=table)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_vocabulary_is_held_against_the_folders_tokeniser(tmp_path):
    theirs = {"model": {"vocab": {"[UNK]": 0, "good": 1, "bad": 2}}, "added_tokens": [{"content": "[CLS]", "id": 3}]}
    (tmp_path / "tokenizer.json").write_text(json.dumps(theirs))
    check_vocabulary(theirs, tmp_path)
    check_vocabulary({"model": {"vocab": {"good": 1}}}, tmp_path)
    check_vocabulary({"model": {"vocab": [["[UNK]", 0.0], ["good", -1.5]]}}, tmp_path)
    for vocabulary, message in (
        ({"bad": 1}, r"has 'bad' as number 1, and in .*tokenizer.json it is number 2"),
        ([["new", 0.0]], "has 'new' as number 0, .* it is none of its tokens"),
    ):
        with pytest.raises(ValueError, match=message):
            check_vocabulary({"model": {"vocab": vocabulary}}, tmp_path)
    (tmp_path / "tokenizer.json").rename(tmp_path / "vocab.txt").write_text("[UNK]\n\u2028\ngood\n", encoding="utf-8")
    check_vocabulary({"model": {"vocab": {"\u2028": 1, "good": 2}}}, tmp_path)
    with pytest.raises(ValueError, match="vocab.txt it is number 2"):
        check_vocabulary(theirs, tmp_path)
    (tmp_path / "vocab.txt").unlink()
    check_vocabulary({"model": {"vocab": {"anything": 0}}}, tmp_path)


def test_a_text_longer_than_its_positions_is_told_before_anything_is_written(tmp_path, folder):
    short = small_bert(tmp_path / "short", max_positions=3)
    with pytest.raises(ValueError, match="positions"):
        run(recipe(tmp_path, short), tmp_path / "run")
    assert not (tmp_path / "run").exists()
