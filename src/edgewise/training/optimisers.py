"""How a gradient becomes a step."""

from torch.optim import SGD, Adam, AdamW, Optimizer

OPTIMISERS: dict[str, type[Optimizer]] = {"adam": Adam, "adamw": AdamW, "sgd": SGD}
