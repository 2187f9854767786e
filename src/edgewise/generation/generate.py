"""What comes next, step by step: each token is heard once, and what it leaves is kept."""

from collections.abc import Collection, Iterator, Sequence

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import Module

from edgewise import native
from edgewise.generation.decodable import check_decodable
from edgewise.generation.sampling import Sampling
from edgewise.layers import Block, MessagePassing, Past
from edgewise.layers.past import ROOM
from edgewise.models import Network

Prompt = Sequence[int] | Int[Tensor, "_tokens"]  # one may be longer than another

Reach = tuple[MessagePassing, int | None]
"""A layer, and how far back it hears; None: without end."""


def generate(
    network: Network,
    prompts: Sequence[Prompt],
    *,
    max_tokens: int,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: int | Collection[int] = (),
    seed: int = 0,
) -> list[list[int]]:
    """t_n ~ Sampling(network(t_0 … t_(n-1))), again and again: the tokens that follow each prompt.

    Prompts of any lengths stand side by side without padding, and a sequence that has ended leaves the others. What is
    said of one does not depend on the others: greedy, it is the likeliest token of a full forward, step by step; drawn,
    prompt k draws from a stream of its own, of `seed + k`.

    Args:
        network: a decoder in `eval()`; `check_decodable` says what can be said step by step.
        prompts: the tokens that each sequence begins with, one at least.
        max_tokens: the tokens that are said of each at most, besides the prompt.
        temperature, top_k, top_p: see `Sampling`.
        stop: the token, or the tokens, that end a sequence; it is not among those that come back.
        seed: of what is drawn, from 0 on.

    >>> from edgewise.models import decoder
    >>> _ = torch.manual_seed(0)
    >>> network = Network(decoder(11, dim=16, num_heads=2, num_layers=1, hidden=32)).eval()
    >>> [len(said) for said in generate(network, [[1, 2, 3], [4]], max_tokens=5)]
    [5, 5]
    """
    options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    steps = stream(network, prompts, max_tokens=max_tokens, stop=stop, seed=seed, **options)  # type: ignore[arg-type]
    said: list[list[int]] = [[] for _ in prompts]
    for step in steps:
        for tokens, token in zip(said, step, strict=True):
            tokens += [] if token is None else [token]
    return said


def stream(
    network: Network,
    prompts: Sequence[Prompt],
    *,
    max_tokens: int,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: int | Collection[int] = (),
    seed: int = 0,
) -> Iterator[list[int | None]]:
    """`generate`, as it comes: at each step the next token of every sequence, None where it has ended.

    What cannot be is refused at once, not at the first step.

    >>> from edgewise.models import decoder
    >>> network = Network(decoder(11, dim=16, num_heads=2, num_layers=1, hidden=32)).eval()
    >>> for (token,) in stream(network, [[1, 2, 3]], max_tokens=5):
    ...     assert 0 <= token < 11
    """
    sampling = Sampling(temperature, top_k, top_p)
    if max_tokens < 1:
        raise ValueError(
            f"generate: max_tokens must be at least 1, got {max_tokens}. It counts tokens besides the prompt."
        )
    device = next(network.parameters()).device
    tokens = [torch.as_tensor(prompt, dtype=torch.int64, device=device) for prompt in prompts]
    empty = next((k for k, prompt in enumerate(tokens) if not len(prompt)), None)
    if empty is not None:
        raise ValueError(f"generate: prompt {empty} is empty; give the token that a text begins with")
    if not tokens:
        return iter(())
    check_decodable(network, max(map(len, tokens)) + max_tokens - 1)
    ends = {stop} if isinstance(stop, int) else set(stop)
    streams = [torch.Generator().manual_seed(seed + k) for k in range(len(tokens))]
    return _said(network, tokens, max_tokens, sampling, ends, streams)


def _said(
    network: Network,
    prompts: Sequence[Tensor],
    max_tokens: int,
    sampling: Sampling,
    ends: Collection[int],
    streams: Sequence[torch.Generator],
) -> Iterator[list[int | None]]:
    going, reaches = list(range(len(prompts))), [_reaches(network, block) for block in network.blocks]
    heard, new, x, past = [0] * len(prompts), [len(prompt) for prompt in prompts], torch.cat(list(prompts)), None
    for _ in range(max_tokens):
        # In inference mode, and not across the yield: it would stay on for whoever takes the steps.
        with torch.inference_mode():
            graphs = {name: graph.to(x.device) for name, graph in network.graphs(new, past=heard).items()}
            state, graphs, past = network.run(graphs, x, past=past)
            nodes = network.config.answers
            assert network.head is not None
            if max(new) > 1:
                last = torch.tensor(new, device=x.device).cumsum(0) - 1
                state = state.with_nodes(nodes, state.nodes[nodes][last])
            logits = network.head(state, graphs)
            drawn = sampling.drawn(logits, [streams[k] for k in going])
            said = drawn.tolist()
            heard = [a + b for a, b in zip(heard, new, strict=True)]
            stay = [row for row, token in enumerate(said) if token not in ends]
            step: list[int | None] = [None] * len(prompts)
            for row in stay:
                step[going[row]] = said[row]
            past = [_kept(*one) for one in zip(past, reaches, strict=True)]
            if len(stay) < len(going):
                past = [[kept.of(stay) for kept in block] for block in past]
                going, heard, drawn = [going[row] for row in stay], [heard[row] for row in stay], drawn[stay]
            new, x = [1] * len(going), drawn
        if not going:
            return
        yield step


def _reaches(network: Network, block: Module) -> list[Reach] | None:
    """Those of a block's hearings; None of a block that hears along no graph."""
    if not isinstance(block, Block):
        return None
    return [(layer, network.patterns[layer.hearing.graph].hears_back) for layer in block.layers]


def _kept(pasts: list[Past], reaches: list[Reach] | None) -> list[Past]:
    """What later nodes can hear of what a block has kept, with room for them where everybody stays to be heard."""
    if reaches is None:
        return pasts
    return [
        _with_room(past, layer) if far is None else past.last(far)
        for past, (layer, far) in zip(pasts, reaches, strict=True)
    ]


def _with_room(past: Past, layer: MessagePassing) -> Past:
    """Edge by edge nobody minds the room between texts; one text has it behind itself."""
    if past.room is not None:
        return past
    takes_room = layer.takes_room and past.value.device.type == "cpu" and native.module() is not None
    return past.with_room(ROOM) if takes_room or len(past.offsets) == 2 else past
