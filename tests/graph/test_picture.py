import pytest
import torch

from edgewise.graph import Graph, draw, picture


def causal(n):
    return Graph.from_mask(torch.ones(n, n, dtype=torch.bool).tril())


def image(figure):
    return figure.axes[0].images[0]


def test_receivers_are_rows_from_above_and_senders_columns():
    figure = picture(Graph.from_edges(torch.tensor([2]), torch.tensor([0]), num_senders=3), title="one edge")
    axes = figure.axes[0]
    assert axes.get_xlabel() == "sender j" and axes.get_ylabel() == "receiver i" and axes.get_title() == "one edge"
    shown = image(figure).get_array().filled(0)
    assert shown[0, 2] == 1 and shown.sum() == 1
    top, bottom = axes.get_ylim()[::-1]
    assert (top, bottom) == (-0.5, 2.5) and len(figure.axes) == 1


def test_more_nodes_than_cells_show_shares_with_a_scale():
    figure = picture(causal(40), cells=4)
    assert image(figure).get_array().shape == (4, 4)
    assert figure.axes[1].get_ylabel() == "share of pairs that are edges"
    assert figure.axes[0].get_xlim() == (-0.5, 39.5)


@pytest.mark.parametrize("size", [0, 1, 300])
@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_it_is_drawn_into_a_file(tmp_path, size, ending):
    file = tmp_path / f"graph.{ending}"
    draw(causal(size), file)
    assert file.stat().st_size > 1000


def test_a_graph_without_edges_is_a_white_square():
    nothing = torch.zeros(0, dtype=torch.int64)
    shown = image(picture(Graph.from_edges(nothing, nothing, num_senders=5))).get_array()
    assert shown.mask.all()
