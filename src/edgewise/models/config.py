"""A whole network as a value: what comes in, which blocks, what it answers; and its JSON form."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, get_args

from edgewise.extras import require
from edgewise.layers import NODES, BlockConfig, GraphNetworkConfig, RecurrentConfig
from edgewise.models.embedding import EmbedConfig
from edgewise.part import Part

AnyBlock = BlockConfig | GraphNetworkConfig | RecurrentConfig


@dataclass(frozen=True)
class NetworkConfig:
    """embed -> blocks -> norm -> head. A published architecture is one of these.

    A `combination`, of one node set alone, says what each block is given of all earlier ones: see COMBINATIONS.
    """

    inputs: Mapping[str, EmbedConfig]  # node set -> how its states begin
    blocks: tuple[AnyBlock, ...]
    patterns: Mapping[str, str] = field(default_factory=dict)  # graph name -> pattern that builds it
    norm: str | Part | None = None  # of the final states
    head: str | Part | None = None  # None: the states themselves are the answer
    answers: str = NODES  # the node set that the final norm and a missing head speak of
    combination: str | Part | None = None  # of what all earlier blocks gave; None: each hears the one before it

    def to_json(self) -> str:
        """The config as text that `from_json` reads back to an equal value."""
        return json.dumps(_plain(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "NetworkConfig":
        """Read and check a config; every key that is unknown or of the wrong type is named."""
        pydantic = require("pydantic", extra="cli")
        adapter = pydantic.TypeAdapter(cls)
        try:
            config: NetworkConfig = adapter.validate_json(text, strict=True, extra="forbid")
        except pydantic.ValidationError as error:
            raise ValueError(f"NetworkConfig: {'; '.join(_told(error.errors()))}") from error
        return config


def _told(errors: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where each error is and what it is. A block is held against every kind; only the one it is nearer to is told."""
    count = Counter(e["loc"][:3] for e in errors)
    kinds = {kind.__name__ for kind in get_args(AnyBlock)}
    told = []
    for e in errors:
        alike = [count[where] for where in count if where[:2] == e["loc"][:2]]
        if e["loc"][2:3] and e["loc"][2] in kinds and count[e["loc"][:3]] > min(alike):
            continue
        what = "unknown key" if e["type"] == "unexpected_keyword_argument" else e["msg"]
        where = ".".join(str(part) for part in e["loc"] if part not in kinds)
        told.append(f"{where}: {what}" if where else what)
    return told


def _plain(value: Any) -> Any:
    """Dataclasses as tables, parts as tables with a name."""
    if isinstance(value, Part):
        return _plain(value.as_table())
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
