import pytest

from edgewise.training.energy import Energy


def package(folder, name, used, span=2**32 - 1):
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "energy_uj").write_text(f"{used}\n")
    (folder / name / "max_energy_range_uj").write_text(f"{span}\n")


def test_joules_of_all_packages_are_added_and_their_parts_are_not(tmp_path):
    package(tmp_path, "intel-rapl:0", 1_000_000)
    package(tmp_path, "intel-rapl:1", 5)
    package(tmp_path, "intel-rapl:0:0", 7)
    energy = Energy(tmp_path)
    package(tmp_path, "intel-rapl:0", 3_500_000)
    package(tmp_path, "intel-rapl:1", 1_000_005)
    package(tmp_path, "intel-rapl:0:0", 9_000_000)
    assert energy.added_to(10.0) == pytest.approx(13.5)
    assert energy.added_to(13.5) == 13.5


def test_a_counter_that_begins_anew_goes_on(tmp_path):
    package(tmp_path, "intel-rapl:0", 9_000_000, span=9_999_999)
    energy = Energy(tmp_path)
    package(tmp_path, "intel-rapl:0", 500_000, span=9_999_999)
    assert energy.added_to(0.0) == pytest.approx(1.5)


def test_what_cannot_be_read_is_not_guessed(tmp_path):
    assert Energy(tmp_path).added_to(0.0) is None
    package(tmp_path, "intel-rapl:0", 1)
    energy = Energy(tmp_path)
    assert energy.added_to(None) is None and energy.added_to(1.0) == 1.0
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
    assert energy.added_to(1.0) is None
