"""What holds for every verb."""

import inspect

import pytest

from edgewise.cli import completion
from edgewise.cli.app import app

VERBS = {command.callback.__name__: command.callback for command in app.registered_commands}


def test_the_help_lists_every_verb(edgewise):
    told = edgewise("--help").stdout.partition("Commands:")[2].partition("Examples:")[0]
    assert [line.split()[0] for line in told.splitlines() if line.strip()] == list(VERBS)
    assert "..." not in told  # what each does fits its line


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_says_what_it_does(verb):
    for name, parameter in inspect.signature(VERBS[verb]).parameters.items():
        (told,) = parameter.annotation.__metadata__
        assert told.help and told.help.endswith("."), name


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("arguments", [["--bogus"], ["a", "b", "c", "d"]])
def test_wrong_usage_is_exit_code_2(edgewise, verb, arguments):
    result = edgewise(verb, *arguments)
    assert result.exit_code == 2 and "Error: " in result.stderr and "Traceback" not in result.output


def test_models_are_completed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in ("mine/config.json", "tiny.gguf", "other/notes.txt", "deep/one/config.json"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    assert completion.models("") == ["mine", "tiny.gguf"]
    assert completion.models("m") == ["mine"] and completion.models("deep/") == ["deep/one"]
