import torch

from edgewise.graph import Graph, random_walk_return
from edgewise.graph.structure.origin import Parts, Whole, per_node, set_origin, set_store


def path(nodes: int) -> Graph:
    first = torch.arange(nodes - 1)
    return Graph.from_edges(torch.cat([first, first + 1]), torch.cat([first + 1, first]), num_senders=nodes)


def test_a_batch_and_a_sample_have_the_rows_of_where_they_come_from():
    measured = []

    def measure(graph):
        measured.append(graph)
        return random_walk_return(graph, 3)

    one, two = path(5), path(4)
    for _ in range(3):
        batch = Graph.batch([two, one])
        set_origin(batch, Parts([two, one]))
        assert torch.equal(per_node(batch, "walks", measure), random_walk_return(Graph.batch([two, one]), 3))
    assert [graph.num_receivers for graph in measured] == [4, 5]
    sample = path(2)
    set_origin(sample, Whole(one, torch.tensor([4, 2])))
    assert torch.equal(per_node(sample, "walks", measure), random_walk_return(one, 3)[[4, 2]])
    assert len(measured) == 2


def test_a_store_is_asked_once():
    asked = []

    def store(graph, name, measure):
        asked.append(name)
        return measure(graph)

    graph = path(3)
    set_store(graph, store)
    for _ in range(2):
        assert per_node(graph, "degrees", Graph.degree).tolist() == [1, 2, 1]
    assert asked == ["degrees"]
    alone = path(3)
    assert per_node(alone, "degrees", Graph.degree).tolist() == [1, 2, 1]
