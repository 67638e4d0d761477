"""What `show` tells of a compiled program."""

import json

from dspy_programs.registry.compiled_store import shipped_directory
from optimizers.show import main

PLANNER = shipped_directory() / "planner" / "qwen2.5-coder-1.5b.json"
LEARNT = json.loads(PLANNER.read_text())["plan"]["demos"]


def shown(capsys, *arguments: str) -> str:
    assert main([str(PLANNER), *arguments]) == 0
    return capsys.readouterr().out


def test_it_names_what_each_candidate_shows_and_the_beginning_of_a_few_demonstrations(capsys):
    text = shown(capsys)
    assert f"the 3 nearest of {len(LEARNT)}" in text and "<- kept" in text
    assert f"and {len(LEARNT) - 3} more; --full shows them in full" in text
    assert max(map(len, text.split("demonstrations of")[-1].splitlines())) < 320


def test_full_gives_every_demonstration_whole(capsys):
    lines = shown(capsys, "--full").splitlines()
    assert [json.loads(line) for line in lines if line.startswith('  {"')] == LEARNT
