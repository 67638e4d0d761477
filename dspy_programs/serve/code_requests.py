"""Requests to the one folder whose code the server shows: names and patterns, never a path outside of it."""

from typing import Annotated

from pydantic import Field

from dspy_programs.serve.requests import Request, Whole, with_example

_Short = Annotated[str, Field(max_length=500)]
_Path = Annotated[str, Field(min_length=1, max_length=1_000)]
_Asked = Annotated[str, Field(min_length=1, max_length=500)]
_Globs = Annotated[list[_Short], Field(max_length=20)]


class IndexCode(Request):
    """Nothing to say: the folder is the server's."""

    model_config = with_example({})


class SearchCode(Request):
    """A question about the code."""

    model_config = with_example({"question": "where are retries counted?", "count": 5})
    question: _Asked = Field(description="in words, or a name")
    count: Annotated[Whole, Field(ge=1, le=50)] = 10


class MapCode(Request):
    """How large the map may be."""

    model_config = with_example({"max_tokens": 1000})
    max_tokens: Annotated[Whole, Field(ge=1, le=20_000)] = 1_000
    focus: Annotated[list[_Path], Field(max_length=50)] = Field([], description="files that matter now")


class GrepCode(Request):
    """What lines to find."""

    model_config = with_example({"pattern": "def \\w+_retry", "files": ["*.py"]})
    pattern: _Asked = Field(description="a regular expression")
    is_text: bool = Field(False, description="the pattern is a text")
    ignore_case: bool = False
    files: _Globs = Field([], description="patterns of paths, like *.py or src/**/*.ts: only these files")
    exclude: _Globs = Field([], description="not these files")
    context: Annotated[Whole, Field(ge=0, le=20, description="lines before and after")] = 0
    count: Annotated[Whole, Field(ge=1, le=500)] = 100


class ExtractCode(Request):
    """Which piece of code."""

    model_config = with_example({"symbol": "Session.send"})
    symbol: _Short = Field("", description="a dotted name, or its end: Session.send, send")
    path: Annotated[str, Field(max_length=1_000)] = Field("", description="only in this file; needed for lines")
    nth: Annotated[Whole, Field(ge=1)] | None = Field(None, description="which one, if several have the name")
    first_line: Annotated[Whole, Field(ge=1)] | None = Field(None, description="in place of a symbol; counted from 1")
    last_line: Annotated[Whole, Field(ge=1)] | None = None


class ListCode(Request):
    """Which folder."""

    model_config = with_example({"path": ".", "depth": 2})
    path: _Path = "."
    depth: Annotated[Whole, Field(ge=1, le=20)] = 2


class ReadLogs(Request):
    """Which logs."""

    model_config = with_example({"logs": ["logs"]})
    logs: Annotated[list[_Path], Field(min_length=1, max_length=50)] = Field(description="log files, or folders of them")
    count: Annotated[Whole, Field(ge=1, le=100)] = 20
