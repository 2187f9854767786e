"""A social network: which pages have influence, and which connections to suggest, on MUSAE's pages of Facebook.

Run: python social_network.py musae_facebook [--picture suggestions.png] [--quick]

The folder holds facebook_edges.csv, facebook_target.csv and facebook.json. Influence is PageRank, computed by NetworkX
and learned as a number a node, from the words of a page, how many pages it is linked to, and its neighbours.
Connections are learned from links held out, and suggested among all pairs of pages that are not linked. --quick takes a
few steps on a part of the graph.
"""

import argparse
import csv
import tempfile
from dataclasses import replace
from pathlib import Path

import networkx
import torch

from edgewise import Network
from edgewise.analysis import suggest
from edgewise.data import LinkTask, NodeTask, Numbers, links_of, musae, shares
from edgewise.data.sparse import join_columns, take_rows
from edgewise.models import gat, sage
from edgewise.training import TrainingConfig, train


def pages_of(folder: Path, most: int) -> tuple[LinkTask, list[str]]:
    """The pages and their links, and their names: at most so many, those with most links."""
    pages = musae(folder=folder, task="links")
    (file,) = folder.glob("*_target.csv")
    with file.open(encoding="utf-8", newline="") as lines:
        names = [row.get("page_name", f"page {row['id']}") for row in csv.DictReader(lines)]
    if most >= pages.num_nodes:
        return pages, names
    few = pages.graph.degree().topk(most).indices.sort().values
    graph = pages.graph.subgraph(few)
    parts = shares(torch.ones(links_of(graph).shape[1]), train=0.85, validation=0.05, seed=0)
    return replace(pages, graph=graph, features=take_rows(pages.features, few), **parts._asdict()), [
        names[page] for page in few.tolist()
    ]


def influence_task(pages: LinkTask) -> NodeTask:
    """Say ln PageRank of a page from its words and ln(1 + how many pages it is linked to)."""
    ranks = networkx.pagerank(pages.graph.to_networkx())
    targets = torch.tensor([ranks[page] for page in range(pages.num_nodes)]).log()[:, None]
    links = pages.graph.degree().float().log1p()[:, None]
    parts = shares(targets, seed=0)
    return NodeTask(
        name="influence",
        graphs=pages.graph,
        features=join_columns([pages.features, (links - links.mean()) / links.std()]),
        targets=targets,
        **parts._asdict(),
        answer=Numbers.standardised(["ln PageRank"], targets[parts.train]),
    )


def draw(page: int, partners: list[int], pages: LinkTask, names: list[str], file: Path) -> None:
    """A page, some of those it is linked to, and those suggested, with the links among them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    known = pages.graph[[page]].edges()[0].tolist()
    linked = set(known)
    # Of many neighbours, those who know the suggested say most.
    common = pages.graph.subgraph([*partners, *known]).degree()[len(partners) :].tolist()
    shown = [node for _, node in sorted(zip(common, known, strict=True), reverse=True)][:25]
    nodes = list(dict.fromkeys([page, *shown, *partners]))
    ego = pages.graph.subgraph(nodes).remove_self_loops().to_networkx().to_undirected()
    places = networkx.spring_layout(ego, seed=0)
    colours = ["tab:red" if n == page else "tab:blue" if n in linked else "tab:orange" for n in nodes]
    figure = Figure(figsize=(11, 9), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    networkx.draw_networkx_nodes(ego, places, node_color=colours, node_size=60, ax=axes)
    networkx.draw_networkx_edges(ego, places, alpha=0.15, ax=axes)
    new = [(0, nodes.index(partner)) for partner in partners]
    suggested = networkx.Graph(new)
    networkx.draw_networkx_edges(suggested, places, new, edge_color="tab:orange", style="dashed", ax=axes)
    # A name may hold what matplotlib reads as a formula.
    labels = {k: names[n].replace("$", r"\$") for k, n in enumerate(nodes) if n == page or n in partners}
    networkx.draw_networkx_labels(ego, places, labels, font_size=8, ax=axes)
    axes.set_title(f"{labels[0]}: linked pages in blue, suggested ones in orange")
    axes.set_axis_off()
    figure.savefig(file, dpi=110)


parser = argparse.ArgumentParser(description="Influence and suggested connections in a social network.")
parser.add_argument("folder", type=Path, help="the MUSAE files")
parser.add_argument("--picture", type=Path, default=Path("suggestions.png"))
parser.add_argument("--quick", action="store_true", help="a few steps on the 2,000 pages with most links")
asked = parser.parse_args()

torch.manual_seed(0)
pages, names = pages_of(asked.folder, 2000 if asked.quick else 10**9)
runs = Path(tempfile.mkdtemp())
print(f"{pages.num_nodes} pages, {len(pages.targets)} links")

influence = influence_task(pages)
config = TrainingConfig(epochs=10 if asked.quick else 60, learning_rate=1e-2, weight_decay=0.0, device="cpu")
ranker = Network(sage(influence.num_features, 1, hidden=32, dropout=0.1))
outcome = train(ranker, influence, config, runs / "influence")
with torch.no_grad():
    said = influence.answer.said(ranker.eval()(influence.graphs, influence.features))[:, 0]
true = influence.targets[:, 0]
unseen = influence.test
order = torch.stack([said[unseen].argsort().argsort(), true[unseen].argsort().argsort()]).double()
print(f"ln PageRank, test: rmse {outcome.figures['test'][1]:.3f}, rank correlation {torch.corrcoef(order)[0, 1]:.3f}")
for place, page in enumerate(unseen[said[unseen].topk(5).indices].tolist(), start=1):
    rank = int((true[unseen] > true[page]).sum()) + 1
    print(f"  {place}. {names[page]}: by PageRank number {rank} of {len(unseen)} test pages")

config = replace(config, epochs=10 if asked.quick else 100, optimiser="adamw")
judge = Network(gat(pages.num_features, 1, hidden=16, num_heads=4, dropout=0.0, head="links"))
outcome = train(judge, pages, config, runs / "links")

page = int(true.argmax())
found = suggest(judge, pages, k=5, nodes=torch.tensor([page]))
known = set(pages.graph[[page]].edges()[0].tolist())
print(f"suggested to {names[page]}, which has the most influence and {len(known)} links:")
for partner, score in zip(found.partners[0].tolist(), found.scores[0].tolist(), strict=True):
    common = known & set(pages.graph[[partner]].edges()[0].tolist())
    print(f"  {names[partner]}: y = {score:.2f}, {len(common)} pages in common")
draw(page, found.partners[0].tolist(), pages, names, asked.picture)
print(f"links, test: ROC-AUC {100 * outcome.figures['test'][1]:.1f} %; picture in {asked.picture}")
