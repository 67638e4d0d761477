"""What the servers ask of a document that comes with its question."""

from pydantic import BaseModel

from dspy_programs.documents import Reader
from dspy_programs.lm import running_on
from dspy_programs.model_in_use import model_in_use
from dspy_programs.predict import Failure
from dspy_programs.programs.document_qa import Quote
from dspy_programs.serve import requests as asked
from dspy_programs.serve.problems import TooLarge
from dspy_programs.serve.worker_pool import Progress


class DocumentAnswer(BaseModel):
    """The answer, with the document's own words for it and their places; "" and none of these if it does not say."""

    answer: str
    quotes: list[Quote]
    in_document: bool
    answered_by: str
    failure: Failure | None


def ask_document(request: asked.AskDocument, progress: Progress) -> DocumentAnswer:
    progress(0, 1)
    lm = model_in_use() if request.use_llm else None
    reader = Reader(lm)
    if excess := reader.excess(request.document):
        raise TooLarge(f"document: {excess}")
    with running_on(lm):
        found = reader.program(request.document, request.question)
    return DocumentAnswer(
        answer=found.answer,
        quotes=found.quotes,
        in_document=found.in_document,
        answered_by=found.answered_by,
        failure=found.failure,
    )
