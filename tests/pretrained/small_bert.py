"""A folder as Hugging Face saves a BERT, with a tokeniser: two blocks, random numbers."""

from pathlib import Path

import torch
from tests.pretrained.peers import shaken
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *("the", "a", "cat", "dog", "sleeps", "barks", "loud", "quiet"),
    *"abcdefgh",
]


def small_bert(folder: Path, max_positions: int = 40) -> Path:
    """config.json, model.safetensors and tokenizer.json in `folder`/bert."""
    place = folder / "bert"
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(WORDS) + 2, hidden_size=12, num_hidden_layers=2, num_attention_heads=3,
                        intermediate_size=20, max_position_embeddings=max_positions)  # fmt: skip
    shaken(BertModel(config)).save_pretrained(place)
    cut = Tokenizer(models.WordPiece({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    cut.normalizer, cut.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    cut.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    cut.save(str(place / "tokenizer.json"))
    return place
