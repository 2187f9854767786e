import re
import tomllib

import pytest

from edgewise.part import Part
from edgewise.training import OBJECTIVES, OPTIMISERS, SCHEDULES, SCORES, Recipe, TrainingConfig


def change(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_recipe_names_data_model_and_training(recipe_file):
    recipe = Recipe.read(recipe_file)
    assert recipe.name == "ring"
    assert recipe.data.name == "tests.training.stand_in:ring_task"
    assert recipe.model == Part("tests.training.stand_in:mean_network", {"hidden": 8, "dropout": 0.5})
    assert recipe.training == TrainingConfig(epochs=12, learning_rate=0.02, device="cpu")


def test_every_option_is_written_out_and_read_back(recipe_file, tmp_path):
    recipe = Recipe.read(recipe_file)
    written = tmp_path / "written" / "ring.toml"
    written.parent.mkdir()
    written.write_text(recipe.as_toml())
    assert Recipe.read(written) == recipe
    assert tomllib.loads(recipe.as_toml())["data"]["nodes"] == 60
    assert tomllib.loads(recipe.as_toml())["training"]["patience"] == 100


def test_changes_from_outside_are_read_as_toml_or_as_a_string(recipe_file):
    recipe = Recipe.read(
        recipe_file,
        ["training.epochs=3", "training.learning_rate = 1e-1", "model.hidden=16", "training.device=auto"],
    )
    assert recipe.training.epochs == 3 and recipe.training.learning_rate == 0.1
    assert recipe.model.options["hidden"] == 16 and recipe.training.device == "auto"


def test_a_table_that_is_missing_takes_its_defaults(recipe_file):
    recipe_file.write_text(recipe_file.read_text().partition("[training]")[0])
    assert Recipe.read(recipe_file).training == TrainingConfig()


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_every_objective_and_optimiser_can_be_named(recipe_file, objective, optimiser):
    recipe = Recipe.read(recipe_file, [f"training.objective={objective}", f"training.optimiser={optimiser}"])
    assert (recipe.training.objective, recipe.training.optimiser) == (objective, optimiser)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("watch", ["auto", "loss", *SCORES])
def test_every_schedule_and_score_can_be_named(recipe_file, schedule, watch):
    recipe = Recipe.read(recipe_file, [f"training.schedule={schedule}", f"training.watch={watch}"])
    assert (recipe.training.schedule, recipe.training.watch) == (schedule, watch)


def test_differences_name_the_option_and_both_values(recipe_file):
    one, other = Recipe.read(recipe_file), Recipe.read(recipe_file, ["model.hidden=4"])
    assert one.differences(other) == ["model.hidden: 8, 4"]


@pytest.mark.parametrize(
    ("set_to", "message"),
    [
        (
            "training.epoch=3",
            "[training] unknown key 'epoch'. Known: accumulation, averaging, batch_size, cache, clip_norm, decayed",
        ),
        ("training.epoch=3", "Did you mean 'epochs'?"),
        ("model.hiden=3", "[model] unknown key 'hiden'. Known: dropout, hidden. Did you mean 'hidden'?"),
        ("data.node=3", "[data] unknown key 'node'. Known: bad_node, features, nodes, noise."),
        ("training.epochs=ten", '[training] epochs = "ten": expected a valid integer'),
        ("training.epochs=1.5", "[training] epochs = 1.5: expected a valid integer"),
        ("training.epochs=true", "[training] epochs = true: expected a valid integer"),
        ("model.hidden='8'", '[model] hidden = "8": expected a valid integer'),
        ("training.epochs=0", "[training] epochs must be at least 1, got 0"),
        ("training.patience=-1", "[training] patience must be at least 0, got -1"),
        ("training.learning_rate=0", "[training] learning_rate must be above 0, got 0"),
        ("training.learning_rate=nan", "[training] learning_rate must be above 0, got nan"),
        ("training.precision=32", "[training] precision = 32: expected a valid string"),
        ("training.precision=bf16", "[training] unknown precision 'bf16'. Known: 16-mixed, 32-true"),
        (
            "training.objective=cross",
            "[training] unknown objective 'cross'. Known: auto, binary_cross_entropy, cross_entropy, ",
        ),
        ("training.optimiser=adamx", "[training] unknown optimiser 'adamx'. Known: adam, adamw, sgd."),
        (
            "training.watch=acuracy",
            "unknown watch 'acuracy'. Known: accuracy, auto, average_precision, f1, hits@10, hits@100, hits@20, "
            "hits@50, loss, mae, perplexity, rmse, roc_auc. Did you mean 'accuracy'?",
        ),
        ("model.name=gta", "[model] unknown model 'gta'. Known: "),
        (
            "data.name=coral",
            "unknown data set 'coral'. Known: cora, language, molecules, musae, planetoid, tables, "
            "texts, treebank, tu, wordnet. "
            "Did you mean 'cora'?",
        ),
        ("data.name=1", "[data] needs a name. Known: cora, "),
        ("model.name=nowhere:net", "[model] model 'nowhere:net': there is no module 'nowhere' to import"),
        ("epochs=3", "epochs=3: expected table.key=value, such as training.epochs=10"),
        ("training.epochs", "training.epochs: expected table.key=value"),
        ("trainin.epochs=3", "trainin.epochs=3: unknown table [trainin]. Known: data, model, training."),
        (
            "training.schedule=cosin",
            "[training] unknown schedule 'cosin'. Known: constant, cosine, inverse_square_root",
        ),
        ("training.warm_up=12", "[training] warm_up must be below epochs = 12, which it is counted in, got 12"),
        ("training.epochs.at=3", "training.epochs.at=3: training.epochs is no table, so it has no keys"),
    ],
)
def test_a_wrong_option_is_named_with_the_mend(recipe_file, set_to, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Recipe.read(recipe_file, [set_to])


def test_a_class_is_checked_like_a_function(recipe_file):
    with pytest.raises(
        ValueError, match=re.escape("[model] needs 'hidden', which is not given; --set model.hidden=... gives it")
    ):
        Recipe.read(recipe_file, ["model.name=tests.training.stand_in:MeanNetwork"])


def test_annotations_that_cannot_be_followed_are_not_checked(recipe_file):
    recipe = Recipe.read(recipe_file, ["model.name=tests.training.stand_in:loosely_annotated", "model.hidden=3"])
    assert recipe.model.options == {"hidden": 3, "widths": (1, 2)}


def test_a_list_becomes_the_tuple_that_it_is_read_as(recipe_file):
    recipe = Recipe.read(recipe_file, ["model.name=tests.training.stand_in:of_widths", "model.widths=[3, 5]"])
    assert recipe.model.options == {"widths": (3, 5)}
    recipe_file.write_text(recipe.as_toml())
    assert Recipe.read(recipe_file) == recipe
    with pytest.raises(ValueError, match=r'\[model\] widths = \["a"\]: expected a valid integer'):
        Recipe.read(recipe_file, ["model.widths=['a']"])


def test_all_mistakes_are_reported_at_once(recipe_file):
    change(recipe_file, "epochs = 12", "epoch = 12\nseed = -1")
    change(recipe_file, "[model]", "[modle]\n[model]\nhidden = 'wide'")
    with pytest.raises(ValueError, match="6 mistakes") as caught:
        Recipe.read(recipe_file, ["data.noise=loud", "seed=3"])
    said = str(caught.value)
    for part in (
        "unknown table [modle]",
        "hidden = ",
        "unknown key 'epoch'",
        "noise = ",
        "seed must be at least 0",
        "seed=3: expected table.key",
    ):
        assert part in said


def test_a_table_that_is_none_is_named(recipe_file):
    recipe_file.write_text("training = 3\n" + recipe_file.read_text().partition("[training]")[0])
    with pytest.raises(ValueError, match=re.escape("[training] is to be a table, got 3")):
        Recipe.read(recipe_file)


@pytest.mark.parametrize("content", [b"[data\n", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_refused(recipe_file, content):
    recipe_file.write_bytes(content)
    with pytest.raises(ValueError, match="ring.toml: this is no TOML: "):
        Recipe.read(recipe_file)


def test_a_folder_is_counted_from_the_recipe_or_from_here(recipe_file, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    change(recipe_file, 'name = "tests.training.stand_in:ring_task"', 'name = "planetoid"\nfolder = "../mine"')
    assert Recipe.read(recipe_file).data.options["folder"] == str((tmp_path.parent / "mine").resolve())
    changed = Recipe.read(recipe_file, ["data.folder=cora"])
    assert changed.data.options["folder"] == str((tmp_path / "elsewhere" / "cora").resolve())
    kept = tmp_path / "elsewhere" / "kept.toml"
    kept.write_text(changed.as_toml())
    assert Recipe.read(kept).data == changed.data


def test_a_recipe_without_its_folder_says_how_to_give_it(recipe_file):
    change(recipe_file, 'name = "tests.training.stand_in:ring_task"', 'name = "planetoid"')
    with pytest.raises(ValueError, match=re.escape("[data] needs 'folder', which is not given; --set data.folder=")):
        Recipe.read(recipe_file)
