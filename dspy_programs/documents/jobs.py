"""Ingestion that goes on by itself: one job after another, in a thread, each with its state on file.

Guarantees a job that was not finished when its process ended, by whatever, is done by the next one; a job whose document could
           not be kept has failed, and says why.
"""

import contextlib
import queue
import threading

from dspy_programs.documents.corpora import Job
from dspy_programs.documents.documents import Documents
from dspy_programs.documents.reading import Source
from dspy_programs.errors import ProgramsError, UsageError
from dspy_programs.text import printable


class IngestionJobs:
    """The jobs of one server. Closed with it."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self._waiting: queue.Queue[Job | None] = queue.Queue()
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Begin to work, first on what the last process left."""
        self._waiting, self._is_closed = queue.Queue(), False
        for job in self.documents.corpora.unfinished_jobs():
            self._waiting.put(job)
        self._thread = threading.Thread(target=self._work, name="ingestion", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Begin no other job. One that is being read goes on with the next process."""
        self._is_closed = True
        self._waiting.put(None)

    def begin(self, corpus: str, texts: list[str], description: str = "", chunk: bool = False) -> Job:
        """Put a corpus on file, and return the job that will have the model read it. Raises UsageError."""
        named = [Source(f"document {number}", text) for number, text in enumerate(texts, 1)]
        self.documents.put(corpus, named, description=description, chunk=chunk)
        job = self.documents.corpora.new_job(corpus)
        self._waiting.put(job)
        return job

    def _work(self) -> None:
        corpora = self.documents.corpora
        while (job := self._waiting.get()) is not None and not self._is_closed:
            try:
                corpora.set_job(job.id, "processing")
                size = self.documents.keep(job.corpus)
                corpora.set_job(job.id, "completed", f"{size:,} bytes kept" if size else "on file; this model keeps nothing")
            except Exception as error:  # the boundary of a thread: whatever it is, somebody waits for the job
                told = error if isinstance(error, ProgramsError) else f"{type(error).__name__}: {error}"
                with contextlib.suppress(UsageError):  # a full disk, say: the next process does the job again
                    corpora.set_job(job.id, "failed", printable(" ".join(str(told).split()))[:500])
