"""The convolutions of PyTorch Geometric <-> our drop-in layers of the same names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from edgewise.layers.convolutions import Convolution, GATConv, TransformerConv
from edgewise.layers.convolutions.convolution import AGGREGATORS
from edgewise.names import lookup
from edgewise.pretrained.names_table import NamesTable, Row

AnyTensor = Shaped[Tensor, "..."]
State = Mapping[str, AnyTensor]


def from_pyg(state: State, module: nn.Module, *, skip: Sequence[str] = ()) -> dict[str, AnyTensor]:
    """The state of a PyG module under our names: what `module.load_state_dict` takes.

    `module` is a convolution of ours, or a model made of them: what is no convolution keeps its name. `skip` lists
    names of theirs to leave out.

    >>> from edgewise.layers.convolutions import GCNConv
    >>> ours = GCNConv(4, 2)
    >>> theirs = {"lin.weight": torch.ones(2, 4), "bias": torch.zeros(2)}
    >>> from_pyg(theirs, ours).keys()
    dict_keys(['layer.projections.to_value.weight', 'layer.bias'])
    """
    state = dict(state)
    for copy, name in _copies(module):
        if copy in state and name in state and not torch.equal(state[copy], state[name]):
            raise ValueError(
                f"from_pyg: {copy} and {name} are one tensor here (share_weights), but their numbers differ"
            )
        state.pop(copy, None)
    state = {name: x for name, x in state.items() if name not in _unread(module)}
    return _table(module).from_theirs(state, module, skip=skip, mend="skip= says which names to leave out.")


def to_pyg(state: State, module: nn.Module) -> dict[str, AnyTensor]:
    """The state of a convolution of ours, or a model made of them, under PyG's names: the inverse of `from_pyg`.

    The lin_skip that PyG's TransformerConv has and does not read with root_weight=False comes back as zeros.
    """
    theirs = _table(module).to_theirs(state, module)
    theirs.update({copy: theirs[name] for copy, name in _copies(module) if name in theirs})
    return theirs | _unread(module)


def copy_weights(theirs: nn.Module, ours: nn.Module) -> None:
    """Give `ours` the weights of `theirs`: a PyG convolution, or a model whose convolutions stand where ours stand.

    Arguments that no weight shows (concat, negative_slope, add_self_loops, …) must be the same on both sides.
    """
    for prefix, convolution in _convolutions(ours):
        peer, wanted = theirs.get_submodule(prefix[:-1]), type(convolution).__name__
        if type(peer).__name__ != wanted:
            raise TypeError(f"copy_weights: theirs must be PyG's {wanted}, as ours, got {type(peer).__name__}")
        for name, value in {**convolution.settings, "flow": "source_to_target"}.items():
            given = getattr(peer, name, value)
            if _meaning(given) != _meaning(value):
                raise ValueError(f"copy_weights: {prefix}{name} is {given!r} in theirs and {value!r} in ours")
    ours.load_state_dict(from_pyg(theirs.state_dict(), ours))


@dataclass(frozen=True)
class Wrapped(Row):
    """theirs = ours, wrapped in a first dimension of 1."""

    def joined(self, ours: Sequence[AnyTensor]) -> AnyTensor:
        """Their tensor."""
        return ours[0][None]

    def split(self, theirs: AnyTensor, sizes: Sequence[int]) -> list[AnyTensor]:
        """Our tensor."""
        return [theirs[0]]


_ATTENTION = (
    Row("lin_edge.*", "projections.to_edge.*"),
    Row("res.*", "root.project.*"),
    Row("bias", "bias"),
)
_GAT = (
    Wrapped("att_src", "score.key_vector"),
    Wrapped("att_dst", "score.query_vector"),
    Wrapped("att_edge", "score.edge_vector"),
    *_ATTENTION,
)
PYG: dict[str, tuple[Row, ...]] = {
    "GCNConv": (Row("lin.*", "projections.to_value.*"), Row("bias", "bias")),
    "SAGEConv": (
        Row("lin.*", "projections.to_value.*"),
        Row("lin_l.*", "output.*"),
        Row("lin_r.*", "root.project.*"),
    ),
    "GINConv": (Row("eps", "root.epsilon"),),
    "GATConv": (Row("lin.*", "projections.to_value.*"), *_GAT),
    "GATConv of two node sets": (
        Row("lin_src.*", "projections.to_value.*"),
        Row("lin_dst.*", "projections.to_query.*"),
        *_GAT,
    ),
    "GATv2Conv": (
        Row("lin_l.*", "projections.to_value.*"),
        Row("lin_r.*", "projections.to_query.*"),
        Wrapped("att", "score.vector"),
        *_ATTENTION,
    ),
    "GMMConv": (
        Row("g", "projections.to_value.weight", transposed=True),
        Row("mu", "score.mean"),
        Row("sigma", "score.deviation"),
        Row("root.*", "root.project.*"),
        Row("bias", "bias"),
    ),
    "TransformerConv": (
        Row("lin_query.*", "projections.to_query.*"),
        Row("lin_key.*", "projections.to_key.*"),
        Row("lin_value.*", "projections.to_value.*"),
        Row("lin_skip.*", "root.project.*"),
        Row("lin_beta.*", "root.gate.*"),
        Row("lin_edge.*", "projections.to_edge.*"),
    ),
}
"""What PyG calls the tensors of each convolution, and what its message passing calls them here."""


def _kind(convolution: Convolution) -> str:
    apart = isinstance(convolution, GATConv) and convolution.layer.projections.to_query is not None
    return "GATConv of two node sets" if apart else type(convolution).__name__


def _table(module: nn.Module) -> NamesTable:
    """The rows of every convolution in the module; all other names stay."""
    rows: list[Row] = []
    for prefix, convolution in _convolutions(module):
        rows += [row.under(prefix, f"{prefix}layer.") for row in lookup(_kind(convolution), PYG, "convolution")]
    translated = tuple(f"{prefix}layer." for prefix, _ in _convolutions(module))
    rows += [Row(name, name) for name in module.state_dict() if not name.startswith(translated)]
    return NamesTable("PyG", tuple(rows))


def _convolutions(module: nn.Module) -> list[tuple[str, Convolution]]:
    """The prefix of the names of each convolution in a module, and the convolution."""
    found = [
        (f"{path}." if path else "", part) for path, part in module.named_modules() if isinstance(part, Convolution)
    ]
    if not found:
        raise TypeError(
            f"from_pyg, to_pyg: {type(module).__name__} holds no convolution of edgewise.layers.convolutions"
        )
    return found


def _copies(module: nn.Module) -> list[tuple[str, str]]:
    """Names of theirs that are one tensor with another: GATv2Conv's lin_r where weights are shared."""
    shared = [prefix for prefix, convolution in _convolutions(module) if convolution.settings.get("share_weights")]
    return [(f"{prefix}lin_r.{kind}", f"{prefix}lin_l.{kind}") for prefix in shared for kind in ("weight", "bias")]


def _unread(module: nn.Module) -> dict[str, AnyTensor]:
    """What no forward of theirs reads, as zeros: TransformerConv's lin_skip where there is no root weight."""
    ours, found = module.state_dict(), {}
    for prefix, convolution in _convolutions(module):
        if isinstance(convolution, TransformerConv) and not convolution.settings["root_weight"]:
            width = convolution.out_channels * (convolution.settings["heads"] if convolution.settings["concat"] else 1)
            for kind in ("weight", "bias"):
                query = ours.get(f"{prefix}layer.projections.to_query.{kind}")
                if query is not None:
                    found[f"{prefix}lin_skip.{kind}"] = query.new_zeros(width, *query.shape[1:])
    return found


def _meaning(value: object) -> object:
    """PyG has two names for the sum."""
    return AGGREGATORS.get(value, value) if isinstance(value, str) else value
