"""One layer hears a sentence and a citation graph: the same module, the same weights, another graph.

Run: python two_worlds.py
"""

import torch

from edgewise import Graph, Hearing, MessagePassing, parse, plan
from edgewise.data import cora

torch.manual_seed(0)
layer = MessagePassing(64, 64, Hearing(score="dot", aggregator="softmax", num_heads=4))

words = ["every", "word", "hears", "every", "other", "word"]
vectors = {word: torch.randn(64) for word in sorted(set(words))}
sentence = torch.stack([vectors[word] for word in words])
papers = cora()
features = papers.features @ torch.randn(papers.num_features, 64)

worlds: dict[str, tuple[torch.Tensor, Graph]] = {
    "every word hears every word": (sentence, parse("complete").build(len(words))),
    "a word hears those before it": (sentence, parse("causal").build(len(words))),
    "a word hears its neighbours": (sentence, parse("window(1, 1)").build(len(words))),
    "a paper hears its citations": (features, papers.graphs),
}
for name, (states, graph) in worlds.items():
    heard = layer(states, graph)
    print(f"{name:<30} {graph}\n{'':<30} {plan(graph).route}: states {list(states.shape)} -> {list(heard.shape)}")

first, second = (n for n, word in enumerate(words) if word == "word")
heard = layer(sentence, worlds["every word hears every word"][1])
print(f"without positions the two 'word's come out alike: {torch.allclose(heard[first], heard[second], atol=1e-5)}")
heard = layer(sentence, worlds["a word hears its neighbours"][1])
print(f"in a window they do not: {not torch.allclose(heard[first], heard[second], atol=1e-5)}")
