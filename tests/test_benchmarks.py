"""The benchmarks measure what they say: wrong answers are refused, ways take turns, numbers go where they belong."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers
from tests.scripts import FOLDER, NAMES, imported

from edgewise import Graph, parse
from edgewise.layers import State
from edgewise.models.heads import GraphHead, LinkHead

ROOT = Path(__file__).parent.parent
COMPILED = {"PyG, compiled", "FlexAttention, compiled"}  # half a minute each


@pytest.fixture(scope="module")
def bench():
    """Every script by its name."""
    with imported() as scripts:
        yield scripts


@pytest.fixture
def given(bench):
    return bench.problem.problem(bench.cases.random(40, 5), 3, 8)


def small_cases(bench):
    c = bench.cases
    return [
        *(c.window(50, 4, 4), c.window(50, 7, 0), c.hubs(50, 3, 2), c.random(50, 5), c.documents(60, 10)),
        *(c.clusters(40, 8, True), c.partitions(16, 2), c.whole("complete", 30), c.whole("causal", 30)),
    ]


@pytest.mark.parametrize("score", ["dot", "additive", "gatv2"])
def test_every_peer_computes_attention_on_every_graph(bench, score):
    for case in small_cases(bench):
        given = bench.problem.problem(case, 3, 8, score)
        ways = bench.peers.ways(given, [name for name in bench.peers.PEERS if name not in COMPILED])
        assert {"edgewise", "PyG"} <= set(ways)
        for name, way in ways.items():
            bench.parity.check(f"{name} on {case.name}", way)


def test_a_wrong_output_is_refused(bench, given):
    way = bench.peers.PEERS["edgewise"](given)
    with pytest.raises(bench.parity.WrongError, match="x: the output is off by .* no speed is reported"):
        bench.parity.check("x", replace(way, compute=lambda: way.compute() * 1.001))


@pytest.mark.parametrize("which", ["query", "key", "value"])
def test_a_wrong_gradient_is_refused(bench, given, which):
    way = bench.peers.PEERS["edgewise"](given)
    leaf = getattr(given, which)

    def compute():
        return way.compute() + (leaf - leaf.detach())  # the same numbers, another gradient

    with pytest.raises(bench.parity.WrongError, match=f"x: the gradient of the {which} is off"):
        bench.parity.check("x", replace(way, compute=compute))


def test_a_nan_is_refused(bench, given):
    way = bench.peers.PEERS["edgewise"](given)
    with pytest.raises(bench.parity.WrongError, match="output"):
        bench.parity.check("x", replace(way, compute=lambda: way.compute() * torch.nan))


def test_a_wrong_peer_is_left_out_and_ours_ends_the_run(bench, given):
    way = bench.peers.PEERS["edgewise"](given)
    wrong, told = replace(way, compute=lambda: way.compute() * 2), []
    assert bench.measure.right({"edgewise": way, "PyG": wrong}, told.append) == {"edgewise": way}
    assert "left out: PyG: the output" in told[0]
    with pytest.raises(SystemExit, match="edgewise: the output is off"):
        bench.measure.right({"edgewise": wrong}, told.append)


def test_a_wrong_loss_of_logits_is_refused(bench, monkeypatch):
    logits = bench.logits
    given = logits.Given.drawn(600, 16, 2000)
    logits.check(given)
    right = logits.WAYS["factors"]
    monkeypatch.setitem(logits.WAYS, "factors", lambda h, w, t: right(h, w.detach(), t) + 0 * w.sum())
    with pytest.raises(SystemExit, match="factors: off by .* no speed is reported"):
        logits.check(given)


def test_ways_take_turns_and_the_slow_drop_out(bench, monkeypatch):
    clock, order = [0.0], []
    monkeypatch.setattr(bench.measure.time, "perf_counter", lambda: clock[0])

    def call(name, seconds):
        def run():
            order.append(name)
            clock[0] += seconds

        return run

    taken = bench.measure.in_turn({"slow": [call("slow", 4)], "fast": [call("fast", 1), call("fast", 0.5)]}, 5, 7)
    assert taken == {"slow": [[4.0] * 3], "fast": [[1.0] * 5, [0.5] * 5]}
    assert order[:9] == ["slow", "fast", "fast", "slow", "fast", "fast", "fast", "fast", "slow"]


def test_a_quick_call_is_called_often(bench, monkeypatch):
    clock, calls = [0.0], []
    monkeypatch.setattr(bench.measure.time, "perf_counter", lambda: clock[0])

    def call():
        calls.append(1)
        clock[0] += 0.001

    (taken,) = bench.measure.in_turn({"quick": [call]}, 1, 1)["quick"]
    assert taken == pytest.approx([0.001])
    assert 10 <= len(calls) - 1 <= 11


def test_a_token_of_a_partition_hears_every_token_once_through_some_node(bench):
    """With one near node a token's senders tile the whole text, each as a span or by itself."""
    tokens = 64
    covers, count = [], tokens
    while count:
        covers += [range(k * (tokens // count), (k + 1) * (tokens // count)) for k in range(count)]
        count //= 2
    senders, receivers = bench.cases.partition_graph(tokens, 1).edges()
    for token in range(tokens):
        heard = [t for node in senders[receivers == token].tolist() for t in covers[node]]
        assert sorted(heard) == list(range(tokens))
    for node in range(tokens, 2 * tokens - 1):
        assert senders[receivers == node].tolist() == list(covers[node])


def test_document_lengths_fill_the_nodes(bench):
    lengths = bench.cases.document_lengths(5_000, 200)
    assert int(lengths.sum()) == 5_000 and int(lengths.min()) > 0 and int(lengths.max()) < 400


def test_the_mask_of_a_case_is_its_graph(bench):
    for case in small_cases(bench):
        if case.mask_mod is not None:
            graph = case.build()
            i, j = torch.arange(graph.num_receivers)[:, None], torch.arange(graph.num_senders)
            zero = torch.tensor(0)
            assert torch.equal(case.mask_mod(zero, zero, i, j), graph.dense()), case.name


def test_the_blocks_of_a_mask_are_those_with_edges(bench):
    case = bench.cases.window(600, 150, 0)
    graph = case.build()
    blocks = bench.peers.block_mask(graph, case.mask_mod)
    held = torch.nn.functional.pad(graph.dense().float(), (0, 40, 0, 40)).unflatten(0, (5, 128)).unflatten(2, (5, 128))
    assert torch.equal(blocks.to_dense()[0, 0].bool(), held.amax((1, 3)).bool())
    assert int(blocks.full_kv_num_blocks.sum()) == int((held.amin((1, 3)) == 1).sum())


def test_the_floor_is_operations_or_bytes(bench):
    machine = bench.machine.Machine(flops=1e9, bytes=1e9)
    assert machine.floor(edges=1000, nodes=1, dim=64) == pytest.approx(4 * 64 * 1000 / 1e9)
    assert machine.floor(edges=1, nodes=1000, dim=64, backward=True) == pytest.approx(12 * 64 * 1000 * 4 / 1e9)


def test_promises_are_judged_both_ways(bench):
    task = bench.attention.LARGE

    def row(way, forward):
        found = {"median": forward, "smallest": forward, "largest": forward}
        return {"way": way, "forward": found, "both": found}

    told = bench.attention.promises({task: [row("edgewise", 1.0), row("PyG", 50.0)]})
    assert [(one["part"], one["ratio"], one["kept"]) for one in told] == [("forward", 50, False), ("both", 50, True)]
    assert all(promise.peer in ("edgewise", *promise.task.peers) for promise in bench.attention.PROMISES)
    assert {peer for task in bench.attention.TASKS for peer in task.peers} <= set(bench.peers.PEERS)


def test_numbers_go_between_their_comments_only(bench):
    text = "a\n<!-- numbers: x -->\n\nold\n\n<!-- end -->\nb\n<!-- numbers: y -->\n\nold\n\n<!-- end -->\nc\n"
    assert bench.page.filled(text, "x", "new") == text.replace("old", "new", 1)
    with pytest.raises(SystemExit, match="expected one part <!-- numbers: z -->"):
        bench.page.filled(text, "z", "new")


def test_the_page_has_a_place_for_every_part(bench):
    text = (ROOT / "docs/performance.md").read_text()
    for part in bench.page.PARTS:
        assert "NEW" in bench.page.filled(text, part, "NEW")
    assert text.count("<!-- numbers: ") == len(bench.page.PARTS)


def test_saved_numbers_fill_the_page_and_its_figures(bench, tmp_path, monkeypatch):
    spread = {"median": 2.0, "smallest": 1.0, "largest": 3.0}
    row = {"graph": "g", "nodes": 4, "edges": 8, "heads": 8, "dim": 64, "way": "edgewise", "route": "native"}
    row |= {"pairs": 8, "rounds": 3, "forward": spread, "both": None, "floor": [1.0, 2.0]}
    point = {"kind": "window", "percent": 1, "edges": 8, "way": "edgewise", "route": "native"}
    point |= {"forward": spread, "both": spread}
    promise = {"graph": "g", "peer": "PyG", "part": "both", "faster": True, "bound": 2, "ratio": 3.0, "kept": True}
    saved = {
        "machine": {"flops": 1e11, "bytes": 1e10},
        "attention": {"attention": [row], "promises": [promise]},
        "density": {"nodes": 4, "density": [point, point | {"kind": "random"}]},
        "memory": {"memory": [{"graph": "g", "way": "PyG", "nodes": 4, "edges": 8, "forward": 1.0, "both": None}]},
        "gat-epoch": {"epoch": {"PyG": [spread]}},
        "million": {"million": [{"nodes": 4, "edges": 8, "forward": 1.0, "both": 2.0, "first": 2.5, "memory": 1e3}]},
    }
    monkeypatch.setattr(bench.report, "RESULTS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["benchmarks/x.py"])
    for name, numbers in saved.items():
        bench.report.finish(name, "# x", save=True, numbers={"header": f"of {name}"} | numbers)
    (tmp_path / "performance.md").write_text((ROOT / "docs/performance.md").read_text())
    monkeypatch.setattr(bench.page, "PAGE", tmp_path / "performance.md")
    monkeypatch.setattr(bench.figures, "DOCS", tmp_path)
    bench.page.main()
    text = (tmp_path / "performance.md").read_text()
    assert "Not yet measured" not in text
    assert all(f"*of {name}*" in text for name in saved)
    assert "| g | PyG | forward + backward | ≥ 2 times faster | 3.0 | kept |" in text
    assert all((tmp_path / f"performance-{name}.svg").stat().st_size > 1000 for name in ("attention", "density"))


def test_links_are_judged_by_the_formula_of_our_head_on_pyg_layers(bench):
    peer = bench.pyg_models.gat(5, 1, hidden=4, num_heads=2, dropout=0.0, head="links")
    given = {name: (torch.rand(9, 9) < 0.3).nonzero().T for name in ("edges", "links")}
    graphs = {name: Graph.from_edges(*ends, num_senders=9) for name, ends in given.items()}
    head, x = LinkHead({"nodes": 8}), torch.randn(9, 5)
    head.load_state_dict({name: peer.state_dict()[name] for name in head.state_dict()})
    torch.testing.assert_close(peer(graphs, x), head(State({"nodes": peer.stack(graphs["edges"], x)}), graphs))


@pytest.mark.parametrize("readout", ["mean", "sum"])
def test_graphs_are_answered_by_the_formula_of_our_head_on_pyg_layers(bench, readout):
    options = {"readout": readout, "hidden": 4}
    peer = bench.pyg_models.graph_transformer(
        5, 2, hidden=8, num_heads=2, num_layers=1, positions=(), head={"name": "graph", **options}
    ).eval()
    graph = Graph.batch([Graph.from_edges(torch.tensor([0, 1]), torch.tensor([1, 0]), num_senders=n) for n in (2, 5)])
    head, x = GraphHead({"nodes": 8}, 2, **options), torch.randn(7, 5)
    for ours, theirs in ((head.project.widen, peer.head[0]), (head.project.narrow, peer.head[2])):
        ours.load_state_dict(theirs.state_dict())
    states = []
    peer.norms[-1].register_forward_hook(lambda module, given, h: states.append(h))
    said = peer(graph, x)
    torch.testing.assert_close(said, head(State({"nodes": states[0]}), {"edges": graph}))


def test_a_promise_is_kept_by_what_equals_it_but_for_rounding(bench):
    rows = bench.literature.ROWS
    share = next(row for row in rows if row.promised == 0.78)
    error = next(row for row in rows if row.at_most)
    assert [share.kept(found) for found in (0.77999999, 0.7799)] == [True, False]
    assert [error.kept(found) for found in (0.65000001, 0.6501)] == [True, False]


def test_published_data_are_told_with_what_is_missing(bench):
    literature = bench.literature
    links = next(row for row in literature.ROWS if row.also)
    run = {"validation": 0.5, "test": 0.97, "also": 0.5, "score": "roc_auc", "ms": 2e3, "epochs": 3, "memory": 2e9}
    rows = [literature.told(links, {(links.name, False): [run, run | {"test": 0.99}]})]
    assert rows[0]["kept"] is True
    text = literature.page(rows)
    assert "| 2 / – of 3 | ≥ 97.0 | 98.0 ± 1.4, hits@50 50.0 ± 0.0 | 2000 | 2.0 | – | – | – | kept, so far |" in text
    assert literature.told(links, {(links.name, True): [run]})["kept"] is None


def test_what_make_bench_runs_is_there():
    main = (FOLDER / "__main__.py").read_text()
    listed = main[main.index("MAIN = {") : main.index("}", main.index("MAIN = {"))]
    assert all(name in NAMES for name in listed.split('"')[1::2])


@pytest.mark.parametrize(
    "family",
    [
        "BertForMaskedLM",
        "GPT2LMHeadModel",
        "Qwen3ForCausalLM",
        "T5ForConditionalGeneration",
        "Gemma2Model",
        "GptOssModel",
    ],
)
def test_coverage_finds_models_equal(bench, family):
    found = bench.coverage.judged(getattr(transformers, family), padded=True)
    assert found["verdict"] == "equal", found


def test_coverage_tells_what_is_not_equal(bench, monkeypatch):
    exact = bench.coverage.rewire
    monkeypatch.setattr(bench.coverage, "rewire", lambda model, pattern, **options: exact(model, "causal", **options))
    assert bench.coverage.judged(transformers.BertModel, padded=True)["verdict"] == "different"
    with monkeypatch.context() as other:  # where transformers' own two attentions are as far apart
        other.setattr(bench.coverage, "apart_by_itself", lambda *_: 1e9)
        assert bench.coverage.judged(transformers.BertModel, padded=True)["verdict"] == "unsteady"
    monkeypatch.setattr(bench.coverage, "rewire", lambda model, pattern, **options: exact(model, "complete", **options))
    monkeypatch.setattr(bench.coverage, "PATTERN", parse("complete"))
    told = bench.coverage.judged(transformers.BertModel, padded=True)
    assert told["verdict"] == "does not run" and "a window leaves nobody out" in told["why"]
    alike = dict.fromkeys(("restored", "complete", "window", "gradient"), 0.0)
    assert bench.coverage.verdict({**alike, "moved": 1e-6}) == "unmoved"
    assert bench.coverage.judged(transformers.BigBirdModel, padded=True)["verdict"] == "refused"


def test_coverage_counts_what_does_not_build(bench):
    rows = [{"family": "a", "class": "A", "verdict": name, "why": ""} for name in ("equal", "not built")]
    assert "1 of 2 classes equal (50%); of the 1 that run at all 100%" in bench.coverage.summary(rows)
    assert len(list(bench.coverage.classes("text", {"bert"}))) == 9


@pytest.mark.parametrize(("family", "verdict"), [("ViTModel", "equal"), ("SegformerModel", "refused")])
def test_coverage_looks_at_pictures_too(bench, family, verdict):
    found = bench.coverage.judged(getattr(transformers, family), padded=True)
    assert found["verdict"] == verdict, found
    assert verdict == "refused" or found["gradients"] > 10


def test_an_answer_that_is_no_number_equals_none_that_is_one(bench):
    number, none = torch.ones(3), torch.tensor([1.0, torch.nan, 1.0])
    assert bench.apart.error(none, number) == bench.apart.error(number, none) == float("inf")
    assert bench.apart.worst_gradient({"w": none}, {"w": number}) == float("inf")
    assert bench.apart.error(none, none) == bench.apart.error(number, number) == 0.0
    with pytest.raises(ArithmeticError, match="eager attention itself answers with no number in w"):
        bench.coverage.check_numbers({"w": none})


def test_a_query_that_hears_nobody_is_zeros_in_the_peer_as_well(bench):
    mask = torch.tensor([[True, False], [False, False]])[None, None]
    assert bench.eager_peer.hears_somebody(mask).flatten().tolist() == [True, False]
    least = torch.zeros(mask.shape).masked_fill(~mask, torch.finfo(torch.float32).min)
    assert bench.eager_peer.hears_somebody(least).flatten().tolist() == [True, False]


def test_coverage_knows_what_a_class_reads(bench):
    read = {"BertModel": "text", "ViTModel": "pictures", "Wav2Vec2Model": "sounds", "PatchTSTModel": "series"}
    assert {name: bench.coverage.domain(getattr(transformers, name)) for name in read} == read


def test_the_page_of_classes_has_a_row_a_family_and_reasons(bench):
    rows = [
        {"family": "a", "class": "A", "verdict": "equal", "why": "", "gradients": 3},
        {"family": "a", "class": "AHead", "verdict": "refused", "why": "rewire: A computes attention by its own code"},
        {"family": "a", "class": "AOther", "verdict": "not built", "why": "ImportError: timm"},
        {"family": "b", "class": "B", "verdict": "equal", "why": ""},
    ]  # fmt: skip
    page = bench.support.support({"transformers": "5.0", "text": rows}, "2026-01-01")
    assert "| a | 1 of 3 | `AHead`: its attention is its own code | `AOther` |" in page and "| b | all |  |  |" in page
    assert "| Text | 4 | 2 | 1 | 1 | 2 |" in page and "transformers 5.0" in page
    with pytest.raises(KeyError, match="different"):
        bench.support.support({"transformers": "5.0", "text": [{**rows[0], "verdict": "different"}]}, "2026-01-01")


def test_the_page_of_classes_is_that_of_the_latest_sweep(bench):
    latest = bench.report.latest("coverage")
    saved = json.loads(latest.read_text())
    assert (ROOT / "docs/support.md").read_text() == bench.support.support(saved, latest.name[:10])


def test_the_cost_of_wrapping_is_a_ratio_taken_in_turn(bench):
    asked = []
    first, second = (lambda n=n, **given: asked.append(n) for n in (1, 2))
    found, seconds = bench.rewire_cost.ratios(first, second, {}, 4)
    assert asked == [1, 2, 2, 1, 1, 2, 2, 1, 1, 2] and len(found) == 4 and seconds > 0
    line = bench.rewire_cost.line("m", 1, 16, "rewired", [1.0, 1.02, 1.04, 1.02], 0.5)
    assert line[:5] == ["m", "1", "16", "rewired", "500.0"] and line[5].startswith("1.0200 ±")
