"""THE network: embed, blocks, head. Every architecture is a configuration of it."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from jaxtyping import Float, Shaped
from torch import Tensor, nn

from edgewise.graph import Graph
from edgewise.layers import NORMS, Block, BlockConfig, GraphNetwork, Past, State, node_sets
from edgewise.models.checkpoint import load_network, save_network
from edgewise.models.config import NetworkConfig
from edgewise.models.embedding import Embedding
from edgewise.models.heads import HEADS
from edgewise.models.tied import give_both_names
from edgewise.part import Part
from edgewise.patterns import Pattern, parse

Pasts = list[list[Past]]
Lengths = Sequence[int] | Mapping[str, Sequence[int]]


class Network(nn.Module):
    """states = blocks(embed(x)) along named graphs; the head turns them into the answer.

    >>> import torch
    >>> from edgewise.models import gat
    >>> network = Network(gat(in_dim=5, out_dim=3))
    >>> graph = Graph.from_edges(torch.tensor([0, 1]), torch.tensor([1, 2]), num_senders=4)
    >>> network(graph, torch.randn(4, 5)).shape
    torch.Size([4, 3])
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.patterns = {name: parse(text) for name, text in config.patterns.items()}
        embeddings = {name: Embedding(embed) for name, embed in config.inputs.items()}
        self.embed = nn.ModuleDict(embeddings)
        dims = {name: embed.dim for name, embed in config.inputs.items()}
        blocks: list[Block | GraphNetwork] = []
        for n, block in enumerate(config.blocks):
            if block.nodes not in dims:
                raise ValueError(
                    f"NetworkConfig: block {n} renews the node set {block.nodes!r}, but inputs has only "
                    f"{', '.join(dims)}"
                )
            made: Block | GraphNetwork
            if isinstance(block, BlockConfig):
                made = Block(dims[block.nodes], block, dims)
            else:
                made = GraphNetwork(dims[block.nodes], block)
            dims[block.nodes] = made.out_dim
            blocks.append(made)
        self.blocks = nn.ModuleList(blocks)
        self.norm = None
        if config.norm is not None:
            self.norm = Part.of(config.norm).build(NORMS, "norm", dim=dims[config.answers])
        self.head = None
        if config.head is not None:
            tokens = embeddings[config.answers].tokens
            table = None if tokens is None else tokens.weight
            self.head = Part.of(config.head).build(HEADS, "head", dims=dims, table=table)
        nn.Module.register_load_state_dict_pre_hook(self, give_both_names)

    @property
    def graph_names(self) -> tuple[str, ...]:
        """The names of all graphs that the blocks hear, in order of first use."""
        names: dict[str, None] = {}
        for block in self.config.blocks:
            heard = [hearing.graph for hearing in block.hears] if isinstance(block, BlockConfig) else [block.graph]
            names.update(dict.fromkeys(heard))
        return tuple(names)

    def graphs(self, lengths: Lengths, past: Lengths | None = None) -> dict[str, Graph]:
        """The graphs that the patterns of the config build: for text, which brings no edges of its own.

        Args:
            lengths: how many new nodes each graph of the batch has; by node set where they differ.
            past: how many past nodes each graph of the batch has besides, which are heard and do not hear.
        """
        new = self._counts("lengths", lengths)
        kept = {name: [0] * len(counts) for name, counts in new.items()} if past is None else self._counts("past", past)
        sizes = {len(counts) for counts in (*new.values(), *kept.values())}
        if len(sizes) > 1:
            raise ValueError(
                f"Network.graphs: lengths and past must count the same graphs in every node set, got {new} and {kept}"
            )
        built = {}
        for name, pattern in self.patterns.items():
            senders, receivers = node_sets(name)
            columns = [before + more for before, more in zip(kept[senders], new[senders], strict=True)]
            built[name] = _batch(pattern, new[receivers], columns)
        return built

    def _counts(self, what: str, given: Lengths) -> dict[str, list[int]]:
        """A list of counts for each node set."""
        if not isinstance(given, Mapping):
            given = dict.fromkeys(self.config.inputs, given)
        if set(given) != set(self.config.inputs):
            raise ValueError(
                f"Network.graphs: {what} must have the node sets {', '.join(self.config.inputs)}, got "
                f"{', '.join(given) or 'none'}"
            )
        return {name: list(counts) for name, counts in given.items()}

    def forward(
        self,
        graphs: Graph | Mapping[str, Graph],
        x: Shaped[Tensor, "..."] | Mapping[str, Tensor],
        *,
        kinds: Shaped[Tensor, "..."] | None = None,
        edges: Float[Tensor, "..."] | Mapping[str, Tensor] | None = None,
        whole: Float[Tensor, "graphs dim"] | None = None,
        past: Pasts | None = None,
        keep_past: bool = False,
    ) -> Any:
        """The head's answer (the final states where there is no head); with keep_past, and what to hear later.

        Args:
            graphs: who hears whom, by name; one graph alone where the blocks hear only one. A graph named in the
                config's patterns that is missing is built from the sizes of those given.
            x: tokens or features of the nodes; a mapping where there are several node sets.
            kinds: the kind of each token, where the embedding has kinds.
            edges: raw features, a row an edge, of the one graph or by name.
            whole: states of whole graphs, a row for each graph of the batch.
            past: what an earlier call kept, block by block; the graphs count these senders first. Then x holds the new
                nodes alone, and of a node set that brings none (a source once read) an empty tensor.
            keep_past: also return (answer, past).
        """
        state, graphs, pasts = self.run(graphs, x, kinds=kinds, edges=edges, whole=whole, past=past)
        answer = state.nodes[self.config.answers] if self.head is None else self.head(state, graphs)
        return (answer, pasts) if keep_past else answer

    def run(
        self,
        graphs: Graph | Mapping[str, Graph],
        x: Shaped[Tensor, "..."] | Mapping[str, Tensor],
        *,
        kinds: Shaped[Tensor, "..."] | None = None,
        edges: Float[Tensor, "..."] | Mapping[str, Tensor] | None = None,
        whole: Float[Tensor, "graphs dim"] | None = None,
        past: Pasts | None = None,
    ) -> tuple[State, dict[str, Graph], Pasts]:
        """All final states, the graphs they were heard along, and what each hearing leaves."""
        inputs = self._inputs(x)
        heard = self._heard(graphs)
        nodes = {}
        for name, given in inputs.items():
            own = kinds if name == self.config.answers else None
            nodes[name] = self.embed[name](given, _graph_of(name, heard), own)
        state = State(nodes, self._edges(edges), whole)
        if past is not None and len(past) != len(self.blocks):
            raise ValueError(f"Network: past has {len(past)} entries for {len(self.blocks)} blocks")
        pasts = []
        for n, block in enumerate(self.blocks):
            assert isinstance(block, Block | GraphNetwork)
            state, kept = block.step(state, heard, None if past is None else past[n])
            pasts.append(kept)
        if self.norm is not None:
            state = state.with_nodes(self.config.answers, self.norm(state.nodes[self.config.answers]))
        return state, heard, pasts

    def save(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors into a folder, each at once or not at all."""
        save_network(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> "Network":
        """The network that `save` wrote; what is missing, truncated or of another architecture is one clear error."""
        network: Network = load_network(cls, Path(folder))
        return network

    def _inputs(self, x: Tensor | Mapping[str, Tensor]) -> dict[str, Tensor]:
        if not isinstance(x, Mapping):
            if len(self.config.inputs) != 1:
                raise ValueError(f"Network: x must be a mapping with {', '.join(self.config.inputs)}, got one tensor")
            return {next(iter(self.config.inputs)): x}
        if set(x) != set(self.config.inputs):
            raise ValueError(
                f"Network: x must have the node sets {', '.join(self.config.inputs)}, got {', '.join(x) or 'none'}"
            )
        return dict(x)

    def _heard(self, graphs: Graph | Mapping[str, Graph]) -> dict[str, Graph]:
        """Every graph that the blocks hear, the missing ones built by their patterns."""
        names = self.graph_names
        if isinstance(graphs, Graph):
            free = [name for name in names if name not in self.patterns] or list(names)
            if len(free) > 1:
                raise ValueError(f"Network: hears {', '.join(names)}; give the graphs by name, got one graph alone")
            graphs = {free[0] if free else "edges": graphs}
        heard = dict(graphs)
        for name in names:
            if name in heard:
                continue
            if name not in self.patterns:
                raise ValueError(f"Network: hears the graph {name!r}, got {', '.join(heard) or 'none'}")
            heard[name] = self._built(name, heard)
        return heard

    def _built(self, name: str, heard: Mapping[str, Graph]) -> Graph:
        """The graph of a pattern, for the sizes of a graph given on the same nodes; kept with that graph."""
        senders, receivers = node_sets(name)
        pattern = self.patterns[name]
        for other, graph in heard.items():
            if node_sets(other) == (senders, receivers):
                return graph.remember(("pattern", str(pattern)), partial(_like, pattern, graph))
        raise ValueError(f"Network: no graph on the nodes of {name!r} was given to build it for; see Network.graphs")

    def _edges(self, edges: Tensor | Mapping[str, Tensor] | None) -> dict[str, Tensor]:
        if edges is None:
            return {}
        if isinstance(edges, Mapping):
            return dict(edges)
        free = [name for name in self.graph_names if name not in self.patterns]
        if len(free) != 1:
            raise ValueError(f"Network: give edge features by graph name; the graphs are {', '.join(self.graph_names)}")
        return {free[0]: edges}


def _graph_of(nodes: str, graphs: Mapping[str, Graph]) -> Graph | None:
    """The first graph that says which place each of these nodes has: one among themselves, if there is any."""
    heard = [(node_sets(name)[0] != nodes, graph) for name, graph in graphs.items() if node_sets(name)[1] == nodes]
    return min(heard, key=lambda found: found[0], default=(True, None))[1]


def _like(pattern: Pattern, graph: Graph) -> Graph:
    receivers, senders = graph.receiver_offsets.diff().tolist(), graph.sender_offsets.diff().tolist()
    return _batch(pattern, receivers, senders).to(graph.device)


def _batch(pattern: Pattern, receivers: Sequence[int], senders: Sequence[int]) -> Graph:
    """The pattern's graph for each of these sizes, as one."""
    past = [s - r for r, s in zip(receivers, senders, strict=True)]
    if len(past) > 1 and min(past) >= 0:
        return pattern.build_batch(receivers, past)
    graphs = [pattern.build(r, s) for r, s in zip(receivers, senders, strict=True)]
    return graphs[0] if len(graphs) == 1 else Graph.batch(graphs)
