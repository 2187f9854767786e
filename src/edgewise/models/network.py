"""THE network: embed, blocks, head. Every architecture is a configuration of it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from edgewise.graph import Graph
from edgewise.kernels import SparseTable
from edgewise.layers import (
    NORMS,
    Block,
    BlockConfig,
    GraphNetwork,
    GraphNetworkConfig,
    Past,
    Recurrent,
    RecurrentConfig,
    State,
    node_sets,
)
from edgewise.models.checkpoint import fill, read, write
from edgewise.models.combinations import COMBINATIONS
from edgewise.models.config import AnyBlock, NetworkConfig
from edgewise.models.embedding import Embedding
from edgewise.models.heads import HEADS
from edgewise.models.heard import Lengths, all_graphs, pattern_graphs
from edgewise.models.tied import give_both_names
from edgewise.names import lookup
from edgewise.part import Part
from edgewise.patterns import Sequences, parse

Pasts = list[list[Past]]


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
        lookup(config.answers, config.inputs, "node set that answers")
        self.patterns = {name: parse(text) for name, text in config.patterns.items()}
        embeddings = {name: Embedding(embed) for name, embed in config.inputs.items()}
        self.embed = nn.ModuleDict(embeddings)
        dims = {name: embed.dim for name, embed in config.inputs.items()}
        blocks: list[Block | GraphNetwork | Recurrent] = []
        for n, block in enumerate(config.blocks):
            if block.nodes not in dims:
                raise ValueError(
                    f"NetworkConfig: block {n} renews the node set {block.nodes!r}, but inputs has only "
                    f"{', '.join(dims)}"
                )
            made = _made(block, dims)
            dims[block.nodes] = made.out_dim
            blocks.append(made)
        self.blocks = nn.ModuleList(blocks)
        self.combination = None
        if config.combination is not None:
            dim = _one_width(config, [block.out_dim for block in blocks])
            of = Part.of(config.combination)
            self.combination = of.build(COMBINATIONS, "combination", dim=dim, num_blocks=len(blocks))
        self.norm = None
        if config.norm is not None:
            self.norm = Part.of(config.norm).build(NORMS, "norm", dim=dims[config.answers])
        self.head = None
        if config.head is not None:
            tokens = embeddings[config.answers].tokens
            table = None if tokens is None else tokens.weight
            self.head = Part.of(config.head).build(HEADS, "head", dims=dims, table=table)
        self.graph_names = self._graph_names()
        for name in self.patterns:
            lookup(name, dict.fromkeys(self.graph_names), "graph of a pattern")
        nn.Module.register_load_state_dict_pre_hook(self, give_both_names)

    def _graph_names(self) -> tuple[str, ...]:
        """The names of all graphs that blocks hear, and that blocks, positions or the head read besides."""
        hearings = [layer for block in self.blocks if isinstance(block, Block) for layer in block.layers]
        names = [name for block in self.config.blocks for name in _heard_by(block)]
        names += [layer.along for layer in hearings if layer.along is not None]
        names += [embed.along for embed in self.config.inputs.values() if embed.along is not None]
        read: str | None = getattr(self.head, "graph", None)
        return tuple(dict.fromkeys(names if read is None else [*names, read]))

    @property
    def edge_features_of(self) -> tuple[str, ...]:
        """The names of the graphs whose raw edge features are read."""
        return tuple(dict.fromkeys(name for block in self.config.blocks for name in _edges_read_by(block)))

    def graphs(self, lengths: Lengths, past: Lengths | None = None) -> dict[str, Graph]:
        """The graphs that the patterns of the config build: for text, which brings no edges of its own.

        Args:
            lengths: how many new nodes each graph of the batch has; by node set where they differ.
            past: how many past nodes each graph of the batch has besides, which are heard and do not hear.
        """
        return pattern_graphs(self.patterns, tuple(self.config.inputs), Sequences(lengths), past)

    def forward(
        self,
        graphs: Graph | Mapping[str, Graph] | Sequences,
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
                config's patterns that is missing is built from the sizes of those given. Or the sequences that the
                patterns make all graphs of.
            x: tokens or features of the nodes, these dense or torch.sparse_csr; a mapping of several node sets.
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
        graphs: Graph | Mapping[str, Graph] | Sequences,
        x: Shaped[Tensor, "..."] | Mapping[str, Tensor],
        *,
        kinds: Shaped[Tensor, "..."] | None = None,
        edges: Float[Tensor, "..."] | Mapping[str, Tensor] | None = None,
        whole: Float[Tensor, "graphs dim"] | None = None,
        past: Pasts | None = None,
        watch: Callable[[int, State], None] | None = None,
    ) -> tuple[State, dict[str, Graph], Pasts]:
        """All final states, the graphs they were heard along, and what each hearing leaves.

        `watch` hears the number of each block and the state that it gives.
        """
        inputs = self._inputs(x)
        if isinstance(graphs, Sequences):
            graphs = self._made_of(graphs, inputs[self.config.answers].device)
        heard = all_graphs(graphs, self.graph_names, self.patterns)
        nodes = {}
        for name, given in inputs.items():
            own = kinds if name == self.config.answers else None
            nodes[name] = self.embed[name](given, self._placing(name, heard), own)
        state = State(nodes, self._edges(edges), self._whole(whole))
        if past is not None and len(past) != len(self.blocks):
            raise ValueError(f"Network: past has {len(past)} entries for {len(self.blocks)} blocks")
        pasts: Pasts = []
        said: list[Tensor] = []
        for n, block in enumerate(self.blocks):
            assert isinstance(block, Block | GraphNetwork | Recurrent)
            state, kept = block.step(self._combined(state, said), heard, None if past is None else past[n])
            pasts.append(kept)
            if watch is not None:
                watch(n, state)
        state = self._combined(state, said)
        if self.norm is not None:
            state = state.with_nodes(self.config.answers, self.norm(state.nodes[self.config.answers]))
        return state, heard, pasts

    def _combined(self, state: State, said: list[Tensor]) -> State:
        """The state that the next block is given; `said` gains what the last one gave."""
        if self.combination is None:
            return state
        said.append(self.combination.said(len(said), state.nodes[self.config.answers]))
        return state.with_nodes(self.config.answers, self.combination(said))

    def save(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors into a folder, each at once or not at all."""
        write(self, self.config, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> "Network":
        """The network that `save` wrote, in its dtype; what is missing, damaged or does not fit is one clear error.

        A config may name parts by import path, and loading imports them: load what you trust.
        """
        config, weights = read(Path(folder))
        network = cls(config)
        fill(network, weights, Path(folder))
        return network

    def _inputs(self, x: Tensor | Mapping[str, Tensor]) -> dict[str, Tensor]:
        sets = ", ".join(self.config.inputs)
        if not isinstance(x, Mapping):
            if len(self.config.inputs) != 1:
                raise ValueError(f"Network: x must be a mapping with {sets}, got one tensor")
            x = dict.fromkeys(self.config.inputs, x)
        if set(x) != set(self.config.inputs):
            raise ValueError(f"Network: x must have the node sets {sets}, got {', '.join(x) or 'none'}")
        for given in x.values():
            own = next(self.parameters(), given)
            if given.device != own.device:
                raise ValueError(f"Network: x is on {given.device} and the network on {own.device}; move one of them")
            mixed = given.is_floating_point() and given.dtype != own.dtype
            if mixed and not torch.is_autocast_enabled(own.device.type):
                raise TypeError(f"Network: x is {given.dtype} and the network {own.dtype}; convert one of them")
        return {name: _as_table(given) for name, given in x.items()}

    def _made_of(self, sequences: Sequences, device: torch.device) -> dict[str, Graph]:
        """The graphs of patterns, and those that the sequences bring."""
        made = pattern_graphs(self.patterns, tuple(self.config.inputs), sequences, None)
        return {name: graph.to(device) for name, graph in {**made, **sequences.graphs}.items()}

    def _placing(self, nodes: str, heard: Mapping[str, Graph]) -> Graph | None:
        """The graph that says which place each of these nodes has: the one named, or the first among themselves."""
        among = (name for name in heard if node_sets(name) == (nodes, nodes))
        name = self.config.inputs[nodes].along or next(among, None)
        return None if name is None else heard[name]

    def _edges(self, edges: Tensor | Mapping[str, Tensor] | None) -> dict[str, Tensor]:
        if edges is None:
            return {}
        read = dict.fromkeys(self.edge_features_of)
        if isinstance(edges, Mapping):
            for name in edges:
                lookup(name, read, "graph whose edge features are read")
            return dict(edges)
        if len(read) != 1:
            raise ValueError(
                f"Network: edge features are read of {', '.join(read) or 'no graph'}, got one tensor; "
                f"{'give them by graph name' if read else 'edge_dim in Hearing makes a layer read them'}"
            )
        return dict.fromkeys(read, edges)

    def _whole(self, whole: Tensor | None) -> Tensor | None:
        reads = any(isinstance(block, GraphNetwork) for block in self.blocks) or bool(getattr(self.head, "whole", 0))
        if whole is not None and not reads:
            raise ValueError("Network: states of whole graphs were given, and no block or head reads them")
        return whole


def _one_width(config: NetworkConfig, widths: list[int]) -> int:
    """The channels that all states have which a combination joins."""
    if len(config.inputs) != 1:
        raise ValueError(f"NetworkConfig: a combination is of one node set, got {', '.join(config.inputs)}")
    dim = config.inputs[config.answers].dim
    if set(widths) - {dim}:
        raise ValueError(
            f"NetworkConfig: a combination adds what all blocks give, so each must give {dim} channels as the "
            f"embedding does, got {', '.join(map(str, widths))}"
        )
    return dim


def _as_table(x: Tensor) -> Tensor:
    return x if x.layout is torch.strided else SparseTable.of(x)


def _made(block: AnyBlock, dims: Mapping[str, int]) -> Block | GraphNetwork | Recurrent:
    """The block of a config, for node sets of so many channels."""
    if isinstance(block, BlockConfig):
        return Block(dims[block.nodes], block, dims)
    if isinstance(block, RecurrentConfig):
        return Recurrent(dims[block.nodes], block)
    return GraphNetwork(dims[block.nodes], block)


def _heard_by(block: AnyBlock) -> list[str]:
    return [hearing.graph for hearing in block.hears] if isinstance(block, BlockConfig) else [block.graph]


def _edges_read_by(block: AnyBlock) -> list[str]:
    if not isinstance(block, BlockConfig):
        return [block.graph] if isinstance(block, GraphNetworkConfig) else []
    return [hearing.graph for hearing in block.hears if hearing.edge_dim is not None]
