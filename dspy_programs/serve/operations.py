"""The operations that every surface offers, in one table: request, response, and the tool that does the work.

Each call runs in a worker thread with the server's language model, if it has one; otherwise the rules answer, and every answer
says which of the two it was.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from pydantic import BaseModel

from dspy_programs.budget import Analysis, NegotiationResult
from dspy_programs.failures import FailureReport
from dspy_programs.serve import data_requests, requests as asked
from dspy_programs.serve.budget_calls import analyze_prompt, negotiate_prompt
from dspy_programs.serve.data_calls import ScoredDataset, ValidatedPairs, score_dataset, validate_pairs
from dspy_programs.serve.data_model_calls import (
    GeneratedPairs,
    JudgedPairs,
    calls_to_generate,
    calls_to_judge,
    generate_pairs,
    judge_pairs,
)
from dspy_programs.serve.document_calls import DocumentAnswer, ask_document
from dspy_programs.serve.failure_calls import ClassifiedTraces, classify_failure, classify_failures
from dspy_programs.serve.memory_calls import BuiltContext, CompressedMemory, build_context, compress_memory
from dspy_programs.serve.worker_pool import OnProgress, Progress, WorkerPool


class Operation(NamedTuple):
    """name: in MCP and A2A; path: in REST; call: (request, progress) -> answer, in a worker thread.

    says: when to use it, what to send and what comes back, for people and models; tags: in A2A. asks_model: whether it may;
    others are answered while a dead model holds the first kind up. model_calls: about how many a request leads to at most,
    where there is a model.
    """

    name: str
    title: str
    path: str
    says: str
    tags: tuple[str, ...]
    request: type[asked.Request]
    answer: type[BaseModel]
    call: Callable[[Any, Progress], BaseModel]
    asks_model: bool = True
    model_calls: Callable[[Any], int] = lambda request: 1


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation(
            "classify_failure",
            "Find out why a run failed",
            "/v1/failures/classify",
            "Say why one agent run failed. Send its trace as it was recorded, in any known format. Returns the failure mode "
            "('none' for a healthy run), the turn at which it first went wrong, the evidence, and fixes to try.",
            ("agents", "traces", "failures"),
            asked.ClassifyFailure,
            FailureReport,
            classify_failure,
            model_calls=lambda request: int(request.use_llm),
        ),
        Operation(
            "classify_failures",
            "Find out why many runs failed",
            "/v1/failures/batch",
            "Say why each of many agent runs failed, and how often each failure mode occurs. Send a list of traces. Returns "
            "one report a trace, in order, and the totals; a trace that cannot be read has a problem instead of a report.",
            ("agents", "traces", "failures", "evaluation"),
            asked.ClassifyFailures,
            ClassifiedTraces,
            classify_failures,
            model_calls=lambda request: len(request.traces) * request.use_llm,
        ),
        Operation(
            "compress_memory",
            "Compress a conversation",
            "/v1/memory/compress",
            "Compress a conversation that no longer fits: send its messages and a token budget, and get fewer messages back. "
            "System prompts, open requests, facts, decisions and the latest messages stay. Use it when the history must remain "
            "usable as a history; to choose a part of it for one prompt, use build_context.",
            ("agents", "memory", "tokens"),
            asked.CompressMemory,
            CompressedMemory,
            compress_memory,
            model_calls=lambda request: int(request.use_llm),
        ),
        Operation(
            "build_context",
            "Choose context from a conversation",
            "/v1/memory/context",
            "Choose the part of a conversation to put into one prompt, within a token limit. Returns it as one text and as "
            "chat messages, unchanged in wording. No model is asked.",
            ("agents", "memory", "context"),
            asked.BuildContext,
            BuiltContext,
            build_context,
            asks_model=False,
            model_calls=lambda request: 0,
        ),
        Operation(
            "ask_document",
            "Ask a document",
            "/v1/documents/ask",
            "Answer a question from a document alone. Send the text and the question. Returns the answer with the document's "
            "own words for it and their places, or that the document does not say.",
            ("documents", "questions"),
            asked.AskDocument,
            DocumentAnswer,
            ask_document,
            model_calls=lambda request: int(request.use_llm),
        ),
        Operation(
            "analyze_prompt",
            "Count the tokens of a prompt",
            "/v1/budget/analyze",
            "Count the tokens of a prompt, section by section, as a model's tokenizer does. Use it before negotiate_prompt, to "
            "see what costs most. No model is asked.",
            ("prompts", "tokens"),
            asked.AnalyzePrompt,
            Analysis,
            analyze_prompt,
            asks_model=False,
            model_calls=lambda request: 0,
        ),
        Operation(
            "negotiate_prompt",
            "Shrink a prompt and keep its quality",
            "/v1/budget/negotiate",
            "Find a smaller prompt that works as well: drop what it does not need, measured on `examples` if they are sent. "
            "Returns the sections that stay, the tokens saved, and in `lost` the binding sentences that would go; they stay "
            "unless `allow` names them.",
            ("prompts", "tokens", "cost"),
            asked.NegotiatePrompt,
            NegotiationResult,
            negotiate_prompt,
            model_calls=lambda request: max(len(request.sections), len(request.examples or ())),
        ),
        Operation(
            "validate_pairs",
            "Check training pairs",
            "/v1/data/validate",
            "Check training pairs: form, length, exact and near duplicates, personal data, secrets, refusals and more. Send "
            "rows in any usual form. Returns each finding with the place of its pair, and the places of the pairs that are "
            "clean. No model is asked.",
            ("training data", "quality"),
            data_requests.ValidatePairs,
            ValidatedPairs,
            validate_pairs,
            asks_model=False,
            model_calls=lambda request: 0,
        ),
        Operation(
            "judge_pairs",
            "Judge training pairs by a rubric",
            "/v1/data/judge",
            "Score training pairs by a rubric, and say which pass. Send rows in any usual form, and a rubric or its name. "
            "Returns one judgment a pair, in order, and the totals; verdicts follow from scores and the rubric's condition.",
            ("training data", "evaluation"),
            data_requests.JudgePairs,
            JudgedPairs,
            judge_pairs,
            model_calls=calls_to_judge,
        ),
        Operation(
            "score_dataset",
            "Score a data set",
            "/v1/data/score",
            "Score a whole data set from 0 to 100 by eleven weighted checks, to decide whether it is ready to train on. Send "
            "its rows. Returns the score, its band, and what each check found, with rows to look at. No model is asked.",
            ("training data", "quality"),
            data_requests.ScoreDataset,
            ScoredDataset,
            score_dataset,
            asks_model=False,
            model_calls=lambda request: 0,
        ),
        Operation(
            "generate_pairs",
            "Make training pairs from seeds",
            "/v1/data/generate",
            "Make new training pairs out of seeds, which are instructions or pairs. Returns the pairs of each seed, and what "
            "was refused, with the reason. Check them with validate_pairs and judge_pairs before you train on them.",
            ("training data", "generation"),
            data_requests.GeneratePairs,
            GeneratedPairs,
            generate_pairs,
            model_calls=calls_to_generate,
        ),
    )
}


async def perform(operation: Operation, request: Any, worker_pool: WorkerPool, on_progress: OnProgress | None = None) -> str:
    """Return the answer to a request as JSON, made in the worker thread. Raises ServeError. Cancelling this stops the work."""

    def call(progress: Progress) -> str:
        return operation.call(request, progress).model_dump_json()

    return await worker_pool.run(call, on_progress, operation.asks_model, operation.model_calls(request))
