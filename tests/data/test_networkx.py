import networkx
import pytest

from edgewise.data import from_networkx


@pytest.fixture
def network():
    """Ten people in a ring who are happy or not; the even ones have an age."""
    ring = networkx.cycle_graph([f"p{k}" for k in range(10)])
    for k, node in enumerate(ring):
        ring.nodes[node].update(label=["happy", "sad"][k % 2], town=["Ulm", "Bonn"][k // 5])
    networkx.set_edge_attributes(ring, {edge: k for k, edge in enumerate(ring.edges)}, "since")
    return ring


def test_attributes_become_features_and_targets(network):
    task = from_networkx(network, name="people", edge_features={"since": {"name": "number", "standardise": False}})
    assert task.described() == "10 nodes, 20 edges, 2 features, 1 edge features, 2 classes"
    assert task.targets.tolist() == [0, 1] * 5 and task.features.tolist() == [[0, 1]] * 5 + [[1, 0]] * 5
    senders, receivers = (ends.tolist() for ends in task.graphs.edges())
    nodes = list(network)
    expected = [network.edges[nodes[s], nodes[r]]["since"] for s, r in zip(senders, receivers, strict=True)]
    assert task.edges[:, 0].tolist() == expected


def test_a_directed_network_is_heard_one_way(network):
    arrows = networkx.DiGraph([("p0", "p1"), ("p2", "p1")])
    arrows.add_nodes_from(network.nodes(data=True))
    task = from_networkx(arrows)
    assert task.graphs.degree().tolist() == [0, 2, *[0] * 8]


def test_an_attribute_names_the_given_split(network):
    for k, node in enumerate(network):
        network.nodes[node]["part"] = "train" if k < 4 else "validation" if k < 6 else "test"
    task = from_networkx(network, split="given", split_attribute="part")
    assert task.train.tolist() == [0, 1, 2, 3] and task.test.tolist() == [6, 7, 8, 9]


def test_a_node_without_an_attribute_has_an_empty_cell(network):
    network.nodes["p0"]["age"] = 7
    with pytest.raises(
        ValueError, match="people nodes: column 'age' is to hold finite numbers, got nan at row 1 .9 such"
    ):
        from_networkx(network, name="people")
    filled = {"name": "number", "standardise": False, "fill": 1.0}
    assert from_networkx(network, features={"age": filled}).features[:, 0].tolist() == [7, *[1] * 9]


def test_attributes_of_mixed_kinds_are_refused(network):
    network.nodes["p0"]["town"] = 3
    with pytest.raises(ValueError, match="networkx nodes: 'town' is to hold values of one kind: "):
        from_networkx(network)


def test_parallel_edges_are_named_or_merged(network):
    double = networkx.MultiGraph(network)
    double.add_edge("p0", "p1", since=4)
    with pytest.raises(ValueError, match="networkx edges: rows 0 and 1 both join 0 and 1"):
        from_networkx(double)
    assert from_networkx(double, duplicates="mean").graphs.num_edges == 20
