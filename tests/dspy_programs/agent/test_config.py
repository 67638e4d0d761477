"""agent.toml and flags."""

import pytest

from dspy_programs.agent.config import as_toml, read_config
from dspy_programs.errors import UsageError


def test_settings_printed_are_settings_read(tmp_path):
    file = tmp_path / "agent.toml"
    file.write_text(
        'lm = "openai/x"\nactors = 3\n[limits]\ntokens = 5000\n[[personas]]\nname = "writer"\ntools = ["write_file"]\n'
    )
    config = read_config(file, {"workspace": 'a "quoted" folder', "iterations": 4})
    assert (config.lm, config.actors, config.limits.tokens, config.limits.iterations) == ("openai/x", 3, 5000, 4)
    again = tmp_path / "again.toml"
    again.write_text(as_toml(config))
    assert read_config(again, {}).model_dump() == config.model_dump()


def test_a_flag_overrides_the_file(tmp_path):
    file = tmp_path / "agent.toml"
    file.write_text("actors = 3\n[limits]\nseconds = 9\n")
    assert read_config(file, {"actors": 5, "seconds": None}).actors == 5
    assert read_config(file, {"seconds": 1.5}).limits.seconds == 1.5


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("actrs = 3", "actrs"),
        ("actors = 0", "actors"),
        ("[limits]\nturns = 'many'", "limits.turns"),
        ("limits = 3", "limits"),
        ("lm = ", "is not TOML"),
        ("[[personas]]\ntext = 'x'", "personas.0.name"),
    ],
)
def test_a_wrong_file_is_one_clear_line(tmp_path, text, why):
    file = tmp_path / "agent.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=why):
        read_config(file, {})


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_config(tmp_path / "none.toml", {})


def test_a_file_that_nobody_named_starts_nothing_and_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "agent.toml"
    file.write_text('bundles = ["evil.json"]\nlm = "none"\n')
    with pytest.raises(UsageError, match=r"--config agent\.toml"):
        read_config(None, {})
    assert read_config(file, {}).bundles == ["evil.json"]
    assert read_config(None, {"bundles": ["mine.json"]}).bundles == ["mine.json"]
    assert capsys.readouterr().err == ""
    file.write_text('lm = "openai/\\u001bx"\npolicy = "allow.toml"\nactors = 2\n')
    assert read_config(None, {"planner_lm": "openai/y"}).actors == 2
    told = capsys.readouterr().err
    assert told.startswith("agent.toml sets lm = openai/") and "policy = allow.toml" in told and "\x1b" not in told
