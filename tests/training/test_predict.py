import pytest
import torch
from pyarrow import parquet
from tests.data.small import SMALL

from edgewise.analysis import suggest
from edgewise.analysis.suggestions import suggested
from edgewise.data import Classes, Labels, Numbers
from edgewise.data.table import Table
from edgewise.training import Recipe, Trained, evaluate, predict, run
from edgewise.training.checkpoint import load_best
from edgewise.training.predict import check_out, columns, write


def trained(recipe_file, tmp_path, data, model, **options):
    """A run on small data, its outcome, and the folder of the data."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    options = {**SMALL[data](folder), **options}
    written = "".join(f"{name} = {list(v) if isinstance(v, tuple) else v!r}\n" for name, v in options.items())
    written = written.replace("': ", "' = ")  # as TOML has its tables
    recipe_file.write_text(
        f'[data]\nname = "{data}"\n{written}[model]\n{model}\n[training]\nepochs = 3\ndevice = "cpu"\nbatch_size = '
        f"{0 if data in ('tables', 'planetoid') else 4}\n"
    )
    outcome = run(Recipe.read(recipe_file), tmp_path / "run")
    return outcome, Trained.open(tmp_path / "run"), folder


GCN, GIN = 'name = "gcn"', 'name = "gin"'
ATTENTION = 'name = "graph_transformer"\nhead = "graph"\nhidden = 8\nnum_heads = 2\nnum_layers = 1\npositions = []'


@pytest.mark.parametrize(
    ("data", "model", "options"),
    [
        ("tables", GCN, {}),
        ("tables", GCN, {"task": "regression", "target": ("age",), "features": {"town": "one_hot"}}),
        ("planetoid", GCN, {}),
        ("tu", GIN, {}),
        ("molecules", ATTENTION, {}),
    ],
)
def test_what_is_said_of_the_test_rows_is_what_training_said(recipe_file, tmp_path, data, model, options):
    outcome, there, folder = trained(recipe_file, tmp_path, data, model, **options)
    own, task = there.own_task(), there.task_in(folder, targets=False)
    said = predict(there, task)
    expected = columns(own.answer, own.answer.said(outcome.test_outputs))
    for name, values in expected.items():
        got = [said[name][k] for k in own.test.tolist()]
        if name == "said":
            assert got == values
        else:
            # The rows of a product may be added up in another order where others stand beside them.
            assert torch.allclose(torch.tensor(got), torch.tensor(values), rtol=1e-5, atol=1e-6)
            assert data in ("tu", "molecules") or got == values.tolist()
    assert all(len(values) == len(task.test) for values in said.values())


def test_a_single_file_of_molecules_will_do(recipe_file, tmp_path):
    _, there, _ = trained(recipe_file, tmp_path, "molecules", ATTENTION)
    (tmp_path / "new.csv").write_text("name,smiles\nethanol,CCO\nwater,O\n")
    said = predict(there, there.task_in(tmp_path / "new.csv", targets=False))
    assert list(said) == ["row", "smiles", "boils"] and said["smiles"] == ["CCO", "O"] and said["row"] == [0, 1]


def test_batches_are_told(recipe_file, tmp_path):
    _, there, folder = trained(recipe_file, tmp_path, "tu", GIN)
    heard = []
    said = predict(there, there.task_in(folder, targets=False), tell=lambda *of: heard.append(of))
    assert heard == [(k, 5) for k in range(1, 6)]
    assert said["graph"] == list(range(20))


def test_answers_are_columns_by_what_was_asked():
    said = torch.tensor([[0.25, 0.75], [0.5, 0.5]])
    assert list(columns(Classes(("a", "b")), said)) == ["said", "p(a)", "p(b)"]
    assert columns(Classes(("a", "b")), said)["said"] == ["b", "a"]
    assert list(columns(Labels(("a", "b")), said)) == ["p(a)", "p(b)"]
    assert columns(Numbers(("a", "b")), said)["b"].tolist() == [0.75, 0.5]


def test_an_answer_that_is_called_as_the_ids_is_refused(recipe_file, tmp_path):
    _, there, folder = trained(recipe_file, tmp_path, "tables", GCN)
    task = there.task_in(folder, targets=False)
    object.__setattr__(task, "ids", {"said": task.ids["id"]})
    with pytest.raises(ValueError, match="tables tiny: an answer and an id both are called 'said'; rename the column"):
        predict(there, task)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_is_written_whole(tmp_path, ending):
    file = tmp_path / f"out.{ending}"
    said = torch.tensor([0.1, 1 / 3])
    write(file, {"id": ["a", "b"], "p(x)": said.numpy()})
    table = Table.read(file)
    assert table.names == ["id", "p(x)"] and table.texts("id") == ["a", "b"]
    assert torch.equal(torch.from_numpy(table.numbers("p(x)")).float(), said)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    if ending == "parquet":
        assert str(parquet.read_schema(file).field("p(x)").type) == "float"


def test_a_file_that_is_there_or_cannot_be_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"out.txt: expected a file that ends in .parquet or .csv"):
        check_out(tmp_path / "out.txt", overwrite=False)
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(FileExistsError, match="out.csv: it is there already; --overwrite replaces it"):
        check_out(tmp_path / "out.csv", overwrite=False)
    check_out(tmp_path / "out.csv", overwrite=True)
    with pytest.raises(FileNotFoundError, match="out.csv: there is no folder .*nowhere to write it in"):
        check_out(tmp_path / "nowhere" / "out.csv", overwrite=False)


LINKS = 'name = "gcn"\nhead = "links"\nhidden = 8'
OF_LINKS = {
    "task": "links",
    "features": {"age": "number"},
    "split": {"name": "random", "train": 0.6, "validation": 0.2},
}


def test_links_are_suggested_for_other_files(recipe_file, tmp_path):
    _, there, folder = trained(recipe_file, tmp_path, "tables", LINKS, **OF_LINKS)
    (folder / "nodes.csv").write_text("id,age\n" + "".join(f"n{k},{20 + k}\n" for k in range(6)))
    (folder / "edges.csv").write_text("source,target,weight\nn0,n1,1\nn1,n2,1\n")
    task = there.task_in(folder, targets=False)
    assert not task.learns and task.graph.num_edges == 4 and task.heard[0].num_edges == 4
    said = suggested(there, task, k=2)
    assert said["id"] == [f"n{k}" for k in range(6) for _ in range(2)] and said["rank"].tolist() == [1, 2] * 6
    linked = {("n0", "n1"), ("n1", "n0"), ("n1", "n2"), ("n2", "n1")}
    pairs = set(zip(said["id"], said["partner"], strict=True))
    assert not pairs & linked and all(node != partner for node, partner in pairs)
    load_best(there.folder, network := there.network(task))
    best = suggest(network, task, 2)
    assert torch.equal(torch.from_numpy(said["p(linked)"]), best.scores.flatten().sigmoid())
    assert [int(name[1:]) for name in said["partner"]] == best.partners.flatten().tolist()


def test_a_node_linked_to_all_others_gets_no_suggestion(recipe_file, tmp_path):
    _, there, folder = trained(recipe_file, tmp_path, "tables", LINKS, **OF_LINKS)
    (folder / "nodes.csv").write_text("id,age\na,20\nb,21\nc,22\n")
    (folder / "edges.csv").write_text("source,target,weight\na,b,1\na,c,1\n")
    said = suggested(there, there.task_in(folder, targets=False), k=5)
    assert said["id"] == ["b", "c"] and said["partner"] == ["c", "b"]


def test_links_of_other_files_are_held_out_and_judged(recipe_file, tmp_path):
    _, there, folder = trained(recipe_file, tmp_path, "tables", LINKS, **OF_LINKS)
    (folder / "nodes.csv").write_text("id,age\n" + "".join(f"n{k},{20 + k}\n" for k in range(30)))
    ring = "".join(f"n{k},n{(k + 1) % 30},1\n" for k in range(30))
    (folder / "edges.csv").write_text("source,target,weight\n" + ring)
    task = there.task_in(folder, targets=True)
    assert len(task.test) == 6 and not len(task.train) + len(task.validation)
    assert task.heard[0].num_edges == 2 * (30 - 6)
    assert task.notes[-1] == "Nothing is learned from it; 6 of its links are asked about and not heard."
    found = evaluate(there, data=folder)
    assert found.parts["labelled"].examples == 6 and 0 <= found.parts["labelled"].scores["roc_auc"] <= 1
