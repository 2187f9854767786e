"""The compiled sum, mean and maximum: edge by edge over runs, exact, at the price of its edges.

    out_i = reduce_j  w_ij (v_j + e_ij W)  =  reduce_j w_ij v_j + (reduce_j w_ij e_ij) W        for sum and mean

Backward is a sum again: of gradients, by sender over the transposed graph. Heads that share their weights are one head
of more channels. Nothing grows with edges × channels.
"""

from torch import Tensor

from edgewise import native
from edgewise.graph import Graph
from edgewise.kernels.aggregation import Aggregation
from edgewise.kernels.blocks import product
from edgewise.kernels.native_call import EXACT
from edgewise.kernels.native_maximum import maximum
from edgewise.kernels.native_sum import weighted_sum
from edgewise.kernels.transforms import transformed


def hindrance(aggregation: Aggregation, graph: Graph) -> str | None:
    """What keeps an aggregation from the compiled kernels, as the end of a sentence; None where nothing does."""
    if native.module() is None:
        return "needs the compiled part, which this installation lacks"
    if graph.device.type != "cpu":
        return f"runs on the CPU, and the graph is on {graph.device}"
    if aggregation.reduce == "max" and aggregation.edge_value is not None:
        return "takes no edge features inside a maximum"
    if transformed(aggregation):
        return "works outside of torch.func's transforms and forward-mode differentiation"
    if graph.num_edges == 0 or 0 in aggregation.value.shape:
        return "has no empty tensors to work on"
    return None


def aggregate(aggregation: Aggregation, graph: Graph) -> Tensor:
    """The folded aggregation by the compiled kernels."""
    a, exact = aggregation, aggregation.dtype
    H, D = a.num_heads, a.value.shape[2]
    wide = a.edge_value is not None or exact != EXACT[a.value.dtype]
    # Rounded once, at the end.
    value = a.value.to(exact) if wide else a.value
    weights = None if a.weights is None else a.weights.to(exact)
    if weights is None or weights.dim() == 1:
        value, weights = value.flatten(1, 2)[:, None], None if weights is None else weights[:, None]
    if a.reduce == "max":
        return maximum(value, weights, graph).view(graph.num_receivers, H, D).to(a.value.dtype)
    features = None if a.edge_value is None else a.edge_value.features.to(exact)
    out, heard = weighted_sum(value, weights, features, graph, mean=a.reduce == "mean")
    if a.edge_value is not None:
        weight = a.edge_value.weight.to(exact)
        if value.shape[1] != a.value.shape[1]:
            weight = weight.flatten(1, 2)[:, None]
        weight = weight.repeat_interleave(heard.shape[1] // weight.shape[1], dim=1)
        out = out + product(heard, weight.transpose(0, 1))
    return out.view(graph.num_receivers, H, D).to(a.value.dtype)
