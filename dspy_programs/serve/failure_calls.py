"""What the servers ask the failure classifier: one trace, or many."""

from pydantic import BaseModel

from dspy_programs.errors import UsageError
from dspy_programs.failures import Batch, FailureClassifier, FailureReport, Outcome, Tally
from dspy_programs.failures.formats import Parser
from dspy_programs.model_in_use import model_in_use
from dspy_programs.serve import requests as asked
from dspy_programs.serve.limits import MAX_TURNS
from dspy_programs.serve.problems import TooLarge
from dspy_programs.serve.worker_pool import Progress
from dspy_programs.types import Trace


class Classified(BaseModel):
    """The outcome of one trace: its report, or why it cannot be read. index: its position in the request."""

    index: int
    report: FailureReport | None
    problem: str | None


class ClassifiedTraces(BaseModel):
    """Every trace of the request with its outcome, in order, and the totals."""

    results: list[Classified]
    batch: Batch


def classify_failure(request: asked.ClassifyFailure, progress: Progress) -> FailureReport:
    progress(0, 1)
    found = list(Parser(request.format).each(request.trace))
    if len(found) != 1:
        raise UsageError(f"trace: contains {len(found)} traces; send them to classify_failures")
    return _classifier_of(request).classify(_short_enough(found[0]))


def classify_failures(request: asked.ClassifyFailures, progress: Progress) -> ClassifiedTraces:
    """Classify each trace; an unreadable one has a problem, and the others still get their reports."""
    parser, classifier = Parser(request.format), _classifier_of(request)
    model = model_in_use() if request.use_llm else None
    tally, results = Tally(model and model.model), list[Classified]()
    for index, raw in enumerate(request.traces):
        for read in parser.each(raw):
            progress(index, len(request.traces))
            outcome = _outcome_of(classifier, f"traces.{index}", read)
            tally.add(outcome)
            results.append(Classified(index=index, report=outcome.report, problem=outcome.problem))
    return ClassifiedTraces(results=results, batch=tally.batch())


def _classifier_of(request: asked.Classify) -> FailureClassifier:
    limit = {} if request.min_probability is None else {"min_probability": request.min_probability}
    return FailureClassifier(request.use_llm, request.open_question, **limit)


def _outcome_of(classifier: FailureClassifier, source: str, read: Trace | UsageError) -> Outcome:
    try:
        trace = _short_enough(read)
    except (UsageError, TooLarge) as error:
        return Outcome(source, None, None, str(error))
    return Outcome(source, trace, classifier.classify(trace), None)


def _short_enough(read: Trace | UsageError) -> Trace:
    """Return a trace that was read. Raises the error in its place, or TooLarge."""
    if isinstance(read, UsageError):
        raise read
    if len(read.turns) > MAX_TURNS:
        raise TooLarge(f"trace: {len(read.turns)} turns; send at most {MAX_TURNS}")
    return read
