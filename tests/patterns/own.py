"""A pattern of one's own, as a reader of the library would write it."""

from dataclasses import dataclass, field

from edgewise.patterns import Pattern


@dataclass(frozen=True)
class dilated(Pattern):
    """j -> i   iff   j - p is one of -reach * step, ..., 0, ..., reach * step"""

    reach: int
    step: int = 1
    loudness: float = 1.0
    label: str | None = ""
    exact: bool = field(default=False, kw_only=True)

    def intervals(self, p, n):
        for k in range(-self.reach, self.reach + 1):
            yield p + k * self.step, p + k * self.step + 1


@dataclass(frozen=True)
class half(Pattern):
    """A mistake: divides with / where // is meant."""

    def intervals(self, p, n):
        return [(0, p / 2)]


@dataclass(frozen=True)
class near(Pattern):
    """j -> i   iff   the features of j and p differ by less than 1"""

    @property
    def needs(self):
        return frozenset({"features"})

    def graph(self, nodes):
        from edgewise.graph import Graph

        here = nodes.features[nodes.first :]
        return Graph.from_mask((here[:, None] - nodes.features).abs().sum(-1) < 1)


@dataclass(frozen=True)
class silent(Pattern):
    """A mistake: says nothing."""


NUMBER = 3
