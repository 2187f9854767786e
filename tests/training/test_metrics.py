import resource

import pytest

from edgewise.training import Epoch
from edgewise.training.metrics import FILE, MetricsFile, read


def epoch(number):
    return Epoch(number, number / 2, 1 / 3, 0.1, 2 / 3, 0.2)


def test_lines_come_back_exactly(tmp_path):
    with MetricsFile(tmp_path, "accuracy") as metrics:
        metrics.add(epoch(1))
        metrics.add(epoch(2))
        metrics.sync()
    assert read(tmp_path) == [epoch(1), epoch(2)]
    head = (tmp_path / FILE).read_text().splitlines()[0]
    assert head == "epoch,seconds,train_loss,train_accuracy,validation_loss,validation_accuracy"


def test_epochs_after_the_checkpoint_are_dropped(tmp_path):
    with MetricsFile(tmp_path, "accuracy") as metrics:
        for number in range(1, 6):
            metrics.add(epoch(number))
    with MetricsFile(tmp_path, "accuracy", keep=3) as metrics:
        metrics.add(epoch(4))
    assert [line.number for line in read(tmp_path)] == [1, 2, 3, 4]


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    with MetricsFile(tmp_path, "accuracy") as metrics:
        metrics.add(epoch(1))
        metrics.add(epoch(2))
    whole = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(whole[:-5])
    assert read(tmp_path) == [epoch(1)]


def test_no_file_has_no_lines(tmp_path):
    assert read(tmp_path) == []


def test_a_disk_that_fills_names_the_file_and_keeps_the_whole_lines(tmp_path):
    def fill():
        with MetricsFile(tmp_path, "accuracy") as metrics:
            for number in range(1, 20):
                metrics.add(epoch(number))

    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
    try:
        with pytest.raises(OSError, match="File too large: '.*/metrics.csv'"):
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    kept = read(tmp_path)
    assert kept == [epoch(number) for number in range(1, len(kept) + 1)] and len(kept) > 1
