"""No speed is reported for a wrong answer: outputs and gradients of a way, beside the softmax written out in float64.

    out_i = Σ_j α_ij v_j,  α_i· = softmax of s_ij over the j that i hears

Rows are looked at, not all: outputs and query gradients of some receivers, key and value gradients of some senders
(their gradients need every receiver that hears them), for the first head and the last.
"""

from dataclasses import dataclass, replace

import torch
from problem import Problem
from torch import Tensor
from way import Way

from edgewise.kernels import Dot, Score

# What rounding may take, beside the largest number: 1e-5 is what "equal" means in float32, a half has 8 bits.
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12, torch.bfloat16: 2**-7, torch.float16: 2**-10}
RECEIVERS, SENDERS = 24, 2


class WrongError(SystemExit):
    """A way computes something else."""


def check(name: str, way: Way) -> None:
    """Refuse a way whose output, or gradient, is not attention along this graph."""
    problem, N = way.problem, way.problem.num_nodes
    with torch.no_grad():
        out = way.layout.nodes_first(way.compute()).reshape(N, *problem.shape)
    rows = torch.linspace(0, N - 1, min(N, RECEIVERS)).long()
    upstream = torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).to(out.dtype)
    truth = written_out(problem, rows, upstream)
    compare(name, "output", out[rows], truth.out)
    if not way.backward:
        return
    senders = torch.linspace(0, N - 1, SENDERS + 2).long()[1:-1].unique()
    hearing = problem.graph.transpose()[senders].edges()[0].unique()
    out = way.compute()
    found = torch.autograd.grad(out, way.leaves, way.layout.own(upstream).reshape(out.shape))
    found = [way.layout.nodes_first(x).reshape(leaf.shape) for x, leaf in zip(found, problem.leaves, strict=True)]
    compare(name, "gradient of the query", found[0][rows], truth.query)
    of_senders = written_out(problem, hearing, upstream)
    here = torch.isin(of_senders.heard, senders)
    known = of_senders.heard[here]  # a sender that nobody hears has no gradient to look at
    for which, mine, true in zip(("key", "value"), found[1:], of_senders.keys_and_values, strict=False):
        compare(name, f"gradient of the {which}", mine[known], true[here])


@dataclass(frozen=True)
class Truth:
    """What some receivers hear, and the gradients that flow back from them alone; the first and last head, float64."""

    out: Tensor
    query: Tensor  # gradient, a row a receiver
    heard: Tensor  # the senders that the receivers hear
    keys_and_values: list[Tensor]  # gradients, a row for each of those


def written_out(problem: Problem, rows: Tensor, upstream: Tensor) -> Truth:
    """The equation, over the mask of these receivers and whom they hear."""
    heard = problem.graph[rows].edges()[0].unique()
    mask = problem.graph.subgraph(rows, heard).dense()
    ends = [0, problem.shape[0] - 1]
    own = [problem.leaves[0][rows], *(x[heard] for x in problem.leaves[1:])]
    own = [x.detach()[:, ends].double().requires_grad_() for x in own]
    query, key, value = own[0], own[1], own[-1]
    outs = []
    for head, number in enumerate(ends):
        if isinstance(problem.score, Dot):
            logits = query[:, head] @ key[:, head].T * problem.score.factor(query.shape[-1])
        else:
            pairs = torch.cartesian_prod(torch.arange(len(rows)), torch.arange(len(heard)))
            asking, asked = query[pairs[:, 0], [head]], key[pairs[:, 1], [head]]
            logits = _of_head(problem.score, number).logits(asking[:, None], asked[:, None]).view(mask.shape)
        weights = logits.masked_fill(~mask, -torch.inf).softmax(-1).nan_to_num()
        outs.append(weights @ value[:, head])
    out = torch.stack(outs, 1)
    gradients = torch.autograd.grad(out, own, upstream[rows][:, ends].double())
    return Truth(out.detach(), gradients[0], heard, list(gradients[1:]))


def _of_head(score: Score, head: int) -> Score:
    """GATv2's vector has a row a head."""
    return score if score.tensor is None else replace(score, vector=score.vector[[head]].double())


def compare(name: str, what: str, found: Tensor, truth: Tensor) -> None:
    """max |found - truth| ≤ tolerance · max(1, max |truth|)."""
    found = found[:, [0, -1]]
    bound = TOLERANCE[found.dtype] * max(1.0, float(truth.abs().max()))
    error = float((found.double() - truth).abs().max())
    if not error <= bound:
        raise WrongError(f"{name}: the {what} is off by {error:.2g}, more than {bound:.2g}; no speed is reported")
