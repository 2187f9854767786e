"""Tiny checkpoints of Hugging Face's, as folders and as a GGUF file: random weights, and a tokenizer of some words."""

import json

import torch
import transformers as hf
from tokenizers import Tokenizer, models, pre_tokenizers, processors

TEXTS = ("the cat sat on the mat .", "a small bird sang", "then the old dog saw it and ran under a tree .", "red ball")
WORDS = sorted({word for text in TEXTS for word in text.split()})
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = {word: k for k, word in enumerate([*SPECIAL, *WORDS])}
SHAPE = {
    **{"vocab_size": len(VOCABULARY), "hidden_size": 16, "num_attention_heads": 4, "num_hidden_layers": 2},
    **{"intermediate_size": 24, "max_position_embeddings": 64, "pad_token_id": 0},
    "initializer_range": 0.5,  # so that it matters who is heard
}


def tokenizer(around=True):
    """Words by spaces; `around` puts [CLS] and [SEP] around a text."""
    made = Tokenizer(models.WordLevel(VOCABULARY, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if around:
        made.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    end = {} if around else {"eos_token": "[SEP]"}
    return hf.PreTrainedTokenizerFast(tokenizer_object=made, mask_token="[MASK]", model_max_length=64, **names, **end)


def saved(folder, model, around=True):
    """The model and its tokenizer in a folder."""
    model.save_pretrained(folder)
    tokenizer(around).save_pretrained(folder)
    return folder


def encoder(folder, family=hf.BertModel, **changes):
    torch.manual_seed(0)
    return saved(folder, family(hf.BertConfig(**SHAPE, **changes)).eval())


def translator(folder):
    torch.manual_seed(0)
    sizes = {"d_model": 16, "d_kv": 4, "num_heads": 4, "num_layers": 1, "d_ff": 24, "vocab_size": len(VOCABULARY)}
    return saved(folder, hf.T5ForConditionalGeneration(hf.T5Config(**sizes, decoder_start_token_id=0)).eval())


def decoder(folder):
    torch.manual_seed(0)
    config = hf.LlamaConfig(**SHAPE, num_key_value_heads=2, bos_token_id=2, eos_token_id=3)
    return saved(folder, hf.LlamaForCausalLM(config).eval(), around=False)


def sentences(folder, pooling="cls_token", unit=True):
    """An encoder that says, as sentence-transformers does, how its states become one vector."""
    encoder(folder)
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), *([("2_Normalize", "Normalize")] if unit else [])]
    modules = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in kinds]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    said = {f"pooling_mode_{name}": name == pooling for name in ("cls_token", "mean_tokens", "max_tokens", "lasttoken")}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 16, **said}))
    return folder


def gguf(file, folder):
    """The Llama of a folder as a GGUF file, its matrices in float16."""
    import gguf as format
    from safetensors.torch import load_file

    config, state = json.loads((folder / "config.json").read_text()), load_file(folder / "model.safetensors")
    out = format.GGUFWriter(str(file), "llama")
    out.add_block_count(config["num_hidden_layers"])
    out.add_context_length(config["max_position_embeddings"])
    out.add_embedding_length(config["hidden_size"])
    out.add_feed_forward_length(config["intermediate_size"])
    out.add_head_count(config["num_attention_heads"])
    out.add_head_count_kv(config["num_key_value_heads"])
    out.add_layer_norm_rms_eps(config["rms_norm_eps"])
    out.add_rope_dimension_count(config["head_dim"])
    out.add_rope_freq_base(10000.0)
    out.add_vocab_size(config["vocab_size"])
    out.add_tokenizer_model("gpt2")
    out.add_token_list([*SPECIAL, "t", "h", "th", *WORDS[3:]])
    out.add_token_types([3 if word in SPECIAL else 1 for word in VOCABULARY])
    out.add_token_merges(["t h"])
    out.add_bos_token_id(2)
    out.add_eos_token_id(3)
    names = format.get_tensor_name_map(format.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
    for name, tensor in state.items():
        turned = next((count for part, count in heads.items() if part in name), None)
        if turned is not None:  # GGUF turns neighbouring channels
            tensor = tensor.unflatten(0, (turned, 2, -1)).transpose(1, 2).reshape_as(tensor)
        kind = torch.float16 if tensor.dim() > 1 else torch.float32
        out.add_tensor(names.get_name(name, try_suffixes=(".weight",)), tensor.to(kind).numpy())
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return file
