"""Conversations in any dialect, read as messages with calls and results: one reader for failures and memory."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.conversation.autogen import (
        is_autogen as is_autogen,
        limit_in as limit_in,
    )
    from dspy_programs.conversation.chat import (
        ROLES as ROLES,
        content_parts as content_parts,
        messages_of as messages_of,
    )
    from dspy_programs.conversation.claude_code import (
        TALK as TALK,
        is_book_line as is_book_line,
        is_session_line as is_session_line,
        sessions_of as sessions_of,
        told_in as told_in,
    )
    from dspy_programs.conversation.content import (
        PRIVATE as PRIVATE,
        call_of as call_of,
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
    from dspy_programs.conversation.shapes import (
        MESSAGES as MESSAGES,
        Held as Held,
        held_in as held_in,
        holders_in as holders_in,
        instructions as instructions,
        is_message as is_message,
        is_messages as is_messages,
        replies as replies,
        state_of as state_of,
        with_attachments as with_attachments,
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
    "Held": "shapes",
    "MESSAGES": "shapes",
    "Message": "messages",
    "PRIVATE": "content",
    "ROLES": "chat",
    "Result": "messages",
    "Role": "messages",
    "TALK": "claude_code",
    "as_dict": "values",
    "as_list": "values",
    "call_of": "content",
    "content_parts": "chat",
    "decoded": "values",
    "error_text": "values",
    "finite": "values",
    "first_text": "values",
    "held_in": "shapes",
    "holders_in": "shapes",
    "instructions": "shapes",
    "is_autogen": "autogen",
    "is_book_line": "claude_code",
    "is_message": "shapes",
    "is_messages": "shapes",
    "is_session_line": "claude_code",
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
    "replies": "shapes",
    "seconds_of": "values",
    "sessions_of": "claude_code",
    "state_of": "shapes",
    "text_id": "values",
    "told_in": "claude_code",
    "with_attachments": "shapes",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
