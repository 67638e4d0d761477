"""From a document and a question to the answer, with the document's own words for it."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.programs.document_qa.document_qa import (
        DocumentQA as DocumentQA,
        DocumentQAResult as DocumentQAResult,
        Quote as Quote,
    )
    from dspy_programs.programs.document_qa.places import (
        foreign_number as foreign_number,
        only_asks as only_asks,
        place_of as place_of,
        sentence_places as sentence_places,
    )

_HOMES = {
    "DocumentQA": "document_qa",
    "DocumentQAResult": "document_qa",
    "Quote": "document_qa",
    "foreign_number": "places",
    "only_asks": "places",
    "place_of": "places",
    "sentence_places": "places",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
