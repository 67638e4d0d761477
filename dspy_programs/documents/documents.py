"""Documents: read once by the model, kept on the disk, and asked as often as you like.

    shelf = Documents(lm="local/qwen2.5-coder-1.5b")
    shelf.ingest("falk", [Source("falk.txt", text)])
    print(shelf.ask("falk", "When was the observatory opened?").answer)

An embedded model keeps what it computed for a document (cache-augmented generation, Chan et al. 2024), so a question costs only
its own tokens. Any other model is sent the document first and the question last, so that its server's prefix cache can serve.

Guarantees what is kept is used only by the very model, context, program and document that it is of; anything else is read anew,
           and the answer says so. Two questions at once never mix documents.
Raises     UsageError for an id or file that cannot be used, or a text that is too long; LanguageModelError if the model does
           not answer.
"""

import contextlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import dspy
from pydantic import BaseModel

from dspy_programs.cli import Progress
from dspy_programs.documents.corpora import Corpora, Corpus, checked_id
from dspy_programs.documents.parts import likeliest, parts_of
from dspy_programs.documents.reader import Reader
from dspy_programs.documents.reading import Source
from dspy_programs.documents.spoken import Spoken
from dspy_programs.errors import NotKept, UsageError
from dspy_programs.lm import Saved, connect, forget_prompts, heard_by, running_on
from dspy_programs.programs.document_qa import DocumentQAResult, Quote
from dspy_programs.text import quantity, sendable

_MOST_PARTS_READ = 2  # by a model, for one question
_LONGEST = 100_000_000  # characters of a corpus
_LONGEST_QUESTION = 4_000  # characters


class Ingested(BaseModel):
    """A corpus that was put on file. tokens: None where no model counts; kept_bytes: on the disk, None for none."""

    corpus: Corpus
    tokens: int | None
    kept_bytes: int | None
    seconds: float


class Answer(BaseModel):
    """What a corpus says to a question.

    quotes: with their places in the whole text; part: which of `parts` was read last, from 1; read_whole: whether all of them
    were, else the document may say what these parts do not; restored_tokens: of the prompt, which were not read again; notes:
    what else to know.
    """

    corpus: str
    answer: str
    quotes: list[Quote]
    in_document: bool
    answered_by: Literal["model", "rules"]
    part: int
    parts: int
    read_whole: bool
    restored_tokens: int
    restore_ms: float
    seconds: float
    notes: list[str]


class Documents:
    """The corpora on file, and a model that reads them; without one the rules answer."""

    def __init__(self, path: str | Path | None = None, lm: str | dspy.LM | None = None, corpora: Corpora | None = None) -> None:
        self.corpora = corpora or Corpora(path)
        self.reader = Reader(connect(lm) if isinstance(lm, str) else lm)
        self._kept = self.reader.kept

    def ingest(
        self,
        corpus: str,
        sources: Sequence[Source],
        *,
        description: str = "",
        chunk: bool = False,
        progress: Progress | None = None,
    ) -> Ingested:
        """Put texts on file as one corpus, and let the model read them; a corpus of the same id is replaced.

        Args:
            corpus: Its id.
            sources: The texts, in the order in which they are read.
            description: For the list.
            chunk: Cut what is longer than the model reads at once into parts; a question is put to the likeliest.
            progress: Is told how many parts of how many are read.

        Raises:
            NotKept: llama.cpp could not keep it. It is on file, and each question will read it anew.
        """
        began = time.monotonic()
        known, tokens = self.put(corpus, sources, description=description, chunk=chunk)
        size = self.keep(corpus, progress)
        return Ingested(corpus=known, tokens=tokens, kept_bytes=size or None, seconds=time.monotonic() - began)

    def put(
        self, corpus: str, sources: Sequence[Source], *, description: str = "", chunk: bool = False
    ) -> tuple[Corpus, int | None]:
        """Put texts on file, as `ingest` does, without reading them; return the corpus and its tokens."""
        checked_id(corpus)
        if not sources:
            raise UsageError(f"{corpus}: nothing to ingest; name a file, a folder or -")
        text = "\n\n".join(sendable(source.text, len(source.text)) for source in sources).strip()
        if not text:
            raise UsageError(f"{corpus}: there is no text to ingest")
        if len(text) > _LONGEST:
            raise UsageError(f"{corpus}: {len(text):,} characters; a corpus has at most {_LONGEST:,}: ingest several")
        parts, tokens = self._cut(corpus, text, chunk)
        known = self.corpora.put(corpus, parts, [source.name for source in sources], description)
        forget_prompts(f"{corpus}@")
        return known, tokens

    def keep(self, corpus: str, progress: Progress | None = None) -> int:
        """Let the model read a corpus and keep it; return the bytes on the disk, 0 if it keeps none. Raises NotKept."""
        size, texts = 0, self.corpora.texts(corpus)
        for number, text in enumerate(texts if self._kept else ()):
            if progress:
                progress(number, len(texts))
            size += self._keep(corpus, number, text)
        return size

    def ask(
        self,
        corpus: str,
        question: str,
        *,
        through: dspy.LM | None = None,
        spoken: Spoken | None = None,
        waits: Callable[[], object] | None = None,
        **decoding: Any,
    ) -> Answer:
        """Answer a question from a corpus.

        Args:
            corpus: Its id.
            question: In words.
            through: The same model as this call may use it, as with limits of its own.
            spoken: Is told the answer while the model writes it.
            waits: Is called now and then while another question or ingestion has the model; what it raises ends the waiting.
            decoding: max_tokens, temperature for the model.
        """
        if not (question := sendable(question, len(question))):
            raise UsageError("the question is empty")
        if len(question) > _LONGEST_QUESTION:
            raise UsageError(f"the question has {len(question):,} characters; ask in at most {_LONGEST_QUESTION:,}")
        began = time.monotonic()
        texts = self.corpora.texts(corpus)
        likely = likeliest(self.corpora.database, corpus, question) if len(texts) > 1 else [0]
        order = list(dict.fromkeys([*likely, *range(len(texts))]))[: _MOST_PARTS_READ if self.reader.lm else None]
        lm = through or self.reader.lm
        lm = lm.copy(**decoding) if lm is not None and decoding else lm
        notes: list[str] = []
        with self._kept.turn(waits) if self._kept else contextlib.nullcontext():
            for number in order:
                result, restored = self._asked(corpus, number, texts[number], question, lm, notes, spoken)
                if result.in_document:
                    break
        if len(texts) > 1:
            read = order[: order.index(number) + 1]
            notes.append(f"read {quantity(len(read), 'part')} of {len(texts)}: {', '.join(str(each + 1) for each in read)}")
            if not likely:
                notes.append("no part shares a word with the question: ask in the document's own words and language")
        before = sum(map(len, texts[:number]))
        return Answer(
            corpus=corpus,
            answer=result.answer,
            quotes=[
                quote.model_copy(update={"start": quote.start + before, "end": quote.end + before}) for quote in result.quotes
            ],
            in_document=result.in_document,
            answered_by=result.answered_by,
            part=number + 1,
            parts=len(texts),
            read_whole=len(texts) == 1 or len(read) == len(texts),
            restored_tokens=restored.tokens if restored else 0,
            restore_ms=restored.milliseconds if restored else 0.0,
            seconds=time.monotonic() - began,
            notes=notes,
        )

    def remove(self, corpus: str) -> None:
        """Remove a corpus and all that was kept of it."""
        forget_prompts(f"{checked_id(corpus)}@")  # first: a process that is killed here can be asked again
        self.corpora.remove(corpus)
        forget_prompts(f"{corpus}@")  # and what was kept meanwhile

    def _cut(self, corpus: str, text: str, chunk: bool) -> tuple[list[str], int | None]:
        """Return the parts of a text, and its tokens. Raises UsageError if it is too long for the model."""
        if (most := self.reader.most_tokens) is None:
            return [text], None
        if (excess := self.reader.excess(text)) and not chunk:
            raise UsageError(f"{corpus}: {excess}; let it be cut into parts (--chunk), or use a model with a larger context")
        return parts_of(text, most, self.reader.count), self.reader.count(text)

    def _asked(
        self,
        corpus: str,
        number: int,
        text: str,
        question: str,
        lm: dspy.LM | None,
        notes: list[str],
        spoken: Spoken | None,
    ) -> tuple[DocumentQAResult, Saved | None]:
        """Ask about one part, in a turn if prompts are kept; return the result, and what was restored for it."""
        restored = self._kept.restore(self._name(corpus, number, text)) if self._kept else None
        if self._kept and restored is None:
            notes.append("read anew: nothing is kept of it for this model as it is now")
            try:
                self._keep(corpus, number, text)
            except NotKept as error:
                notes.append(f"not kept: {error}")
        with running_on(lm), heard_by(lambda: spoken.listener(text, question)) if spoken else contextlib.nullcontext():
            return self.reader.program(text, question), restored

    def _keep(self, corpus: str, number: int, text: str) -> int:
        """Let the model read a part, and keep it; return the bytes on the disk. Raises NotKept."""
        assert self._kept and self.reader.lm  # for the types: only called with both
        name = self._name(corpus, number, text)
        with self._kept.turn(), running_on(self._kept.reader(self.reader.lm.model)):
            self.reader.program(text, "?")
            size = self._kept.save(name).bytes
        if not self.corpora.has(corpus, number, text):  # removed or replaced meanwhile
            forget_prompts(name)
            raise NotKept("it was removed or replaced while the model read it")
        return size

    def _name(self, corpus: str, number: int, text: str) -> str:
        """Return the file's name: of this very text, as this program on this model begins its prompt."""
        assert self._kept
        answer = self.reader.program.answer
        begins = json.dumps([answer.signature.instructions, [{**demo} for demo in answer.demos], text], default=str)
        return f"{corpus}@{number}-{self._kept.digest(begins)}.bin"
