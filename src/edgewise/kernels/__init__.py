"""Numbers over indices: attend, aggregate and score_edges, apart from how fast they are computed."""

from edgewise.kernels.aggregate import REDUCTIONS, aggregate
from edgewise.kernels.attend import attend
from edgewise.kernels.dropout import keep
from edgewise.kernels.edge_term import EdgeTerm
from edgewise.kernels.offset_table import OffsetTable
from edgewise.kernels.plan import Plan, plan
from edgewise.kernels.routes import IMPLEMENTATIONS
from edgewise.kernels.score_edges import score_edges
from edgewise.kernels.scores import Additive, Constant, Dot, GATv2, Given, Score
from edgewise.kernels.sparse_table import SparseTable

__all__ = [
    "IMPLEMENTATIONS",
    "REDUCTIONS",
    "Additive",
    "Constant",
    "Dot",
    "EdgeTerm",
    "GATv2",
    "Given",
    "OffsetTable",
    "Plan",
    "Score",
    "SparseTable",
    "aggregate",
    "attend",
    "keep",
    "plan",
    "score_edges",
]
