"""Replace a long conversation with a short memory of it: a summary, facts and decisions, each pointing to its turns.

The model says what matters; a rule then picks, from the model's sentences and the conversation's own clauses, what says most
about that per token. So a vague sentence does not displace an id, and the guarantees always apply.

Guarantees tokens <= token_budget, counted by the model's own tokenizer if there is one; no sentence of the model's that the
           entries do not say (support.py); every turn exists; a tool call without a result is a fact of the memory, with its
           id; no entries, or a budget too small for anything, gives an empty memory.
Calls      one, with at most `characters` of conversation, however long it is; none without a language model. An embedded model
           reads a few lines and writes a few facts, for every token takes time; any other reads up to half of its context
           and writes as many facts as the budget holds.
Source     query-focused recall as in QMSum (Zhong et al. 2021); see datasets/memory_summarizer/CARD.md.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import dspy
from pydantic import BaseModel, ConfigDict, Field

from dspy_programs.context_window import context_tokens, is_local
from dspy_programs.errors import UsageError
from dspy_programs.model_in_use import model_in_use
from dspy_programs.predict import Failure, FewShot, Program, Result, ask
from dspy_programs.programs.memory_summarizer.extractive_summary import (
    POINTER_TOKENS,
    Clause,
    Conversation,
    condensed,
    most_telling,
    read,
    readable,
    stated_in,
)
from dspy_programs.programs.memory_summarizer.support import Sources
from dspy_programs.text import (
    approximate_tokens,
    content_stems,
    facts_in,
    sentences,
)
from dspy_programs.tokens import TokenCounter, counter_for
from dspy_programs.types import Entry

CHARACTERS = 1800  # of conversation that a small model reads in a few seconds
_MOST_CHARACTERS = 200_000  # that any model reads in one call
_CHARACTERS_PER_TOKEN = 2  # of the context: four characters are about a token, and half is for the reply and the instruction
_SUMMARY_SHARE = 0.5  # of the budget, for the summary that the rules write
LONGEST_SUMMARY, LONGEST_FACT = 200, 100  # characters
TRUST = 0.7  # worth of the model's words relative to the same words in the conversation
_SPARE = 1.4  # the estimate is high, so this much more is picked, then cut by the exact count
_MORE_TRIED = 8  # shorter items, after the first that does not fit


class Fact(BaseModel):
    """Something to remember, and the turns that say it."""

    model_config = ConfigDict(extra="forbid")

    text: str
    turns: list[int]


# What a model writes has bounds, because every token takes time. These have no docstrings: those would be in the prompt.


class DraftFact(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=LONGEST_FACT)
    turns: list[Annotated[int, Field(ge=0, le=999_999)]] = Field(max_length=3)


class DraftMemory(BaseModel):
    model_config = ConfigDict(extra="forbid")

    summary: str = Field(max_length=LONGEST_SUMMARY)
    decisions: list[DraftFact] = Field(max_length=2)
    facts: list[DraftFact] = Field(max_length=4)


# For models that write fast: the budget is the bound. None is in the schema, for a server that does not enforce it would
# make a reply that is a little longer unreadable.


class WideFact(BaseModel):
    text: str = Field(min_length=1)
    turns: list[int]


class WideMemory(BaseModel):
    summary: str
    decisions: list[WideFact]
    facts: list[WideFact]


class SummarizeMemory(dspy.Signature):
    """Summarize the conversation for someone who must go on with it. Keep names, numbers, dates, ids, what was decided and why, word for word; leave out greetings and guesses. Each fact and decision names its turns."""  # noqa: E501

    token_budget: int = dspy.InputField(desc="tokens that the whole memory may take")
    entries: list[Entry] = dspy.InputField(desc="the conversation: turn, role, what was said")
    memory: DraftMemory = dspy.OutputField(desc="the gist in one or two sentences; decisions; facts not in the summary")


_WIDE = "the gist in a few sentences; decisions; facts not in the summary: as many as the token budget holds"


class Item(NamedTuple):
    """One part of a memory, on its way into the budget. kind: "summary", "decision" or "fact"."""

    kind: str
    fact: Fact


class MemorySummarizerResult(Result):
    """A memory within its budget: a summary, decisions and facts, and the text that they make."""

    summary: str
    """The gist, in sentences."""
    decisions: list[Fact]
    """What was decided, each with the turns that say it."""
    facts: list[Fact]
    """Other things to remember, each with the turns that say it, including tool calls without a result, with their ids."""
    text: str
    """The three as text for a context; "" if nothing fits."""
    tokens: int
    """The tokens of `text`."""
    tokens_before: int
    """The tokens of the entries."""
    token_counter: str
    """The token counter: a model's name, a vocabulary's, or "approximate"."""
    exact: bool
    """Whether they are counted by the model's own tokenizer."""
    within_budget: bool
    """Whether `tokens` is within the budget that was given."""
    problems: list[str]
    """What was removed from the model's reply, and why."""


class MemorySummarizer(Program):
    """Summarize once, in one call; rules keep what must be kept."""

    def __init__(self, characters: int | None = None) -> None:
        """Make a summarizer.

        Args:
            characters: Characters of conversation shown to the model; from a longer one, its most salient clauses. By default
                1,800 for an embedded model, for any other half of its context, at most 200,000.
        """
        super().__init__()
        self.characters = characters
        self.summarize = FewShot(SummarizeMemory)

    def forward(self, entries: Sequence[Entry | Mapping[str, object]], token_budget: int) -> MemorySummarizerResult:
        """Condense a long conversation into a short memory.

        Args:
            entries: The conversation in time order, any number of `Entry`s or mappings of their fields.
            token_budget: Token limit of the memory's text, 1 or more.

        Returns:
            The memory; empty if there are no entries, or the budget is too small for anything.

        Raises:
            UsageError: The budget is below 1.
            ValueError: An entry is invalid.
            ModelLost: This thread cannot see the model that another thread chose with `use`.
        """
        if token_budget < 1:
            raise UsageError(f"token_budget is {token_budget}; give at least 1 token")
        said = read([entry if isinstance(entry, Entry) else Entry.model_validate(entry) for entry in entries])
        model = model_in_use(self.summarize.lm)
        counter = counter_for(model)
        reply: Any = None
        if model is not None and said.clauses:
            reply = self._asked(model, said, token_budget)
        failure = reply if isinstance(reply, Failure) else None
        proposed: list[Item] = []
        problems: list[str] = []
        if reply is not None and failure is None:
            proposed, problems = checked(_items_of(reply.memory), said)
        memory = _fitted(proposed, said, token_budget, counter)
        text = rendered(memory)
        tokens = counter.count(text)
        return MemorySummarizerResult(
            summary=" ".join(item.fact.text for item in memory if item.kind == "summary"),
            decisions=[item.fact for item in memory if item.kind == "decision"],
            facts=[item.fact for item in memory if item.kind == "fact"],
            text=text,
            tokens=tokens,
            tokens_before=counter.count("\n".join(str(entry) for entry in said.entries)),
            token_counter=counter.name,
            exact=counter.exact,
            within_budget=tokens <= token_budget,
            problems=problems,
            answered_by="rules" if reply is None or failure else "model",
            failure=failure,
        )

    if TYPE_CHECKING:
        __call__ = forward

    def _asked(self, model: "dspy.LM", said: Conversation, token_budget: int) -> Any:
        entries = condensed(said, characters_read_by(model) if self.characters is None else self.characters)
        if is_local(model):
            return ask(self.summarize, token_budget=token_budget, entries=entries)
        wide = self.summarize.signature.with_updated_fields("memory", WideMemory, desc=_WIDE)
        return ask(self.summarize, signature=wide, token_budget=token_budget, entries=entries)


def characters_read_by(model: "dspy.LM") -> int:
    """Return how much conversation a model is shown at most in one call."""
    if is_local(model):
        return CHARACTERS
    return max(CHARACTERS, min(_MOST_CHARACTERS, _CHARACTERS_PER_TOKEN * context_tokens(model)))


def _items_of(memory: DraftMemory | WideMemory) -> list[Item]:
    bounded = isinstance(memory, DraftMemory)
    summary = sentences(memory.summary)
    if bounded and _is_cut(memory.summary, LONGEST_SUMMARY):
        summary = summary[:-1]
    items = [Item("summary", Fact(text=sentence, turns=[])) for sentence in summary]
    for kind, facts in (("decision", memory.decisions), ("fact", memory.facts)):
        whole = [fact for fact in facts if not (bounded and _is_cut(fact.text, LONGEST_FACT))]
        items += [Item(kind, Fact(text=fact.text, turns=fact.turns)) for fact in whole]
    return items


def _is_cut(text: str, longest: int) -> bool:
    """Return whether the bound of a field cut its last sentence off."""
    return len(text) >= longest - 2 and not text.rstrip().endswith((".", "!", "?"))


def checked(items: Sequence[Item], said: Conversation) -> tuple[list[Item], list[str]]:
    """Keep what the entries say and tell what was removed: what they do not say, turns that do not exist, repetitions."""
    sources = Sources(said)
    turns = {entry.turn for entry in said.entries}
    kept: list[Item] = []
    problems: list[str] = []
    told: set[str] = set()
    for kind, fact in items:
        text = " ".join(readable(fact.text).split())
        stems = set(content_stems(text))
        if fault := sources.fault(text):
            problems.append(f"dropped from the {kind}: {fault}: {text!r}")
        elif len(stems) < 2 and not facts_in(text).all():
            problems.append(f"dropped a {kind} of one word: {text!r}")
        elif stems <= told:
            problems += [f"dropped a {kind} that says nothing new: {text!r}"] if kind == "summary" else []
        else:
            if missing := sorted({turn for turn in fact.turns if turn not in turns}):
                problems.append(f"there is no turn {', '.join(map(str, missing))}")
            kept.append(Item(kind, Fact(text=text, turns=sorted({turn for turn in fact.turns if turn in turns}))))
            told |= stems
    return kept, problems


def _open_calls(entries: Sequence[Entry]) -> list[Item]:
    """Return a fact for each tool call without a result: forgetting it would leave the result without its question."""
    answered = {id_ for entry in entries if entry.role == "tool" for id_ in entry.tool_call_ids}
    calls = [(id_, entry) for entry in entries if entry.role == "assistant" for id_ in entry.tool_call_ids]
    return [Item("fact", Fact(text=f"open call {id_}", turns=[entry.turn])) for id_, entry in calls if id_ not in answered]


def _fitted(proposed: Sequence[Item], said: Conversation, budget: int, counter: TokenCounter) -> list[Item]:
    """Return what fits: open calls, then what says most per token; if nothing fits, bare ids."""
    calls = _open_calls(said.entries)
    items = [*calls, *_picked(proposed, said, int(budget * _SPARE), rendered(calls))]

    def fits(chosen: Sequence[Item]) -> bool:
        return counter.count(rendered(chosen)) <= budget

    kept = items[: _longest_prefix(items, fits)]
    for item in items[len(kept) :][:_MORE_TRIED]:
        if fits([*kept, item]):
            kept.append(item)
    if not kept:
        ids = [Item("fact", Fact(text=id_, turns=[])) for item in items for id_ in sorted(facts_in(item.fact.text).ids)]
        kept = ids[: _longest_prefix(ids, fits)]
    return kept


def _picked(proposed: Sequence[Item], said: Conversation, tokens: int, known: str) -> list[Item]:
    """Return the best of the model's items and the conversation's clauses; without its summary, some clauses form one."""
    places = {entry.turn: place for place, entry in enumerate(said.entries)}
    candidates = [_as_clause(number, item, places) for number, item in enumerate(proposed, -len(proposed))]
    chosen = most_telling(said, tokens - approximate_tokens(known), known, candidates)
    room = int(tokens * _SUMMARY_SHARE)
    if any(clause.number < 0 and proposed[clause.number].kind == "summary" for clause in chosen):
        room = 0
    items = []
    for clause in chosen:
        if clause.number < 0:
            items.append(proposed[clause.number])
            continue
        kind = "decision" if clause.decision else "fact"
        if kind == "fact" and said.entries[clause.place].role != "tool" and clause.tokens <= room:
            kind, room = "summary", room - clause.tokens
        items.append(Item(kind, Fact(text=clause.text, turns=[clause.turn])))
    return items


def _as_clause(number: int, item: Item, places: dict[int, int]) -> Clause:
    """Let a model's item compete with the conversation's clauses. A summary has no position: it covers everything."""
    turns = [turn for turn in item.fact.turns if turn in places] or [min(places, key=lambda turn: places[turn])]
    return Clause(
        number=number,
        text=item.fact.text,
        turn=turns[-1],
        place=places[turns[-1]],
        tokens=approximate_tokens(item.fact.text) + (0 if item.kind == "summary" else POINTER_TOKENS),
        stated=stated_in(item.fact.text),
        decision=item.kind == "decision",
        trust=TRUST,
    )


def _longest_prefix(items: Sequence[Item], fits: Callable[[Sequence[Item]], bool]) -> int:
    """Return how many items, from the first, fit together; by bisection, because a longer memory has more tokens."""
    low, high = 0, len(items)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(items[:middle]) else (low, middle - 1)
    return low


def rendered(items: Sequence[Item]) -> str:
    """Format a memory as text: the summary, then decisions and facts by turn, each with its turns."""
    in_time = sorted(items, key=lambda item: item.fact.turns[:1])
    lines = [" ".join(item.fact.text for item in in_time if item.kind == "summary")]
    for kind, title in (("decision", "Decisions:"), ("fact", "Facts:")):
        marked = [f"- {item.fact.text} {item.fact.turns or ''}".rstrip() for item in in_time if item.kind == kind]
        lines += [title, *marked] if marked else []
    return "\n".join(lines).strip()
