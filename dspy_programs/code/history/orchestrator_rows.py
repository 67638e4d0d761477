"""Rows for orchestrator: questions about a repository's own files and definitions, each with the tool that answers it.

A question takes its words from a commit's message, from what an author says of a function, or from a name. What is asked for is
known, and so is the right call.
"""

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from dspy_programs.code.history.row import KnownRepository, Row, share_a_word
from dspy_programs.code.history.summary_rows import Said, said_of
from dspy_programs.code.parsing.languages import language_of

PROGRAM = "orchestrator"
_OF_A_TOOL = 40  # rows
_LISTED = 30  # files of a workspace that a row shows
_CHANGES = re.compile(
    r"(?:add|allow|avoid|change|convert|drop|extend|fix|handle|implement|improve|make|move|prevent|raise|remove|rename|replace|"
    r"rewrite|simplify|skip|support|use|validate)\b",
    re.IGNORECASE,
)
_DEED = re.compile(
    r"(add|apply|ask|build|check|choose|close|collect|compare|compute|convert|copy|count|create|decode|delete|draw|encode|"
    r"extract|fetch|fill|filter|find|format|generate|get|give|handle|join|keep|list|load|make|map|mark|match|merge|move|open|parse|"
    r"pick|print|raise|read|remove|render|replace|report|return|run|save|say|send|set|show|skip|sort|split|start|stop|store|"
    r"strip|take|tell|test|translate|turn|update|validate|wait|wrap|write|yield)s?$",
    re.IGNORECASE,
)
_EXTRACT = ("show me {name}", "let me see the source of {name}", "I want to read {name} in {file}", "{name} source")
_GREP = ("where is {last} used?", "find every place that mentions {last}", "usages of {last}", "who calls {last}?")
_SUMMARY = ("what is {path} for?", "summarise {path}", "what does the file {path} do?", "explain {path} in short")
_TESTS = ("how do I run the tests in {path}?", "command to run {path}", "run only {path}, which command?")
_SEARCH = ("where do we {said}?", "which code does this: {said}?", "find the code to {said}")

Call = dict[str, Any]


def orchestrator_rows(repository: KnownRepository) -> Iterator[Row]:
    said = said_of(repository)
    yield from _of_commits(repository)
    yield from _of_definitions(repository, said)
    yield from _of_files(repository)


def _of_commits(repository: KnownRepository) -> Iterator[Row]:
    made = 0
    for commit, changes in repository.work:
        code = [change.path for change in changes if not change.is_test and language_of(change.path)]
        if made >= _OF_A_TOOL or not code or not _CHANGES.match(commit.subject) or not share_a_word(commit.subject, code):
            continue
        made += 1
        accepted = {"task": [commit.subject], "file": [*code, ""]}
        call, others = {"tool": "edit", "accepted": accepted}, [{"tool": "run", "accepted": {"task": [commit.subject]}}]
        targets = [word for word in re.findall(r"\w{4,}", commit.subject) if share_a_word(word, code)][:2]
        yield _row(repository, commit.when, commit.subject, code[0], [call, *others], targets)


def _of_definitions(repository: KnownRepository, said: Sequence[Said]) -> Iterator[Row]:
    draw = random.Random(len(said))
    for one in draw.sample(said, min(_OF_A_TOOL, len(said))):
        when, last = repository.changed.get(one.path, 0), one.name.rpartition(".")[2]
        if words := _imperative(one.said):
            query = draw.choice(_SEARCH).format(said=words)
            call = {"tool": "search", "accepted": {"question": [query], **_place(one.path)}}
            yield _row(repository, when, query, one.path, [call], list(one.keywords[:2]))
        query = draw.choice(_EXTRACT).format(name=one.name, file=one.path)
        call = {"tool": "extract", "accepted": {"symbol": list(dict.fromkeys([one.name, last])), **_place(one.path)}}
        yield _row(repository, when, query, one.path, [call], [last])
        query = draw.choice(_GREP).format(last=last)
        accepted = {"pattern": [last], "path": [".", ""], "glob": ["*" + PurePosixPath(one.path).suffix, ""]}
        yield _row(repository, when, query, one.path, [{"tool": "grep", "accepted": accepted}], [last])


def _of_files(repository: KnownRepository) -> Iterator[Row]:
    paths = sorted(repository.changed.keys() & {path for files in repository.files.values() for path in files})
    draw = random.Random(len(paths))
    for path in draw.sample(paths, min(_OF_A_TOOL, len(paths))):
        is_of_tests = path.rpartition("/")[2].startswith("test_")
        query = draw.choice(_TESTS if is_of_tests else _SUMMARY).format(path=path)
        call = {"tool": "commands", "accepted": {"task": [query]}} if is_of_tests else _summary(path)
        yield _row(repository, repository.changed[path], query, path, [call], [path])


def _summary(path: str) -> Call:
    return {"tool": "summary", "accepted": {"path": [path]}}


def _place(path: str) -> dict[str, list[str]]:
    return {"path": list(dict.fromkeys([path, path.rpartition("/")[0], ""]))}


def _imperative(said: str) -> str:
    """Return a sentence such as "Return the total." as what one does: return the total; "" if it does not begin so."""
    text = said.strip().rstrip(".")
    first, _, rest = text.partition(" ")
    is_deed = first.isalpha() and first[:1].isupper() and not first.isupper() and _DEED.match(first)
    return f"{_DEED.sub(lambda found: found[1], first).lower()} {rest}" if is_deed and rest and len(text) <= 100 else ""


def _row(repository: KnownRepository, when: int, query: str, path: str, calls: list[Call], targets: list[str]) -> Row:
    fields = {
        "query": query,
        "workspace": _listing(repository, path, query),
        "logs": "",
        "targets": targets,
        "calls": calls,
        "topic": calls[0]["tool"],
        "wording": "message" if calls[0]["tool"] == "edit" else "made",
    }
    return Row(f"{calls[0]['tool']} {query}"[:120], when, query, fields)


def _listing(repository: KnownRepository, path: str, query: str) -> str:
    """Return some files of the repository, one a line: those beside a path, those at the top, and others."""
    draw = random.Random(query)
    every = [each for files in repository.files.values() for each in files]
    near = [each for each in (path, *repository.files.get(path.rpartition("/")[0], ())[:12]) if each in repository.known]
    found = dict.fromkeys([*near, *repository.files.get("", ())[:6], *draw.sample(every, min(12, len(every)))])
    return "\n".join(sorted(list(found)[:_LISTED]))
