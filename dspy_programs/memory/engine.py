"""The three strategies applied to single entries, and the language model that summarizes them.

Input      an entry for summarize, extract_facts and archive; for asked, entries that get one text.
Output     an entry of the role "compressed" with its original in the history; from asked, the model's text.
Guarantees without a model in use every text is an extract. A failing model is an error; with fallback="extract" the rules
           answer, and the entry and the report say so.
Calls      one per `asked`.
Raises     LanguageModelError if the model does not answer, or not in a readable form.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal

from dspy_programs.errors import LanguageModelError, ProgramsError, UsageError
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.llm_client import LLMClient
from dspy_programs.memory.originals import records_of
from dspy_programs.memory.strategies import SHARE, Strategy, shrunk
from dspy_programs.memory.windows import Reply
from dspy_programs.model_in_use import model_in_use
from dspy_programs.types import Entry

if TYPE_CHECKING:
    import dspy

    from dspy_programs.programs.memory_summarizer import MemorySummarizer, MemorySummarizerResult

Fallback = Literal["extract"]


class CompressionEngine:
    def __init__(
        self,
        llm_client: "LLMClient | dspy.LM | None" = None,
        fallback: Fallback | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Make an engine.

        Args:
            llm_client: The model to ask, instead of the one in use at the time of the call.
            fallback: "extract" lets the rules answer if the model fails; None makes that an error.
            now: The clock of the histories, in seconds since 1970.

        Raises:
            UsageError: The fallback is unknown.
        """
        if fallback not in (None, "extract"):
            raise UsageError(f"fallback is {fallback!r}; give 'extract', or None to stop if the model fails")
        self.fallback, self.now = fallback, now
        self._lm = llm_client.connected() if isinstance(llm_client, LLMClient) else llm_client
        self._program: MemorySummarizer | None = None
        self._down: str | None = None  # why the model cannot be reached; finding out takes half a minute, so it is remembered

    def model(self) -> AbstractContextManager[None]:
        """Use this engine's own model, if it has one. A model that was down is asked again."""
        self._down = None
        if self._lm is None:
            return nullcontext()
        from dspy_programs.lm import running_on

        return running_on(self._lm)

    def summarize(self, entry: MemoryEntry) -> MemoryEntry:
        """Return an entry with about half of the text, or the model's summary."""
        return self._made(entry, "summarize")

    def extract_facts(self, entry: MemoryEntry) -> MemoryEntry:
        """Return an entry with only exact facts and decisions, about a quarter of the text; from a model, a list."""
        return self._made(entry, "extract_facts")

    def archive(self, entry: MemoryEntry) -> MemoryEntry:
        """Return an entry that only references the original, which is in its history."""
        return self._made(entry, "archive")

    def _made(self, entry: MemoryEntry, strategy: Strategy) -> MemoryEntry:
        said = Reply("")
        with self.model():
            if strategy != "archive" and model_in_use() is not None:
                room = max(1, int(SHARE[strategy] * len(entry.text)) // 4)  # four characters are about a token
                said = self.asked([entry], room, strategy)
        metadata = {
            "original_role": entry.chat_role if entry.role != "tool" else "assistant",
            "compression_strategy": strategy,
            "answered_by": "model" if said.text else "rules",
            **({"fallback": said.failure} if said.failure is not None else {}),
        }
        update = {
            "content": said.text or shrunk(entry, strategy),
            "role": "compressed",
            "metadata": metadata,
            "compression_history": records_of(entry, 0, strategy, self.now()),
        }
        return entry.model_copy(update=update)

    def asked(self, entries: Sequence[MemoryEntry], room: int, strategy: Strategy) -> Reply:
        """Return the compiled summarizer's text for entries, within `room` tokens; a model that is down is not asked again."""
        from dspy.utils.exceptions import LMError

        said = [
            Entry(turn=max(0, entry.turn_number), role=entry.chat_role, content=entry.text)  # type: ignore[arg-type]
            for entry in entries
        ]
        text, reason = "", self._down
        try:
            if reason is None:
                memory = self._summarizer()(entries=said, token_budget=room)
                text = listed(memory) if strategy == "extract_facts" else memory.text
                reason = memory.failure.reason.rstrip(".") if memory.failure else None
        except LMError as error:
            if isinstance(error.__cause__, ProgramsError):
                raise error.__cause__ from None
            self._down = reason = str(error).strip().split("\n")[0].rstrip(".")
        except RecursionError:  # from the parser, which a reply of thousands of brackets can bring down
            reason = "the reply is nested too deeply"
        if reason is None:
            return Reply(text)
        if self.fallback is None:
            turns = f"turns {entries[0].turn_number} to {entries[-1].turn_number}"
            raise LanguageModelError(
                f"the model did not summarize {turns}: {reason}. Nothing was changed; try again, or use extracts when it "
                "fails: fallback='extract' (--fallback extract)"
            )
        return Reply("", reason)

    def _summarizer(self) -> "MemorySummarizer":
        if self._program is None:
            from dspy_programs.registry import load

            self._program = load("memory_summarizer")
        return self._program


def listed(memory: "MemorySummarizerResult") -> str:
    """Return only a memory's decisions and facts, one per line; its whole text if it has none."""
    return "\n".join(f"- {fact.text}" for fact in [*memory.decisions, *memory.facts]) or memory.text
