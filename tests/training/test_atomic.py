import os

import pytest

from edgewise.training.atomic import new_folder, restore, write_text


def fill(folder, text):
    with new_folder(folder) as new:
        (new / "a.txt").write_text(text)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_text_replaces_the_old_one_and_leaves_nothing_beside_it(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new" and names(tmp_path) == ["a.txt"]


def test_a_folder_replaces_the_old_one_whole(tmp_path):
    fill(tmp_path / "last", "old")
    (tmp_path / "last" / "b.txt").write_text("only in the old one")
    fill(tmp_path / "last", "new")
    assert names(tmp_path) == ["last"] and names(tmp_path / "last") == ["a.txt"]
    assert (tmp_path / "last" / "a.txt").read_text() == "new"


def test_an_end_while_the_new_folder_is_filled_keeps_the_old_one(tmp_path):
    def cut_off():
        with new_folder(tmp_path / "last") as new:
            (new / "a.txt").write_text("half")
            raise KeyboardInterrupt

    fill(tmp_path / "last", "old")
    with pytest.raises(KeyboardInterrupt):
        cut_off()
    restore(tmp_path / "last")
    assert (tmp_path / "last" / "a.txt").read_text() == "old"
    fill(tmp_path / "last", "new")
    assert names(tmp_path) == ["last"]


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_an_end_between_the_two_steps_keeps_one_of_both(tmp_path, monkeypatch, steps):
    fill(tmp_path / "last", "old")
    replace, done = os.replace, []

    def cut_off(source, target):
        if len(done) == steps:
            raise KeyboardInterrupt
        done.append(target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", cut_off)
    if steps < 2:
        with pytest.raises(KeyboardInterrupt):
            fill(tmp_path / "last", "new")
    else:
        fill(tmp_path / "last", "new")
    monkeypatch.undo()
    restore(tmp_path / "last")
    assert (tmp_path / "last" / "a.txt").read_text() == ("new" if steps == 2 else "old")
    fill(tmp_path / "last", "newer")
    assert names(tmp_path) == ["last"]


def test_nothing_to_restore_is_no_error(tmp_path):
    restore(tmp_path / "last")
    assert not names(tmp_path)
