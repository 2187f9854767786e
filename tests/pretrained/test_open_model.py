"""Checkpoints are opened from folders and GGUF files, whole or not at all; saved rewired, they come back rewired."""

import json
import logging
import os
import subprocess
import sys

import pytest
import torch
import transformers as hf
from safetensors.torch import load_file, save_file
from tests.tiny_checkpoints import TEXTS, decoder, encoder, gguf

from edgewise import parse
from edgewise.pretrained import restore, rewire
from edgewise.pretrained.open_model import open_model


def logits(opened, text=TEXTS[0]):
    with torch.no_grad():
        return opened.model(**opened.tokenizer(text, return_tensors="pt"))[0]


def test_a_folder_is_the_class_that_its_config_names(tmp_path):
    for family in (hf.BertModel, hf.BertForMaskedLM, hf.BertForSequenceClassification):
        opened = open_model(encoder(tmp_path / family.__name__, family))
        assert type(opened.model) is family and not opened.model.training and not opened.decodes
    opened = open_model(decoder(tmp_path / "decoder"))
    assert type(opened.model) is hf.LlamaForCausalLM and opened.decodes


def test_other_roles_of_one_checkpoint(tmp_path):
    folder = encoder(tmp_path / "masked", hf.BertForMaskedLM)
    states = open_model(folder, "states")
    assert type(states.model) is hf.BertModel
    assert torch.equal(
        logits(states), open_model(folder).model.bert(**states.tokenizer(TEXTS[0], return_tensors="pt"))[0]
    )
    with pytest.raises(ValueError, match="BertForMaskedLM says no next token, so it cannot generate"):
        open_model(folder, "generator")
    assert type(open_model(decoder(tmp_path / "d"), "generator").model) is hf.LlamaForCausalLM
    assert open_model(folder, dtype=torch.float64).model.dtype is torch.float64


def test_gguf_is_the_model_that_it_was_made_of(tmp_path):
    folder = decoder(tmp_path / "decoder")
    opened = open_model(gguf(tmp_path / "tiny.gguf", folder))
    state = load_file(folder / "model.safetensors")
    for name, tensor in opened.model.state_dict().items():
        torch.testing.assert_close(tensor, state[name], rtol=1e-3, atol=1e-3)  # float16 in the file
    assert opened.decodes and opened.model.dtype is torch.float32
    opened.model.save_pretrained(tmp_path / "saved")  # which transformers refuses of a model read from GGUF
    again = hf.AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    assert torch.equal(again.lm_head.weight, opened.model.lm_head.weight)


@pytest.fixture
def logged():
    """What transformers logs."""
    said = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    hf.utils.logging.add_handler(handler)
    yield said
    hf.utils.logging.remove_handler(handler)


def test_what_was_saved_rewired_is_opened_rewired(tmp_path, logged):
    opened = open_model(decoder(tmp_path / "decoder"))
    own = logits(opened)
    rewire(opened.model, "window(1, 0) | hubs(0)", layers=[0])
    rewire(opened.model, [([0, 1], "window(2, 0)")], layers=[1])
    near = logits(opened)
    assert not torch.equal(near, own)
    opened.model.save_pretrained(tmp_path / "near")
    opened.tokenizer.save_pretrained(tmp_path / "near")
    assert not hasattr(opened.model.config, "edgewise")
    again = open_model(tmp_path / "near")
    assert torch.equal(logits(again), near) and not logged
    assert torch.equal(open_model(tmp_path / "near", "states").model(torch.tensor([[5, 6, 7]]))[0], states_of(again))
    restore(again.model)
    assert torch.equal(logits(again), own)
    again.model.save_pretrained(tmp_path / "own")
    # By transformers alone: the original graph, and a word about it.
    plain = hf.AutoModelForCausalLM.from_pretrained(tmp_path / "near").eval()
    assert any("rewired by edgewise; transformers alone runs the original graph" in line for line in logged)
    assert torch.equal(plain(**opened.tokenizer(TEXTS[0], return_tensors="pt"))[0], own)
    assert torch.equal(rewire(plain)(**opened.tokenizer(TEXTS[0], return_tensors="pt"))[0], near)


def states_of(opened):
    return opened.model(torch.tensor([[5, 6, 7]]), output_hidden_states=True).hidden_states[-1]


def test_cross_attention_is_kept_too(tmp_path):
    shape = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 4, "vocab_size": 40}
    shape |= {"decoder_attention_heads": 4, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24}
    torch.manual_seed(0)
    model = hf.BartForConditionalGeneration(hf.BartConfig(**shape)).eval()
    rewire(model, "window(3, 3)", cross="window(1, 1)")
    words = {"input_ids": torch.tensor([[3, 5, 7, 9]]), "decoder_input_ids": torch.tensor([[4, 6, 8]])}
    told = model(**words).logits
    model.save_pretrained(tmp_path)
    kept = json.loads((tmp_path / "config.json").read_text())["edgewise"]
    assert [sorted(entry) for entry in kept] == [["cross", "layers", "pattern"]]
    again = rewire(hf.AutoModelForSeq2SeqLM.from_pretrained(tmp_path).eval())
    assert torch.equal(again(**words).logits, told)


def test_a_graph_cannot_be_kept(tmp_path):
    model = rewire(open_model(encoder(tmp_path / "e")).model, parse("complete").build(4))
    with pytest.raises(
        ValueError, match="attention.self hears a Graph, or one pattern an example, which no config can"
    ):
        model.save_pretrained(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_rewire_without_a_pattern(tmp_path):
    model = open_model(encoder(tmp_path / "e")).model
    with pytest.raises(ValueError, match="no pattern was given, and the config of BertModel keeps none"):
        rewire(model)
    model.config.edgewise = [{"layers": 3}]
    with pytest.raises(ValueError, match="'edgewise' in the config of BertModel cannot be read .TypeError"):
        rewire(model)
    with pytest.raises(ValueError, match="layers=, heads= and cross= belong to a pattern"):
        rewire(model, heads=[0])


@pytest.fixture
def folder(tmp_path):
    return decoder(tmp_path / "model")


def changed(folder, change):
    file = folder / "model.safetensors"
    state = load_file(file)
    change(state)
    save_file(state, file, metadata={"format": "pt"})


def damaged(name):
    def change(folder):
        if name == "weights":
            (folder / "model.safetensors").unlink()
        if name == "tokenizer":
            (folder / "tokenizer.json").unlink()
            (folder / "tokenizer_config.json").unlink()
        if name == "config":
            (folder / "config.json").unlink()
        if name == "shape":
            changed(folder, lambda state: state.update({"lm_head.weight": torch.zeros(3, 3)}))
        if name == "lacking":
            changed(folder, lambda state: state.pop("model.layers.1.mlp.up_proj.weight"))
        if name == "unknown":
            changed(folder, lambda state: state.update({"model.layers.9.more": torch.zeros(3)}))
        if name == "half":
            (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:3000])

    return change


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("weights", "the folder holds no weights; expected model.safetensors beside config.json"),
        ("tokenizer", "the folder holds no tokenizer; expected tokenizer.json beside config.json"),
        ("config", "the folder holds no config.json, so it is not a model's"),
        (
            "shape",
            r"lm_head.weight is \[3, 3\] in the file and \[\d+, 16\] by the config. Bring both from one checkpoint",
        ),
        ("lacking", "the weights lack model.layers.1.mlp.up_proj.weight, which would be drawn at random"),
        ("unknown", "the model that its config names has no place for model.layers.9.more"),
        ("half", "its safetensors file cannot be read: .*; copy it again, whole"),
    ],
)
def test_what_is_damaged_is_said(folder, name, message):
    damaged(name)(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        open_model(folder)


def test_no_such_place(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone: there is no such folder"):
        open_model(tmp_path / "gone")
    with pytest.raises(FileNotFoundError, match="gone.gguf: there is no such file"):
        open_model(tmp_path / "gone.gguf")
    (tmp_path / "model.bin").write_bytes(b"")
    with pytest.raises(ValueError, match="expected a folder with config.json, a file that ends in .gguf, or a hub id"):
        open_model(tmp_path / "model.bin")


def test_a_hub_that_cannot_be_reached(tmp_path):
    script = "from edgewise.pretrained.open_model import open_model; open_model('somebody/some-model')"
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", script], env=offline, capture_output=True, text=True, check=False)
    assert (
        "FileNotFoundError: somebody/some-model: there is no such folder, and the hub could not be reached to look "
        "there. Where there is a network, `hf download somebody/some-model --local-dir FOLDER` fetches it"
        in said.stderr
    )
