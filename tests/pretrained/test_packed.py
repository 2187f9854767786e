"""Documents packed into one row equal those alone, whatever the model's own mask knows of packing."""

import pytest
import torch
import transformers as hf
from tests.data.test_packing import Letters
from tests.equal import assert_equal_as_promised
from tests.pretrained.peers import ours_of, shaken
from tests.pretrained.test_rewire import GROUPED, made

from edgewise import parse, restore, rewire
from edgewise.data import pack, packed_batch
from edgewise.pretrained import gpt2

IDS = torch.tensor([[5, 9, 12, 33, 8, 21, 7, 30, 11], [6, 10, 35, 17, 4, 22, 3, 1, 2]])
LENGTHS = [[4, 2, 3], [6, 3]]
POSITIONS = torch.tensor([[place for count in row for place in range(count)] for row in LENGTHS])


@pytest.mark.parametrize("name", ["bert", "modernbert", "llama", "mistral", "gpt2"])
@pytest.mark.parametrize("pattern", ["complete", "window(2, 1) | hubs(0)", "strided(2)"])
def test_packed_documents_equal_those_alone(name, pattern):
    model = rewire(made(name), pattern)
    packed = model(IDS, position_ids=POSITIONS, lengths=LENGTHS)[0]
    for k, row in enumerate(LENGTHS):
        for count, stop in zip(row, torch.tensor(row).cumsum(0).tolist(), strict=True):
            alone = model(IDS[k : k + 1, stop - count : stop])[0]
            assert_equal_as_promised(packed[k : k + 1, stop - count : stop], alone)


def test_encoders_need_the_lengths_since_their_own_mask_knows_no_packing():
    model = rewire(made("bert"), "complete")
    alone = model(IDS[:1, :4])[0]
    assert (model(IDS[:1], position_ids=POSITIONS[:1])[0][:, :4] - alone).abs().max() > 1e-3


def test_lengths_count_no_padding_and_cut_graphs_trees_and_spans():
    model = rewire(made("bert"), "tree | spans | window(0, 0)")
    ids, mask = IDS.clone(), torch.ones_like(IDS)
    mask[1, 6:] = 0
    given = {"tree": [[1, -1, 1, 7, 5, 7, 5, 0, 7], [-1, 0, 0, 0, 0, 0]], "spans": [[(0, 2), (3, 6)], []]}
    packed = model(ids, attention_mask=mask, position_ids=POSITIONS, lengths=[[4, 2, 3], [6]], **given)[0]
    alone = model(ids[:1, 4:6], tree=[[1, -1]], spans=[[(0, 2)]])[0]
    assert_equal_as_promised(packed[:1, 4:6], alone)
    graph = parse("window(1, 1)").build(9)
    cut = rewire(restore(model), graph)(ids[:1], position_ids=POSITIONS[:1], lengths=LENGTHS[:1])[0]
    assert_equal_as_promised(cut[:, 4:6], rewire(restore(model), "window(1, 1)")(ids[:1, 4:6])[0])


def test_texts_packed_into_rows_equal_those_alone_and_our_own_network():
    torch.manual_seed(0)
    shape = {"n_embd": 16, "n_head": 4, "n_layer": 2, "vocab_size": 128, "bos_token_id": 1, "eos_token_id": 2}
    model = shaken(hf.GPT2LMHeadModel(hf.GPT2Config(**shape)))
    texts = ["a dog", "barks", "at a large hat", "o"]
    batch = packed_batch(texts, Letters(), 12)
    network = ours_of(gpt2, model)
    plain = model(batch["input_ids"], position_ids=batch["position_ids"], use_cache=False).logits
    rewire(model, "causal")
    packed = model(**batch, use_cache=False).logits
    assert_equal_as_promised(packed, plain)
    rows = pack(Letters()(texts)["input_ids"], 12)
    assert [len(row) for row in rows] == [1, 1, 1, 2]
    for logits, row in zip(packed, rows, strict=True):
        lengths = [len(piece) for piece in row]
        tokens = torch.tensor([token for piece in row for token in piece])
        assert_equal_as_promised(network(network.graphs(lengths), tokens), logits[: len(tokens)])
        graph = parse("causal & blocks").build(len(tokens), lengths=lengths)
        assert graph.dense().equal(network.graphs(lengths)["words"].dense())


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([[4, 2, 3], [6, 2]], r"lengths of example 1, which has 9 tokens: blocks: lengths must sum to the number"),
        ([[4, 2, 3], [10, -1]], "lengths of example 1, which has 9 tokens: blocks: lengths must be at least 0, got -1"),
        ([[9]], "expected a list of lengths for each of the 2 examples of the batch, got 1"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(lengths, message):
    with pytest.raises(ValueError, match=message):
        rewire(made("bert"), "complete")(IDS, lengths=lengths)


def test_a_sequence_that_grows_is_not_packed():
    model = rewire(hf.LlamaForCausalLM(hf.LlamaConfig(**GROUPED)).eval(), "causal")
    with pytest.raises(ValueError, match="rewire: lengths= packs whole sequences, and none of them can grow; leave it"):
        model.generate(IDS, lengths=LENGTHS, max_new_tokens=1)
