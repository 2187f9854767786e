"""What a Hugging Face config says, read key by key, so that nothing it says goes unheard."""

from collections.abc import Collection, Mapping
from typing import Any

# What these say changes no number of a forward pass: names, how weights began, tokens with a role, what is returned,
# what is saved of memory.
WITHOUT_EFFECT = {
    *("_name_or_path", "architectures", "finetuning_task", "problem_type", "task_specific_params"),
    *("id2label", "label2id", "transformers_version", "dtype", "torch_dtype", "initializer_range"),
    *("bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id"),
    *("output_attentions", "output_hidden_states", "return_dict", "use_cache"),
    *("chunk_size_feed_forward", "gradient_checkpointing"),
}


class Settings:
    """A config's settings; each is taken or expected by name, and `finish` refuses those that nobody asked for.

    A setting that is not there, or is None, has Hugging Face's default.

    >>> settings = Settings({"model_type": "gpt2", "n_embd": 64, "scale_attn_weights": True}, "gpt2")
    >>> settings.take("n_embd", 768), settings.take("n_layer", 12)
    (64, 12)
    >>> settings.expect("scale_attn_weights", True)
    >>> settings.finish()
    """

    def __init__(self, config: Any, model_type: str) -> None:
        """`config`: a mapping (config.json), or an object that has `to_dict()`."""
        if not isinstance(config, Mapping):
            if not hasattr(config, "to_dict"):
                raise TypeError(
                    f"config_from_hf: expected a Hugging Face config or the mapping in its config.json, got {config!r}"
                )
            config = config.to_dict()
        self.where = f"config_from_hf, {model_type}"
        self.given = {name: value for name, value in config.items() if value is not None}
        self.heard: set[str] = set()
        self.expect("model_type", model_type)
        self.expect("is_encoder_decoder", False)

    def take(self, name: str, default: Any) -> Any:
        """The value of a setting."""
        self.heard.add(name)
        return self.given.get(name, default)

    def expect(self, name: str, value: Any) -> None:
        """Refuse any other value; `value` is also the default."""
        found = self.take(name, value)
        if found != value:
            raise ValueError(f"{self.where}: {name} must be {value!r}, got {found!r}; this model's page has no other")

    def alike(self, *names: str, default: Any) -> Any:
        """The value of settings for which we have one word."""
        values = {name: self.take(name, default) for name in names}
        if len(set(values.values())) > 1:
            told = ", ".join(f"{name} {value!r}" for name, value in values.items())
            raise ValueError(f"{self.where}: {', '.join(names)} are one number here, so they must be equal, got {told}")
        return values[names[0]]

    def finish(self, ignore: Collection[str] = ()) -> None:
        """Refuse what is left. `ignore` names what the caller knows to have no effect."""
        unheard = sorted(set(self.given) - self.heard - WITHOUT_EFFECT - set(ignore))
        if unheard:
            told = ", ".join(f"{name}={self.given[name]!r}" for name in unheard)
            raise ValueError(
                f"{self.where}: nothing here knows what these settings mean: {told}. Name them in ignore=(...) if they "
                "change no number of a forward pass"
            )
