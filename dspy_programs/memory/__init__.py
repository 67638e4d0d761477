"""Keep an agent's memory within a token budget: facts stay, the rest can be restored."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.memory.compressor import MemoryCompressor
    from dspy_programs.memory.context import ContextBuilder, ContextConfig
    from dspy_programs.memory.engine import CompressionEngine
    from dspy_programs.memory.entry import MemoryEntry
    from dspy_programs.memory.importance import ImportanceScorer, ScoringConfig
    from dspy_programs.memory.llm_client import LLMClient
    from dspy_programs.memory.originals import restore
    from dspy_programs.memory.reading.stubs import mentioned_in as mentioned_in, stub_of as stub_of
    from dspy_programs.memory.report import CompressionReport
    from dspy_programs.memory.sending.chat import chat_messages
    from dspy_programs.memory.sessions.adapters import messages_of, store_of
    from dspy_programs.memory.sessions.session_compression import compress_session
    from dspy_programs.memory.store import MemoryStore
    from dspy_programs.memory.store_file import load, opened, save
    from dspy_programs.memory.triggers import ForgettingCurve

_HOMES = {
    "CompressionEngine": "engine",
    "CompressionReport": "report",
    "ContextBuilder": "context",
    "ContextConfig": "context",
    "ForgettingCurve": "triggers",
    "ImportanceScorer": "importance",
    "LLMClient": "llm_client",
    "MemoryCompressor": "compressor",
    "MemoryEntry": "entry",
    "MemoryStore": "store",
    "ScoringConfig": "importance",
    "chat_messages": "sending.chat",
    "compress_session": "sessions.session_compression",
    "load": "store_file",
    "mentioned_in": "reading.stubs",
    "messages_of": "sessions.adapters",
    "opened": "store_file",
    "restore": "originals",
    "save": "store_file",
    "store_of": "sessions.adapters",
    "stub_of": "reading.stubs",
}
__all__ = [
    "CompressionEngine",
    "CompressionReport",
    "ContextBuilder",
    "ContextConfig",
    "ForgettingCurve",
    "ImportanceScorer",
    "LLMClient",
    "MemoryCompressor",
    "MemoryEntry",
    "MemoryStore",
    "ScoringConfig",
    "chat_messages",
    "compress_session",
    "load",
    "messages_of",
    "opened",
    "restore",
    "save",
    "store_of",
]

if not TYPE_CHECKING:  # a type checker reads the imports above, and refuses any other name
    __getattr__ = exports(__name__, _HOMES)
