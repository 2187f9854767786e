"""Whether an attention's own eager function is softmax over edges: asked once, in numbers, before we take it over.

Models hand their attentions more than the interface says, and read some of it elsewhere. What cannot be seen in the
arguments shows in the answer.
"""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

MOST = 4
"""So many queries and keys are compared."""


def check_agreement(
    module: nn.Module,
    ours: Callable[..., tuple[Tensor, Tensor | None]],
    query: Tensor,
    key: Tensor,
    value: Tensor,
    terms: dict[str, Any],
) -> bool:
    """Refuse an attention whose own eager function answers otherwise on a few of its queries and keys.

        max |ours - eager| <= ε · max |eager|,   ε = 1e-3 in float32 and float64, 5e-2 in less

    Args:
        ours: the function that is to take its place.
        terms: every other argument by name; tensors of [..., queries, keys] are cut to size.

    Returns whether they could be compared: not where eager attention itself answers with no numbers.
    """
    name = type(module).__name__
    eager = eager_of(type(module))
    if eager is None:
        raise ValueError(
            f"rewire: {name} has no eager attention beside the interface, so that nothing tells what it computes; "
            "edgewise takes over none that it cannot compare with"
        )
    Q, K = min(MOST, query.shape[2]), min(MOST, key.shape[2])
    few = (query[:1, :, :Q].detach(), key[:1, :, :K].detach(), value[:1, :, :K].detach())
    heard = torch.ones(Q, K, dtype=torch.bool, device=query.device).tril(K - Q).index_fill(
        1, torch.zeros(1, dtype=torch.int64, device=query.device), True
    )  # fmt: skip
    least = torch.finfo(query.dtype).min
    mask = torch.zeros(1, 1, Q, K, dtype=query.dtype, device=query.device).masked_fill(~heard, least)
    sizes = (query.shape[2], key.shape[2])
    cut = {key: _cut(term, sizes, Q, K) for key, term in terms.items()}
    with torch.no_grad():
        theirs, _ = eager(module, *few, mask, dropout=0.0, **cut)
        answer, _ = ours(module, *few, mask, dropout=0.0, **cut)
    if not bool(theirs.isfinite().all()):
        return False
    error = float((answer - theirs).abs().max())
    tolerance = 1e-3 if query.dtype in (torch.float32, torch.float64) else 5e-2
    if not error <= tolerance * max(float(theirs.abs().max()), 1e-3):
        raise ValueError(
            f"rewire: the eager attention of {name} is not softmax over the keys that are heard: the answers differ by "
            f"{error:.2g}. edgewise would compute something else; restore(model) puts its own attention back"
        )
    return True


def eager_of(family: type) -> Callable[..., Any] | None:
    """The eager attention that the forward of a module falls back to."""
    forward = inspect.unwrap(family.forward)  # type: ignore[attr-defined]
    names = [name for name in forward.__code__.co_names if name.endswith("eager_attention_forward")]
    return forward.__globals__.get(names[0]) if names else None


def _cut(term: Any, sizes: tuple[int, int], rows: int, columns: int) -> Any:
    if not isinstance(term, Tensor) or term.dim() != 4:
        return term
    term = term[:1]
    if term.shape[-2] == sizes[0]:
        term = term[..., :rows, :]
    return term[..., :columns] if term.shape[-1] == sizes[1] else term
