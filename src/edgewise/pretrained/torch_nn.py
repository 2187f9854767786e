"""The attention, layers and stacks of torch.nn <-> ours."""

from collections.abc import Mapping, Sequence

from jaxtyping import Shaped
from torch import Tensor, nn

from edgewise.layers import Block, MessagePassing
from edgewise.models import Network
from edgewise.pretrained.names_table import NamesTable, Row

AnyTensor = Shaped[Tensor, "..."]


def from_torch(state: Mapping[str, AnyTensor], layer: nn.Module, *, skip: Sequence[str] = ()) -> dict[str, AnyTensor]:
    """The state of a torch.nn module under our names: what `layer.load_state_dict` takes.

    | ours | theirs |
    | --- | --- |
    | `MessagePassing` | `MultiheadAttention`; with senders of another width, kdim = vdim |
    | `Block` that hears one graph | `TransformerEncoderLayer` |
    | `Block` that hears two in turn | `TransformerDecoderLayer` (self, then memory) |
    | `Network` of such blocks | `TransformerEncoder`, `TransformerDecoder` |
    | `Network` of both kinds, each with its norm at the end | `Transformer` |

    Their key and value come from one sender, so kdim and vdim are equal; `bias_k`, `bias_v` have no place here.

    >>> from edgewise.layers import Hearing
    >>> theirs = nn.MultiheadAttention(8, num_heads=2, batch_first=True)
    >>> ours = MessagePassing(8, 8, Hearing(num_heads=2))
    >>> ours.load_state_dict(from_torch(theirs.state_dict(), ours))
    <All keys matched successfully>
    """
    return _table(layer).from_theirs(state, layer, skip=skip, mend="skip= says which names to leave out.")


def to_torch(state: Mapping[str, AnyTensor], layer: nn.Module) -> dict[str, AnyTensor]:
    """The state of one of our modules under torch.nn's names: the inverse of `from_torch`."""
    return _table(layer).to_theirs(state, layer)


def _table(layer: nn.Module) -> NamesTable:
    if isinstance(layer, MessagePassing):
        return NamesTable("MultiheadAttention", _attention(layer))
    if isinstance(layer, Block):
        return NamesTable(_name(layer), _block(layer))
    blocks = [block for block in layer.blocks if isinstance(block, Block)] if isinstance(layer, Network) else []
    if not blocks:
        raise TypeError(
            "from_torch, to_torch: expected a MessagePassing, a Block or a Network of Blocks, got "
            f"{type(layer).__name__}"
        )
    names = [_name(block) for block in blocks]
    if len(set(names)) == 1:
        return NamesTable(names[0].removesuffix("Layer"), _stack(blocks, 0, "norm.*"))
    read = names.index("TransformerDecoderLayer")
    reading = [row.under("encoder.") for row in _stack(blocks[:read], 0, f"blocks.{read - 1}.closing_norm.*")]
    writing = [row.under("decoder.") for row in _stack(blocks[read:], read, "norm.*")]
    return NamesTable("Transformer", (*reading, *writing))


def _stack(blocks: Sequence[Block], first: int, norm: str) -> tuple[Row, ...]:
    """Blocks in a row, of which the first is our number `first`, and the norm after them."""
    rows = [
        row.under(f"layers.{n}.", f"blocks.{first + n}.") for n, block in enumerate(blocks) for row in _block(block)
    ]
    return (*rows, Row("norm.*", norm))


def _name(block: Block) -> str:
    return "TransformerEncoderLayer" if len(block.hearings) == 1 else "TransformerDecoderLayer"


def _attention(layer: nn.Module) -> tuple[Row, ...]:
    """Theirs keeps query, key and value as one matrix where all read states of one width."""
    assert isinstance(layer, MessagePassing)
    into = tuple(f"projections.{name}." for name in ("to_query", "to_key", "to_value"))
    if layer.projections.in_dim == layer.projections.sender_dim:
        weights: tuple[Row, ...] = (Row("in_proj_*", tuple(f"{name}*" for name in into)),)
    else:
        weights = (
            *(Row(f"{kind}_proj_weight", f"{name}weight") for kind, name in zip("qkv", into, strict=True)),
            Row("in_proj_bias", tuple(f"{name}bias" for name in into)),
        )
    return (*weights, Row("out_proj.*", "output.*"))


def _block(block: Block) -> tuple[Row, ...]:
    rows: list[Row] = []
    for n, (attention, hearing) in enumerate(zip(("self_attn.", "multihead_attn."), block.hearings, strict=False)):
        rows += [row.under(attention, f"hearings.{n}.") for row in _attention(hearing)]
        rows.append(Row(f"norm{n + 1}.*", f"around.{n}.norm.*"))
    return (
        *rows,
        Row("linear1.*", "feed_forward.widen.*"),
        Row("linear2.*", "feed_forward.narrow.*"),
        Row(f"norm{len(block.hearings) + 1}.*", "around_feed_forward.norm.*"),
    )
