"""A graph convolutional network on Cora, in a training loop of your own.

Run: python own_loop.py

`edgewise train cora-gcn` does the same with a progress bar, early stopping and a run folder.
"""

import torch
from torch.nn.functional import cross_entropy

from edgewise import Network
from edgewise.data import cora
from edgewise.models import gcn

torch.manual_seed(0)
papers = cora(split_seed=0)
network = Network(gcn(papers.num_features, papers.num_classes, hidden=16))
optimiser = torch.optim.Adam(network.parameters(), lr=1e-2, weight_decay=5e-4)

for epoch in range(1, 61):
    network.train()
    answer = network(papers.graphs, papers.features)
    loss = cross_entropy(answer[papers.train], papers.targets[papers.train])
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    if epoch % 20 == 0:
        network.eval()
        with torch.no_grad():
            right = network(papers.graphs, papers.features).argmax(1) == papers.targets
        share = right[papers.validation].float().mean()
        print(f"epoch {epoch:>3}  loss {loss.item():.3f}  validation accuracy {100 * share:.1f} %")

print(f"test accuracy {100 * right[papers.test].float().mean():.1f} %")
