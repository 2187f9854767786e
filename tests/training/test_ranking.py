import torch
from tests.training.stand_in import AnswersTask

from edgewise.data import Linked
from edgewise.training.ranking import draw_ranking, precision_at


def test_precision_at_k_is_the_share_of_links_among_the_k_likeliest():
    said, targets = torch.tensor([3.0, 1.0, 2.0, 0.0]), torch.tensor([1.0, 1.0, 0.0, 0.0])
    torch.testing.assert_close(precision_at(said, targets), torch.tensor([1, 1 / 2, 2 / 3, 1 / 2]))


def test_of_equals_the_unlinked_come_first():
    assert precision_at(torch.zeros(3), torch.tensor([1.0, 0.0, 1.0])).tolist()[:2] == [0, 0.5]


def test_a_few_pairs_are_drawn_and_only_what_they_are_enough_for_is_told(tmp_path):
    outputs = torch.tensor([[2.0], [1.0], [-1.0], [0.5]])
    lines = draw_ranking(AnswersTask(Linked(), torch.tensor([[1.0], [0.0], [0.0], [1.0]])), outputs, tmp_path)
    assert (tmp_path / "ranking.png").read_bytes().startswith(b"\x89PNG")
    assert "| roc_auc | 75.0 % |" in lines and not any("hits" in line for line in lines)
