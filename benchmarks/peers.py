"""Who computes attention along a graph: each peer a function from a problem to its way, None where it has none.

Each gets its tensors in the layout that it likes best, and its form of the graph (an edge list, a mask, a block mask)
beforehand: what is measured is attention, given queries, keys and values.
"""

import sys
import warnings
from collections.abc import Callable
from functools import cache
from types import ModuleType

import torch
from problem import Problem, in_dtype, over_all_pairs
from torch import Tensor
from torch.nn import Module, Parameter
from torch.nn.attention.flex_attention import BlockMask, flex_attention
from torch.nn.functional import scaled_dot_product_attention
from torch_geometric.nn import GATConv, GATv2Conv, TransformerConv
from way import HEADS_FIRST, Way, leaves

from edgewise.graph import Graph
from edgewise.kernels import Additive, Dot, GATv2, attend

EDGE_ARRAY = 1.5e9  # bytes: libraries that make arrays of edges × channels, several, are asked for no larger ones
DGL_EDGES = 2_000_000  # it makes no such arrays, and takes long
MASK = 5_000  # nodes: dense attention, a mask of all pairs
YARDSTICK = 4_096  # nodes of the dense attention that larger graphs are set beside, pair by pair
BLOCK = 128  # FlexAttention's


def ours(impl: str = "auto") -> "Peer":
    def way(given: Problem) -> Way:
        q, k, v, graph, score = given.query, given.key, given.value, given.graph, given.score
        return Way(given, lambda: attend(q, k, v, graph, score=score, impl=impl), given.leaves, graph.num_edges)

    return way


def ours_in_halves(given: Problem) -> Way:
    """The same numbers, rounded to bfloat16."""
    return ours()(in_dtype(given, torch.bfloat16))


def pyg(given: Problem) -> Way | None:
    """The message passing of the convolution with this score: no projections, no self-loops."""
    return _pyg(given, propagate)


def pyg_compiled(given: Problem) -> Way | None:
    return _pyg(given, torch.compile(propagate, dynamic=True))


def _pyg(given: Problem, propagated: Callable[..., Tensor]) -> Way | None:
    if _edge_array(given) > EDGE_ARRAY:
        return None
    conv, edge_index = convolution(given), given.graph.to_edge_index()
    q, k, v = given.query, given.key, given.value
    return Way(given, lambda: propagated(conv, edge_index, q, k, v), given.leaves, given.graph.num_edges)


def convolution(given: Problem) -> Module:
    heads, dim = given.shape
    if isinstance(given.score, Additive):
        return GATConv(1, dim, heads, add_self_loops=False)
    if isinstance(given.score, GATv2):
        conv = GATv2Conv(1, dim, heads, add_self_loops=False)
        conv.att = Parameter(given.score.vector[None], requires_grad=False)
        return conv
    return TransformerConv(1, dim, heads, root_weight=False)


def propagate(conv: Module, edge_index: Tensor, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    size = (len(value), len(query))
    if isinstance(conv, TransformerConv):
        return conv.propagate(edge_index, query=query, key=key, value=value, edge_attr=None, size=size)
    if isinstance(conv, GATv2Conv):
        alpha = conv.edge_updater(edge_index, x=(key, query), edge_attr=None)
        return conv.propagate(edge_index, x=(key, query), alpha=alpha, size=size)
    scalars = (key.squeeze(-1), query.squeeze(-1))
    alpha = conv.edge_updater(edge_index, alpha=scalars, edge_attr=None, size=size)
    return conv.propagate(edge_index, x=(value, value), alpha=alpha, size=size)


def dgl(given: Problem) -> Way | None:
    """Scores along edges, their softmax, the weighted sum: DGL's three kernels for it, where DGL is installed."""
    library = _dgl()
    if library is None or not isinstance(given.score, Dot) or given.graph.num_edges > DGL_EDGES:
        return None
    from dgl.nn.functional import edge_softmax

    senders, receivers = given.graph.edges()
    graph = library.graph((senders, receivers), num_nodes=given.num_nodes)
    q, k, v, factor = given.query, given.key, given.value, given.score.factor(given.query.shape[-1])

    def compute() -> Tensor:
        alpha = edge_softmax(graph, library.ops.v_dot_u(graph, q * factor, k))
        return library.ops.u_mul_e_sum(graph, v, alpha)

    return Way(given, compute, given.leaves, given.graph.num_edges)


@cache
def _dgl() -> ModuleType | None:
    """DGL, if it can be imported without its loader GraphBolt, which comes compiled for a few versions of PyTorch."""
    sys.modules.setdefault("dgl.graphbolt", ModuleType("dgl.graphbolt"))
    try:
        import dgl
    except (ImportError, OSError):
        return None
    return dgl


def torch_sparse(given: Problem) -> Way | None:
    """Scores sampled at the edges, sparse softmax, sparse product: PyTorch's own, head by head."""
    if not isinstance(given.score, Dot) or given.value.dtype != torch.float32 or _edge_array(given) > EDGE_ARRAY:
        return None
    graph, own = given.graph, leaves(given, HEADS_FIRST)
    factor, size = given.score.factor(given.query.shape[-1]), (given.num_nodes, given.num_nodes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "in beta state"
        zeros = torch.sparse_csr_tensor(graph.edge_offsets, graph.edges()[0], torch.zeros(graph.num_edges), size)

    def head(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scores = torch.sparse.sampled_addmm(zeros, q * factor, k.transpose(0, 1)).to_sparse_coo()
        return torch.sparse.mm(torch.sparse.softmax(scores, 1), v)

    def compute() -> Tensor:
        return torch.stack([head(*one) for one in zip(*(x[0] for x in own), strict=True)])[None]

    return Way(given, compute, own, graph.num_edges, HEADS_FIRST)


def sdpa_direct(given: Problem) -> Way | None:
    """What one would write for the complete or causal graph without us, on the same tensors in the same layout."""
    causal = given.is_whole("causal")
    if not isinstance(given.score, Dot) or not (causal or given.is_whole("complete")):
        return None

    def compute() -> Tensor:
        q, k, v = (x.transpose(0, 1)[None] for x in given.leaves)
        return scaled_dot_product_attention(q, k, v, is_causal=causal)[0].transpose(0, 1)

    return Way(given, compute, given.leaves, given.graph.num_edges)


def sdpa_all_pairs(given: Problem) -> Way | None:
    """Dense attention, told by the pair: on the same nodes, or on fewer where they are many."""
    if not isinstance(given.score, Dot):
        return None
    dense = over_all_pairs(given, None if given.num_nodes <= MASK else YARDSTICK)
    own = leaves(dense, HEADS_FIRST)
    return Way(dense, lambda: scaled_dot_product_attention(*own), own, dense.graph.num_edges, HEADS_FIRST)


def sdpa_masked(given: Problem) -> Way | None:
    """Dense attention with the graph as a mask: right, at the price of all pairs."""
    if not isinstance(given.score, Dot) or given.num_nodes > MASK:
        return None
    own, mask = leaves(given, HEADS_FIRST), given.graph.dense()
    return Way(
        given, lambda: scaled_dot_product_attention(*own, attn_mask=mask), own, given.graph.num_edges, HEADS_FIRST
    )


def flex(given: Problem) -> Way | None:
    """FlexAttention, compiled, over the blocks that hold an edge. It has no backward on a CPU."""
    mask_mod = given.case.mask_mod
    if not isinstance(given.score, Dot) or mask_mod is None:
        return None
    own, blocks = [x.detach() for x in leaves(given, HEADS_FIRST)], block_mask(given.graph, mask_mod)
    compiled = torch.compile(flex_attention, dynamic=False)
    return Way(
        given, lambda: compiled(*own, block_mask=blocks), own, given.graph.num_edges, HEADS_FIRST, backward=False
    )


def block_mask(graph: Graph, mask_mod: Callable[..., Tensor]) -> BlockMask:
    """Which blocks hold edges, and which nothing but edges, counted on the edges: no array of all pairs."""
    N, wide = graph.num_receivers, -(-graph.num_receivers // BLOCK)
    senders, receivers = graph.edges()
    held = torch.bincount(receivers // BLOCK * wide + senders // BLOCK, minlength=wide**2).view(wide, wide)
    full = held == BLOCK**2
    numbers = [x for kind in ((held > 0) & ~full, full) for x in _listed(kind)]
    return BlockMask.from_kv_blocks(*numbers, BLOCK_SIZE=BLOCK, mask_mod=mask_mod, seq_lengths=(N, N))


def _listed(kind: Tensor) -> tuple[Tensor, Tensor]:
    """How many blocks of each row are of a kind, and which, those first."""
    first = kind.int().argsort(dim=-1, descending=True, stable=True).int()
    return kind.sum(-1).int()[None, None], first[None, None].contiguous()


def _edge_array(given: Problem) -> float:
    heads, dim = given.shape
    return given.graph.num_edges * heads * dim * given.value.element_size()


Peer = Callable[[Problem], Way | None]

PEERS: dict[str, Peer] = {
    "edgewise": ours(),
    "edgewise, bfloat16": ours_in_halves,
    "PyG": pyg,
    "PyG, compiled": pyg_compiled,
    "DGL": dgl,
    "torch.sparse": torch_sparse,
    "SDPA, called directly": sdpa_direct,
    "SDPA, all pairs": sdpa_all_pairs,
    "SDPA with the mask": sdpa_masked,
    "FlexAttention, compiled": flex,
}


def ways(given: Problem, names: list[str] | None = None) -> dict[str, Way]:
    """The ways that apply, by name. What was compiled for an earlier problem is forgotten."""
    torch.compiler.reset()
    torch._dynamo.config.fail_on_recompile_limit_hit = True  # or it would go on uncompiled, and be timed so
    made = {name: peer(given) for name, peer in PEERS.items() if names is None or name in names}
    return {name: way for name, way in made.items() if way is not None}
