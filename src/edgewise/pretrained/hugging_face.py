"""A model of Hugging Face's and the page of ours that equals it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor

from edgewise.models import Network, NetworkConfig
from edgewise.pretrained.names_table import NamesTable, Row
from edgewise.pretrained.settings import Settings

AnyTensor = Shaped[Tensor, "..."]


@dataclass(frozen=True)
class HuggingFace:
    """Names and settings of one of their models <-> ours, with `to_hf(from_hf(state)) == state` exactly.

    transformers is not needed: a state is a mapping of names to tensors, a config the mapping in a config.json.
    """

    architecture: str  # their class, whose names these are
    model_type: str
    prefix: str  # what the names of the base model begin with
    rows: tuple[Row, ...]  # of the base model, without the prefix
    head: tuple[Row, ...]  # of what stands on it
    page: Callable[[Settings], NetworkConfig]

    def config_from_hf(self, hf_config: Any, *, ignore: Collection[str] = ()) -> NetworkConfig:
        """Our config of their model; a setting that we have no word for is an error.

        Args:
            hf_config: their config, or the mapping in its config.json.
            ignore: settings unknown here that are known to change no number.
        """
        settings = Settings(hf_config, self.model_type)
        config = self.page(settings)
        settings.finish(ignore)
        return config

    def from_hf(
        self,
        state: Mapping[str, AnyTensor],
        config: NetworkConfig,
        *,
        prefix: str | None = None,
        skip: Sequence[str] = (),
    ) -> dict[str, AnyTensor]:
        """Their state under our names: what `Network(config).load_state_dict` takes.

        Args:
            state: their tensors by name. All that the config calls for, no others, each of the right shape.
            config: our config of the model.
            prefix: what the names of the base model begin with, where it is not as in `architecture`.
            skip: names to leave out, such as "pooler.*"; `to_hf` does not give them back.
        """
        mend = "prefix= says what names of the base model begin with, skip= which names to leave out."
        return self._table(prefix).from_theirs(state, _shapes(config), skip=skip, mend=mend)

    def to_hf(
        self, state: Mapping[str, AnyTensor], config: NetworkConfig, *, prefix: str | None = None
    ) -> dict[str, AnyTensor]:
        """Our state (`network.state_dict()`) under their names."""
        return self._table(prefix).to_theirs(state, _shapes(config))

    def _table(self, prefix: str | None) -> NamesTable:
        prefix = self.prefix if prefix is None else prefix
        return NamesTable(self.architecture, (*(row.under(prefix) for row in self.rows), *self.head))


def _shapes(config: NetworkConfig) -> Network:
    """The network without its numbers."""
    with torch.device("meta"):
        return Network(config)
