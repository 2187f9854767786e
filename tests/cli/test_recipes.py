import pytest
from tests.data.small import SMALL
from tests.pretrained.small_bert import small_bert

from edgewise.cli.builtin import RECIPES, complete, find, label
from edgewise.training import Recipe, prepare

# The recipes that want a folder of files, and the small data set that they are tried on.
FOLDERS = {
    "language-decoder": "language",
    "molecules-graph-transformer": "molecules",
    "musae-gat": "musae",
    "musae-graph-transformer": "musae",
    "musae-links": "musae",
    "planetoid-gat": "planetoid",
    "planetoid-gcn": "planetoid",
    "planetoid-graph-transformer": "planetoid",
    "planetoid-monet": "planetoid",
    "tables-gat": "tables",
    "texts-checkpoint": "texts",
    "texts-encoder": "texts",
    "treebank-checkpoint": "treebank",
    "treebank-encoder": "treebank",
    "tables-links": "tables",
    "tu-gin": "tu",
    "wordnet-gat": "wordnet",
    "zinc-pretrain": "molecules",
}


def test_the_list_has_a_line_for_each(edgewise):
    lines = edgewise("recipes").stdout.splitlines()
    assert (
        [line.split()[0] for line in lines]
        == sorted(RECIPES)
        == sorted(["cora-gat", "cora-gcn", "cora-graph-transformer", *FOLDERS])
    )
    assert all(" on " in line and "(" in line for line in lines)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_printed_as_it_stands(edgewise, name):
    assert edgewise("recipes", name).stdout == RECIPES[name].read_text()


@pytest.mark.parametrize("name", RECIPES)
def test_every_built_in_recipe_works(name, tmp_path):
    assert RECIPES[name].read_text().startswith("# ")
    changes = [f"data.folder={SMALL[FOLDERS[name]](tmp_path)['folder']}"] if name in FOLDERS else []
    if name.startswith("molecules"):
        changes.append('data.target=["boils"]')
    if name == "tables-links":
        changes += ["data.split.train=0.6", "data.split.validation=0.2"]  # of five links
    if name == "zinc-pretrain":
        changes += ["data.file=''", "data.split.train=0.6", "data.split.validation=0.2"]  # of ten molecules
    if name.endswith("-checkpoint"):
        place = small_bert(tmp_path)
        changes += [f"model.folder={place}", f"data.tokeniser.file={place / 'tokenizer.json'}"]
    recipe = Recipe.read(RECIPES[name], changes)
    assert recipe.name == name
    prepare(recipe)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_recipe_for_files_of_ones_own_asks_for_their_folder(edgewise, name):
    result = edgewise("train", name)
    assert result.exit_code == 2 and not result.stdout
    assert "1 mistake\n  [data] needs 'folder', which is not given; --set data.folder=... gives it" in result.stderr


def test_an_unknown_recipe_lists_the_known(edgewise):
    result = edgewise("recipes", "cora-gta")
    assert result.exit_code == 2 and not result.stdout
    assert "unknown recipe 'cora-gta'. Known: cora-gat, cora-gcn, cora-graph-transformer, " in result.stderr
    assert "Did you mean 'cora-gat'?" in result.stderr


def test_a_path_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="recipe mine.toml: there is no such file"):
        find("mine.toml")
    with pytest.raises(ValueError, match="unknown recipe 'coral'. Known: .* A path to a TOML file will do, too."):
        find("coral")


def test_names_are_completed():
    assert complete("cora-g") == ["cora-gat", "cora-gcn", "cora-graph-transformer"]
    assert complete("x") == []


def test_a_kept_recipe_is_called_as_its_run(tmp_path):
    assert label(tmp_path / "seed3" / "recipe.toml") == "seed3"
    assert label(tmp_path / "mine.toml") == "mine"
