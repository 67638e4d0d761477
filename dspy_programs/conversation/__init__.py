"""Conversations in any dialect, read as messages with calls and results: one reader for failures and memory."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.conversation.autogen import is_autogen as is_autogen, limit_in as limit_in
    from dspy_programs.conversation.chat import ROLES as ROLES, messages_of as messages_of
    from dspy_programs.conversation.content import (
        PRIVATE as PRIVATE,
        call_of as call_of,
        is_private as is_private,
        output_of as output_of,
        parts_of as parts_of,
    )
    from dspy_programs.conversation.messages import (
        Asked as Asked,
        Call as Call,
        Message as Message,
        Result as Result,
        Role as Role,
        paired as paired,
    )
    from dspy_programs.conversation.values import (
        as_dict as as_dict,
        as_list as as_list,
        decoded as decoded,
        error_text as error_text,
        finite as finite,
        first_text as first_text,
        json_of as json_of,
        keys_of as keys_of,
        kind_of as kind_of,
        latency_between as latency_between,
        marked as marked,
        seconds_of as seconds_of,
        text_id as text_id,
    )

_HOMES = {
    "Asked": "messages",
    "Call": "messages",
    "Message": "messages",
    "PRIVATE": "content",
    "ROLES": "chat",
    "Result": "messages",
    "Role": "messages",
    "as_dict": "values",
    "as_list": "values",
    "call_of": "content",
    "decoded": "values",
    "error_text": "values",
    "finite": "values",
    "first_text": "values",
    "is_autogen": "autogen",
    "is_private": "content",
    "json_of": "values",
    "keys_of": "values",
    "kind_of": "values",
    "latency_between": "values",
    "limit_in": "autogen",
    "marked": "values",
    "messages_of": "chat",
    "output_of": "content",
    "paired": "messages",
    "parts_of": "content",
    "seconds_of": "values",
    "text_id": "values",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
