"""A molecule as a graph: atoms are nodes, bonds are edges in both directions."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.extras import require
from edgewise.graph import Graph

ELEMENTS = (6, 7, 8, 16, 9, 15, 17, 35, 53, 5, 14, 34, 1, 11, 19, 3, 20, 12, 30, 26, 29, 33, 50, 80)  # atomic numbers
# fmt: off
SYMBOLS = ("C", "N", "O", "S", "F", "P", "Cl", "Br", "I", "B", "Si", "Se", "H", "Na", "K", "Li", "Ca", "Mg", "Zn", "Fe",
           "Cu", "As", "Sn", "Hg")
# fmt: on
HYBRIDISATIONS = ("SP", "SP2", "SP3", "SP3D", "SP3D2")
BONDS = ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC")
STEREO = ("STEREONONE", "STEREOZ", "STEREOE")
CHIRALITY = ("CHI_UNSPECIFIED", "CHI_TETRAHEDRAL_CW", "CHI_TETRAHEDRAL_CCW")

# How many values each property of an atom or a bond can have: its choices, and one for all others.
ATOM_SIZES = (len(ELEMENTS) + 1, 7, 6, 6, len(HYBRIDISATIONS) + 1, len(CHIRALITY) + 1, 2, 2)
BOND_SIZES = (len(BONDS) + 1, len(STEREO) + 1, 2, 2)


ATOM_KINDS = (*SYMBOLS, "another element")
BOND_KINDS = (*(f"{name.lower()} bond" for name in BONDS), "another bond")


class Molecule(NamedTuple):
    """The codes of atoms and bonds: for each the number of the value that each of its properties has."""

    atoms: Sequence[tuple[int, ...]]
    ends: Sequence[tuple[int, int]]
    bonds: Sequence[tuple[int, ...]]


def parsed(smiles: str | None) -> Any:
    """RDKit's molecule, or None where the text is none or has no atoms."""
    base, chem = (require(module, extra="molecules") for module in ("rdkit.rdBase", "rdkit.Chem"))
    with base.BlockLogs():  # what RDKit would print is said by whoever asked
        molecule = None if smiles is None else chem.MolFromSmiles(smiles)
    return molecule if molecule is not None and molecule.GetNumAtoms() else None


def scaffold(molecule: Any) -> str:
    """Its rings and what joins them, as SMILES (Bemis and Murcko 1996); empty where it has no ring."""
    murcko = require("rdkit.Chem.Scaffolds.MurckoScaffold", extra="molecules")
    text: str = murcko.MurckoScaffoldSmiles(mol=molecule, includeChirality=False)
    return text


def coded(molecule: Any) -> Molecule:
    """Its atoms and bonds as codes."""
    atoms = [
        (
            _place(atom.GetAtomicNum(), ELEMENTS),
            min(atom.GetDegree(), 6),
            _place(atom.GetFormalCharge(), range(-2, 3)),
            min(atom.GetTotalNumHs(), 5),
            _place(str(atom.GetHybridization()), HYBRIDISATIONS),
            _place(str(atom.GetChiralTag()), CHIRALITY),
            int(atom.GetIsAromatic()),
            int(atom.IsInRing()),
        )
        for atom in molecule.GetAtoms()
    ]
    ends: list[tuple[int, int]] = []
    bonds: list[tuple[int, ...]] = []
    for bond in molecule.GetBonds():
        code = (
            _place(str(bond.GetBondType()), BONDS),
            _place(str(bond.GetStereo()), STEREO),
            int(bond.GetIsConjugated()),
            int(bond.IsInRing()),
        )
        first, second = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        ends += [(first, second), (second, first)]
        bonds += [code, code]
    return Molecule(atoms, ends, bonds)


def graphs_of(molecules: Sequence[Molecule]) -> tuple[list[Graph], Sequence[Tensor], list[Tensor]]:
    """The graphs, the features of their atoms, and those of their edges, all one-hot.

    An atom's are element, degree, charge, hydrogens, hybridisation, chirality, aromatic, in a ring; a bond's are type,
    stereo, conjugated, in a ring: those of Yang et al. 2019 (chemprop), https://arxiv.org/abs/1904.01561. Differs:
    fewer elements have a place of their own, and whether an atom is in a ring is told.
    """
    atoms = _one_hot([code for molecule in molecules for code in molecule.atoms], ATOM_SIZES)
    bonds = _one_hot([code for molecule in molecules for code in molecule.bonds], BOND_SIZES)
    graphs, edges = [], []
    for molecule, features in zip(molecules, bonds.split([len(each.bonds) for each in molecules]), strict=True):
        ends = torch.tensor(molecule.ends, dtype=torch.int64).reshape(-1, 2)
        graph, ordered = Graph.from_edges(ends[:, 0], ends[:, 1], num_senders=len(molecule.atoms), features=features)
        graphs.append(graph)
        edges.append(ordered)
    return graphs, atoms.split([len(molecule.atoms) for molecule in molecules]), edges


def kinds_of(atoms: Sequence[Tensor], bonds: Sequence[Tensor]) -> dict[str, tuple[Sequence[str], Sequence[Tensor]]]:
    """What kinds of atoms and bonds there are, and which kind each is of: its first property in `graphs_of`."""
    found = {"nodes": (ATOM_KINDS, atoms), "edges": (BOND_KINDS, bonds)}
    return {
        what: (kinds, [features[:, : len(kinds)].argmax(dim=1) for features in rows])
        for what, (kinds, rows) in found.items()
    }


def _place(value: object, choices: Sequence[object]) -> int:
    """The number of the choice; that after the last for any other value."""
    return choices.index(value) if value in choices else len(choices)


def _one_hot(codes: Sequence[tuple[int, ...]], sizes: Sequence[int]) -> Float[Tensor, "rows features"]:
    table = torch.tensor(codes, dtype=torch.int64).reshape(-1, len(sizes))
    columns = [torch.nn.functional.one_hot(column, size) for column, size in zip(table.T, sizes, strict=True)]
    return torch.cat(columns, dim=1).float()
