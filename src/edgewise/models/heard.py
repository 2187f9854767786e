"""The graphs that a network hears: given by name, or built by its patterns."""

from collections.abc import Mapping, Sequence
from functools import partial

from edgewise.graph import Graph
from edgewise.layers import node_sets
from edgewise.names import lookup
from edgewise.patterns import Pattern, Sequences

Lengths = Sequence[int] | Mapping[str, Sequence[int]]


def all_graphs(
    given: Graph | Mapping[str, Graph], names: Sequence[str], patterns: Mapping[str, Pattern]
) -> dict[str, Graph]:
    """Every graph of these names, in their order, the missing ones built by their patterns.

    One graph alone is the one that no pattern builds, or the only one.
    """
    if isinstance(given, Graph):
        free = [name for name in names if name not in patterns] or list(names)
        if len(free) > 1:
            raise ValueError(f"Network: hears {', '.join(names)}; give the graphs by name, got one graph alone")
        given = dict.fromkeys(free, given)
    for name in given:
        lookup(name, dict.fromkeys(names), "graph")
    graphs = {}
    for name in names:
        if name not in given and name not in patterns:
            raise ValueError(f"Network: hears the graph {name!r}, got {', '.join(given) or 'none'}")
        graphs[name] = given[name] if name in given else _built(name, patterns[name], given)
    return graphs


def pattern_graphs(
    patterns: Mapping[str, Pattern], sets: Sequence[str], sequences: Sequences, past: Lengths | None
) -> dict[str, Graph]:
    """The graph of each pattern for these sequences and so many past nodes of each node set."""
    new = _counts("lengths", sets, sequences.lengths)
    kept = {name: [0] * len(counts) for name, counts in new.items()} if past is None else _counts("past", sets, past)
    sizes = {len(counts) for counts in (*new.values(), *kept.values())}
    if len(sizes) > 1:
        raise ValueError(
            f"Network.graphs: lengths and past must count the same graphs in every node set, got {new} and {kept}"
        )
    built = {}
    for name, pattern in patterns.items():
        senders, receivers = node_sets(name)
        if pattern.needs:
            built[name] = sequences.graph(pattern, kept[senders], receivers)
            continue
        columns = [before + more for before, more in zip(kept[senders], new[senders], strict=True)]
        built[name] = _batch(pattern, new[receivers], columns)
    return built


def _counts(what: str, sets: Sequence[str], given: Lengths) -> dict[str, list[int]]:
    """A list of counts for each node set."""
    if not isinstance(given, Mapping):
        given = dict.fromkeys(sets, given)
    if set(given) != set(sets):
        raise ValueError(
            f"Network.graphs: {what} must have the node sets {', '.join(sets)}, got {', '.join(given) or 'none'}"
        )
    return {name: list(counts) for name, counts in given.items()}


def _built(name: str, pattern: Pattern, given: Mapping[str, Graph]) -> Graph:
    """The pattern's graph for as many nodes as the graphs given have; kept with the one that has its receivers."""
    ends = {node_sets(other): graph for other, graph in given.items()}
    senders, receivers = node_sets(name)
    alike = ends.get((senders, receivers))
    rows = alike or next((graph for (_, nodes), graph in ends.items() if nodes == receivers), None)
    columns = alike or next((graph for (nodes, _), graph in ends.items() if nodes == senders), None)
    if rows is None or columns is None or rows.num_graphs != columns.num_graphs:
        raise ValueError(f"Network: no graph on the nodes of {name!r} was given to build it for; see Network.graphs")
    other = None if columns is rows else columns
    return rows.remember(("pattern", str(pattern), other), partial(_like, pattern, rows, columns))


def _like(pattern: Pattern, rows: Graph, columns: Graph) -> Graph:
    receivers, senders = rows.receiver_offsets.diff().tolist(), columns.sender_offsets.diff().tolist()
    return _batch(pattern, receivers, senders).to(rows.device)


def _batch(pattern: Pattern, receivers: Sequence[int], senders: Sequence[int]) -> Graph:
    """The pattern's graph for each of these sizes, as one."""
    past = [s - r for r, s in zip(receivers, senders, strict=True)]
    if len(past) > 1 and min(past) >= 0:
        return pattern.build_batch(receivers, past)
    graphs = [pattern.build(r, s) for r, s in zip(receivers, senders, strict=True)]
    return graphs[0] if len(graphs) == 1 else Graph.batch(graphs)
