import pytest
import torch
from tests.data.small import molecules as write
from tests.real_data import real

from edgewise.data import Classes, Labels, Numbers, molecules

pytest.importorskip("rdkit")
from edgewise.data.molecule import ATOM_SIZES, BOND_SIZES, ELEMENTS, coded, graphs_of, parsed, scaffold


@pytest.fixture
def folder(tmp_path):
    write(tmp_path)
    return tmp_path


def made(smiles):
    graphs, atoms, edges = graphs_of([coded(parsed(smiles))])
    return graphs[0], atoms[0], edges[0]


def test_atoms_are_nodes_and_bonds_are_edges_both_ways():
    graph, atoms, bonds = made("CC(=O)O")
    assert graph.degree().tolist() == [1, 3, 1, 1] and graph.is_symmetric()
    assert atoms.shape == (4, sum(ATOM_SIZES)) and bonds.shape == (6, sum(BOND_SIZES))
    assert atoms[:, : len(ELEMENTS)].argmax(1).tolist() == [0, 0, 2, 2]
    assert (atoms.sum(1) == len(ATOM_SIZES)).all() and (bonds.sum(1) == len(BOND_SIZES)).all()


def test_bond_features_follow_the_edges_of_the_graph():
    graph, _, bonds = made("CC(=O)O")
    senders, receivers = graph.edges()
    double = {(s, r) for s, r, x in zip(senders.tolist(), receivers.tolist(), bonds[:, 1].tolist(), strict=True) if x}
    assert double == {(1, 2), (2, 1)}


def test_rare_elements_and_charges_have_a_place():
    _, atoms, bonds = made("[U+6]")
    assert atoms[0, len(ELEMENTS)] == 1 and bonds.shape == (0, sum(BOND_SIZES))


def test_renumbering_the_atoms_renumbers_the_graph():
    one, two = made("OCC"), made("CCO")
    assert torch.equal(one[1].flip(0), two[1]) and torch.equal(one[0].dense().flip(0, 1), two[0].dense())


def test_a_scaffold_is_the_rings():
    assert scaffold(parsed("Cc1ccccc1")) == scaffold(parsed("Oc1ccccc1")) == "c1ccccc1"
    assert scaffold(parsed("CCO")) == ""


def test_a_table_of_molecules_is_a_graph_task(folder):
    task = molecules(folder=folder, target=("boils",))
    assert task.name == "molecules tiny" and isinstance(task.answer, Numbers)
    assert task.targets[:, 0].tolist() == [10.0 * k for k in range(10)]
    learned = task.answer.to_learn(task.targets[task.train])
    assert learned.mean().item() == pytest.approx(0, abs=1e-6) and learned.std(correction=0).item() == pytest.approx(1)
    assert molecules(folder=folder, target=("boils",), bonds=False).num_edge_features == 0


def test_classes_and_labels_may_be_asked_for_and_be_unknown(folder):
    task = molecules(folder=folder, target=("dissolves",), task="classification")
    assert isinstance(task.answer, Classes) and task.targets[4] == -1
    task = molecules(folder=folder, target=("dissolves",), task="multi_label")
    assert isinstance(task.answer, Labels) and task.targets[4].isnan()
    assert 4 not in torch.cat([task.train, task.validation, task.test])


def test_a_scaffold_split_keeps_scaffolds_whole(folder):
    task = molecules(folder=folder, target=("boils",), split={"name": "scaffold", "train": 0.5, "validation": 0.3})
    assert (
        task.train.tolist() == [0, 1, 7, 8, 9]
        and task.validation.tolist() == [2, 3, 4]
        and task.test.tolist() == [5, 6]
    )


@pytest.mark.parametrize("wrong", ["C1CC", "xyz", "", "C(C)(C)(C)(C)C"])
def test_smiles_that_cannot_be_read_are_named_by_row_and_left_out_only_when_asked(folder, capfd, wrong):
    file = folder / "tiny.csv"
    file.write_text(file.read_text().replace("c1ccccc1,", f"{wrong},", 1))
    with pytest.raises(
        ValueError, match=r"tiny.csv: column 'smiles' is to hold molecules, and RDKit cannot read .* at row 2"
    ):
        molecules(folder=folder, target=("boils",))
    task = molecules(folder=folder, target=("boils",), skip_unparsable=True)
    assert len(task.graphs) == 9 and task.targets[2].item() == 30.0
    assert "1 rows that RDKit cannot read were left out (2 the first)" in task.notes[0]
    assert "SMILES Parse Error" not in capfd.readouterr().err


def test_a_table_without_a_molecule_is_refused(folder):
    (folder / "tiny.csv").write_text("smiles,boils\nxyz,1.0\n")
    with pytest.raises(ValueError, match="tiny.csv: column 'smiles' holds no molecule"):
        molecules(folder=folder, target=("boils",), skip_unparsable=True)


def test_without_rdkit_its_extra_is_named(folder, monkeypatch):
    from edgewise import extras

    real_import = extras.import_module

    def missing(module):
        if module.startswith("rdkit"):
            raise ModuleNotFoundError("No module named 'rdkit'", name="rdkit")
        return real_import(module)

    monkeypatch.setattr(extras, "import_module", missing)
    with pytest.raises(
        ImportError, match=r"rdkit is needed here and not installed: pip install 'edgewise\[molecules\]'"
    ):
        molecules(folder=folder, target=("boils",))


@pytest.mark.parametrize(
    ("name", "rows", "target", "task"),
    [
        ("esol", 1128, ("measured log solubility in mols per litre",), "regression"),
        ("bbbp", 2050, ("BBBP",), "classification"),
    ],
)
def test_the_real_ones_have_the_published_sizes(name, rows, target, task):
    folder = real(f"moleculenet_{name}")
    made = molecules(folder=folder, target=target, task=task, skip_unparsable=name == "bbbp", split="scaffold")
    assert len(made.graphs) == rows - (11 if name == "bbbp" else 0)
    assert abs(len(made.train) - 0.8 * len(made.graphs)) < 0.02 * rows
    if name == "bbbp":
        with pytest.raises(
            ValueError, match="at row 59 .11 such rows in all: 59, 61, 391, 614, 642, 645, 646, 647, ..."
        ):
            molecules(folder=folder, target=target, task=task)


MASKED = {"name": "masked", "nodes": 0.15, "edges": 0.15}
HALVES = {"name": "random", "train": 0.6, "validation": 0.2}


def test_a_file_of_lines_holds_a_molecule_each(tmp_path):
    (tmp_path / "mine.smi").write_text("CCO ethanol\nc1ccccc1\tbenzene\nCC#N\nCC(=O)O\nN#N\n")
    task = molecules(folder=tmp_path, task="masked", split=HALVES)
    assert task.name == "molecules mine" and [len(each) for each in task.features] == [3, 6, 3, 4, 2]
    assert task.ids["smiles"] == ["CCO", "c1ccccc1", "CC#N", "CC(=O)O", "N#N"]
    assert task.class_names == ("C", "N", "O") and task.hidden == {"nodes": 0.15}


def test_of_hidden_atoms_the_element_is_asked_and_of_hidden_bonds_the_type(folder):
    task = molecules(folder=folder, task=MASKED, split=HALVES)
    assert task.class_names == ("C", "N", "O", "Cl", "Na", "single bond", "double bond", "triple bond", "aromatic bond")
    acid = 1  # CC(=O)O
    assert [task.class_names[k] for k in task.classes["nodes"][acid].tolist()] == ["C", "C", "O", "O"]
    assert [task.class_names[k] for k in task.classes["edges"][acid].tolist()].count("double bond") == 2
    asking = molecules(folder=folder, target=("boils",))
    assert (task.num_features, task.num_edge_features) == (asking.num_features, asking.num_edge_features)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"task": "masked", "target": ("boils",)},
            'tiny.csv: task = "masked" asks for no column, got target boils; le',
        ),
        ({"task": MASKED, "bonds": False}, "molecules tiny: edges bring no features, so nothing of them can be hidden"),
        (
            {"task": {"name": "masked", "node": 0.1}},
            "task 'masked': unknown option 'node'. Known: edges, nodes.* 'nodes",
        ),
        ({"task": {"name": "masked", "nodes": 0.0}}, "molecules tiny: nodes or edges can be hidden, got neither"),
        ({"task": "maskd"}, "unknown task 'maskd'. Known: classification, masked, .* Did you mean 'masked'?"),
        ({}, "tiny.csv: expected a target column at least, got none"),
    ],
)
def test_a_masked_task_that_cannot_be_is_refused(folder, options, message):
    with pytest.raises(ValueError, match=message):
        molecules(folder=folder, split=HALVES, **options)


def test_nothing_is_asked_of_other_molecules_that_are_hidden(folder):
    learned = molecules(folder=folder, task=MASKED, split=HALVES).learned()
    with pytest.raises(ValueError, match="tiny.csv: what is hidden is of the molecules that were learned from; of oth"):
        molecules(folder=folder, task=MASKED, learned=learned)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (b"", "mine.smi: it is empty; expected a molecule a line"),
        (b"CCO\n\xff\xfe\n", "mine.smi: this is no text in UTF-8, a molecule a line"),
        (b"CCO\n\nC\n", "mine.smi: column 'smiles' is to hold molecules, and RDKit cannot read None at row 1"),
    ],
)
def test_lines_that_hold_no_molecules_are_refused(tmp_path, written, message):
    (tmp_path / "mine.smi").write_bytes(written)
    with pytest.raises(ValueError, match=message):
        molecules(folder=tmp_path, task="masked")
