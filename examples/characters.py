"""A small decoder learns a verse by heart, then writes it, each character once: earlier ones stay as past senders.

Run: python characters.py
"""

import torch
from torch.nn.functional import cross_entropy

from edgewise import Network
from edgewise.models import decoder

torch.manual_seed(0)
VERSE = """Tyger Tyger, burning bright,
In the forests of the night;
What immortal hand or eye,
Could frame thy fearful symmetry?
"""
alphabet = sorted(set(VERSE))
text = torch.tensor([alphabet.index(character) for character in VERSE])

network = Network(decoder(len(alphabet), dim=64, num_heads=4, num_layers=2, hidden=128, dropout=0.0, tied=False))
optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
graphs = network.graphs([len(text) - 1])  # one causal graph, as long as the verse

for step in range(1, 401):
    loss = cross_entropy(network(graphs, text[:-1]), text[1:])
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    if step % 100 == 0:
        print(f"step {step:>3}  loss {loss.item():.3f}")

network.eval()
written, past = text[:6], None
with torch.no_grad():
    new = written
    while len(written) < len(text):
        heard = network.graphs([len(new)], past=[len(written) - len(new)])
        answer, past = network(heard, new, past=past, keep_past=True)
        new = answer[-1:].argmax(-1)
        written = torch.cat([written, new])
print("".join(alphabet[n] for n in written))
