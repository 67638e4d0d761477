# ruff: noqa: E501  # a question stands on a line
"""Tests with options: which of them, how many at a time, and what is shown. Only pytest's options are known."""

import shlex

from dspy_programs.programs.command_planner.phrases import QUOTED, Ask, Said
from dspy_programs.programs.command_planner.python_tools import python_steps
from dspy_programs.programs.command_planner.step import Step

_FLAGS = {
    "first": "-x", "most": "--maxfail={count}", "failed": "--last-failed", "named": "-k {value}", "marked": "-m {value}",
    "slowest": "--durations={count}", "workers": "-n {value}", "parallel": "-n auto", "verbose": "-v", "prints": "-s",
    "debugs": "--pdb", "quiet": "-q", "strict": "-W error",
}  # fmt: skip
_ONE = rf"{QUOTED}|[\w-]+"
_OPTIONS = {
    "first": r"\b(?P<first>(?:stop|stopping|quit|abort|end|exit)(?:ping)? (?:at|on|after) (?:the )?first (?:failure|error|failing test)|fail[- ]fast)\b",
    "most": r"\b(?:stop|stopping) (?:after|at) (?P<most>\d+) failures\b",
    "failed": r"\b(?P<failed>(?:that |which )?(?:just )?failed(?: (?:last time|the last time|before|in the last run|last))?)\b",
    "named": rf"\b(?:whose |which |that |with )?(?:names? |have |has )*(?:contain(?:s|ing)?|match(?:es|ing)?|includ(?:e|es|ing)) (?:the word |the text )?(?P<named>{_ONE})(?: in (?:their|its|the) names?)?|\bwith (?P<named_>{_ONE}) in (?:their|its|the) names?\b",
    "marked": rf"\b(?:that are )?(?:marked|tagged)(?: as| with)? (?P<marked>{_ONE})",
    "slowest": r"\b(?P<slowest>\d+) slowest(?: tests| ones)?\b|\bslowest (?P<slowest_>\d+)(?: tests| ones)?\b|\b(?P<slowest__>slowest)\b",
    "workers": r"\b(?:in parallel )?(?:(?:on|with|using|over|across) )?(?P<workers>\d+) (?:cores|cpus|processes|workers|processors|threads)(?: in parallel)?\b",
    "parallel": r"\b(?P<parallel>in parallel|parallelized|on all (?:cores|cpus))\b",
    "verbose": r"\b(?P<verbose>verbose(?:ly)?|with (?:more |verbose )(?:output|detail)s?|in verbose mode)\b",
    "quiet": r"\b(?P<quiet>quietly|in quiet mode|with less output|without much output)\b",
    "prints": r"\b(?P<prints>(?:with|showing|show|see)(?: the| all| their)? (?:prints?|printed)(?: output| statements)?|(?:with|show|see) (?:the |their )?(?:output|stdout)|without captur\w+(?: output)?)\b",
    "debugs": r"\b(?P<debugs>(?:drop |open )?(?:in(?:to)? |with )?(?:the |a )?(?:debugger|pdb)(?: (?:on|at|when)(?: the first)? (?:failures?|errors?|a test fails))?)\b",
    "strict": r"\b(?P<strict>(?:with |treat(?:ing)? )?warnings as errors)\b",
}  # fmt: skip


def _command(said: Said) -> str:
    usual = python_steps("test", said.project, "") if "python" in said.project.kinds else []
    return usual[-1].command if usual and usual[-1].command.endswith("pytest") else ""


def _run(said: Said) -> list[Step]:
    command, folder = _command(said), said.plain("folder")
    given = {name: said.plain(name) for name in _FLAGS if said.plain(name)}
    if not command or not (given or folder) or (folder and "/" not in folder and folder not in said.project.words):
        return []
    flags = [_FLAGS[name].format(value=shlex.quote(value), count=said.number(name, 10)) for name, value in given.items()]
    place = [said.get("folder")] if folder else []
    says = "run the tests in parallel, with pytest-xdist" if {"workers", "parallel"} & {*given} else "run the tests"
    return [Step(f"{says} of {folder}" if folder else says, " ".join([command, *flags, *place]))]


def _collected(said: Said) -> list[Step]:
    place = f" {said.get('folder')}" if said.plain("folder") else ""
    return (
        [Step("list the tests without running them", f"{command} --collect-only -q{place}")]
        if (command := _command(said))
        else []
    )


TEST_ASKS = (
    Ask(
        r"\b(?:how many|count|number of|list) (?:all )?(?:the )?(?:unit )?tests\b(?!.{0,4}\b(?:function|file|class))(?: (?:are there|do we have|exist|there are))?(?: without running them)?",
        "folder", _collected, "",
    ),
    Ask(
        r"(?<!of )\b(?:(?:run|rerun|re-run|execute|launch|start|repeat) )?(?:only |just |all )?(?:the |our |my )?(?:unit |python )?(?:tests?|test suite|pytest)\b(?! (?:functions?|files?|class))",
        f"{' '.join(_OPTIONS)} folder", _run, "", _OPTIONS,
    ),
)  # fmt: skip
