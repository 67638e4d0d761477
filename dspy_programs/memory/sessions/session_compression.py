"""Compress a session as it is: messages in, messages of the same kind out.

Guarantees as adapters.py and compressor.py give them; the session itself is not changed.
"""

from collections.abc import Sequence
from typing import Any, TypeVar, overload

from dspy_programs.cli import Progress
from dspy_programs.memory.compressor import TOKEN_BUDGET, MemoryCompressor
from dspy_programs.memory.report import CompressionReport
from dspy_programs.memory.sessions.adapters import messages_of, store_of
from dspy_programs.tokens import TokenCounter

Message = TypeVar("Message")


@overload
def compress_session(
    session: Sequence[Message],
    token_budget: int = TOKEN_BUDGET,
    protected_recent: int | None = None,
    *,
    counter: TokenCounter | None = None,
    progress: Progress | None = None,
) -> tuple[list[Message | dict[str, Any]], CompressionReport]: ...
@overload
def compress_session(
    session: object,
    token_budget: int = TOKEN_BUDGET,
    protected_recent: int | None = None,
    *,
    counter: TokenCounter | None = None,
    progress: Progress | None = None,
) -> tuple[Any, CompressionReport]: ...


def compress_session(
    session: object,
    token_budget: int = TOKEN_BUDGET,
    protected_recent: int | None = None,
    *,
    counter: TokenCounter | None = None,
    progress: Progress | None = None,
) -> tuple[Any, CompressionReport]:
    """Return a session's messages within a budget, and a report. The session itself is not changed.

    Args:
        session: A list of messages in any dialect, a dspy.History, an object with `get_messages()`, or a mapping around
            messages.
        token_budget: Tokens for all messages together, 0 or more.
        protected_recent: How many of the last messages stay word for word, as all system prompts do. None is three, or fewer
            where open requests and deeds have no room beside them.
        counter: The token counter; by default OpenAI's cl100k vocabulary.
        progress: Called between pieces of work with the amount done and the total.

    Returns:
        The messages in their original kind, kept ones as the same objects; and the report. A message that stands for others
        has no key of ours, so that every API accepts it. Its attribute `originals` has them, and it is known again if it is
        given here once more; JSON does not keep that: to restore later, save the store of `store_of`.

    Raises:
        UsageError: A message is invalid, or the budget is below what is protected.
        LanguageModelError: A model is in use and does not answer.
    """
    known = store_of(session, counter)
    report = MemoryCompressor(token_budget, protected_recent).compress(known.store, progress)
    return messages_of(known), report
