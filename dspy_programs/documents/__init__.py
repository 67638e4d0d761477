"""Documents that a model reads once and answers questions from, with the document's own words.

from dspy_programs.documents import Documents, Source

shelf = Documents(lm="local/qwen2.5-coder-1.5b")
shelf.ingest("falk", [Source("falk.txt", "The observatory was opened in 1931.")])
print(shelf.ask("falk", "When was it opened?").answer)
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.documents.corpora import Corpora, Corpus, Job, NotOnFile
    from dspy_programs.documents.documents import Answer, Documents, Ingested
    from dspy_programs.documents.jobs import IngestionJobs
    from dspy_programs.documents.model_choice import MODEL_CHOICES, ModelChoice, chosen_for
    from dspy_programs.documents.reader import Reader
    from dspy_programs.documents.reading import Source, read_folder, read_source
    from dspy_programs.documents.spoken import Spoken

_HOMES = {
    "MODEL_CHOICES": "model_choice",
    "ModelChoice": "model_choice",
    "chosen_for": "model_choice",
    "Answer": "documents",
    "Corpora": "corpora",
    "Corpus": "corpora",
    "Documents": "documents",
    "Ingested": "documents",
    "IngestionJobs": "jobs",
    "Job": "corpora",
    "NotOnFile": "corpora",
    "Reader": "reader",
    "Source": "reading",
    "Spoken": "spoken",
    "read_folder": "reading",
    "read_source": "reading",
}
__all__ = [
    "MODEL_CHOICES",
    "Answer",
    "Corpora",
    "Corpus",
    "Documents",
    "Ingested",
    "IngestionJobs",
    "Job",
    "ModelChoice",
    "NotOnFile",
    "Reader",
    "Source",
    "Spoken",
    "chosen_for",
    "read_folder",
    "read_source",
]

if not TYPE_CHECKING:  # a type checker reads the imports above, and refuses any other name
    __getattr__ = exports(__name__, _HOMES)
