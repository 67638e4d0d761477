"""Who rewrites the instructions: short rules from single failures for small models, DSPy's own proposer for others.

A proposer is what `dspy.GEPA` calls an `instruction_proposer`: (candidate, reflective dataset, components) -> new texts.
It sees only train rows.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import dspy
from dspy.teleprompt.gepa import InstructionProposer
from dspy.utils.exceptions import AdapterParseError
from pydantic import BaseModel, Field

from dspy_programs.errors import ModelFailing
from dspy_programs.lm import is_embedded
from dspy_programs.lm.replies import CompleteJSONAdapter, has_thoughts, without_thoughts
from dspy_programs.text import CJK, content_stems, facts_in, jaccard, ngrams, sendable, stem, words
from optimizers.calls import Meter
from optimizers.search.feedback_summary import PERFECT, FeedbackSummary, faults_in, loss

LONGEST_OF_SMALL = 1200  # characters of an instruction for an embedded model, about 300 tokens
LONGEST_INSTRUCTION = 20_000  # of any other model, about 5,000 tokens: fits windows of 32,000 and more
FAILED_PROPOSALS = 6  # consecutive
RULES = 6
LONGEST_RULE = 120  # characters
_SHORTEST_RULE = 10
CASES = 2  # failed cases asked about for one proposal
_TRIED = 5  # rejected rules shown to the model
LONGEST_RUN = 5  # consecutive words that a rule may share with its case
ALIKE = 0.5  # Jaccard overlap of content words at which two rules count as the same

Case = Mapping[str, Any]
Proposer = Callable[[dict[str, str], Mapping[str, Sequence[Case]], list[str]], dict[str, str]]
Kind = Literal["rules", "dspy"]
Choice = Literal["auto", "rules", "dspy"]


class NoNewRule(ValueError):
    """Nothing is left to try for these cases: every proposed rule is known, copied or empty. The model is not at fault."""


class Proposal(BaseModel):
    rule: str = Field(min_length=_SHORTEST_RULE, max_length=LONGEST_RULE)


class WriteRule(dspy.Signature):
    """An assistant made a mistake. Write one short rule for it that prevents this kind of mistake on any input.

    Say what to do and when. Name nothing that stands only in this input.
    """

    instruction: str = dspy.InputField(desc="what the assistant is told to do")
    often: str = dspy.InputField(desc="what goes wrong over all inputs so far")
    tried: str = dspy.InputField(desc="rules that were tried and did not help: write another one")
    inputs: str = dspy.InputField(desc="one input, cut short")
    reply: str = dspy.InputField(desc="what the assistant replied, cut short")
    feedback: str = dspy.InputField(desc="what is wrong with the reply")
    proposal: Proposal = dspy.OutputField()


class RuleProposer:
    """Keep the original instruction, and add rules to it: one for each of the worst failed cases.

    Guarantees a new instruction is the first text given for its component plus at most RULES rules, one line each; no rule
               repeats another or a rejected one, or copies a run of words from its case. If there are too many, the oldest
               is removed. Rejected rules are those proposed before that are not in the current candidate.
               Given the model's answers, the same calls in the same order give the same texts; GEPA calls from one thread.
    Raises     NoNewRule; AdapterParseError if no reply was readable.
    Source     itemized contexts that grow and are pruned, never rewritten: ACE (Zhang et al. 2025).
    """

    def __init__(self) -> None:
        self.write = dspy.Predict(WriteRule)
        self.feedback = FeedbackSummary()
        self._made: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {}  # (component, text) -> its seed, its rules
        self._proposed: defaultdict[str, list[str]] = defaultdict(list)

    def __call__(
        self, candidate: dict[str, str], reflective_dataset: Mapping[str, Sequence[Case]], components_to_update: list[str]
    ) -> dict[str, str]:
        """Return the new text of each component that got a new rule."""
        extended: dict[str, tuple[str, list[str]]] = {}
        refused: list[str] = []
        with dspy.context(adapter=CompleteJSONAdapter()):
            for name in components_to_update:
                if name in candidate and name in reflective_dataset:
                    seed, rules = self._made.get((name, candidate[name]), (candidate[name], ()))
                    rejected = [rule for rule in self._proposed[name] if rule not in rules]
                    new, faults = self.new_rules(candidate[name], rules, rejected, reflective_dataset[name])
                    refused += faults
                    if new:
                        extended[name] = (seed, [*rules, *new])
        if not extended:
            raise NoNewRule(f"no new rule: {'; '.join(refused) or 'no case failed'}")
        return {name: self.remembered(name, *text) for name, text in extended.items()}

    def new_rules(
        self, text: str, rules: Sequence[str], rejected: Sequence[str], cases: Sequence[Case]
    ) -> tuple[list[str], list[str]]:
        """Ask about each of the worst failed cases; return the rules to add, and why others were refused."""
        for case in cases:
            self.feedback.add(hash(case_text(case.get("Inputs"))), _feedback_of(case))
        found: list[str] = []
        refused: list[str] = []
        unreadable: AdapterParseError | None = None
        for seen in map(self.seen, worst(cases)):
            try:
                reply = self.write(instruction=sendable(text, 4000), tried=listed(rejected[-_TRIED:]), **seen)
            except AdapterParseError as error:  # the other case may still give a rule
                unreadable = error
                continue
            rule = one_line(reply.proposal.rule)
            if fault := fault_of(rule, text, [*rules, *rejected, *found], "\n".join(seen.values())):
                refused.append(f"{rule!r} {fault}")
            else:
                found.append(rule)
        if unreadable is not None and not found:
            raise unreadable
        return found, refused

    def seen(self, case: Case) -> dict[str, str]:
        """Return what the model sees of a case."""
        return {
            "often": self.feedback.summary(),
            "inputs": case_text(case.get("Inputs"), 600),
            "reply": case_text(case.get("Generated Outputs"), 300),
            "feedback": sendable(_feedback_of(case), 400),
        }

    def remembered(self, name: str, seed: str, rules: Sequence[str]) -> str:
        """Build an instruction, and remember its parts. Done last: after an error, nothing counts as proposed."""
        kept = tuple(rules[-RULES:])
        text = f"{seed}\n\nRules:\n{listed(kept)}"
        self._made[name, text] = (seed, kept)
        self._proposed[name] += [rule for rule in kept if rule not in self._proposed[name]]
        return text


class CountedProposer(InstructionProposer):
    """Watch a proposer. `essential`: if its replies are unreadable, the run stops.

    DSPy's class is the base because `dspy.GEPA` gives typed values only to that class, and just their texts to any other.
    """

    def __init__(self, proposer: Proposer, meter: Meter, essential: bool = True) -> None:
        super().__init__()
        self.proposer = proposer
        self.meter = meter
        self.essential = essential
        self.count = 0
        self.failed = 0

    def __call__(
        self, candidate: dict[str, str], reflective_dataset: Mapping[str, Any], components_to_update: list[str]
    ) -> dict[str, str]:
        try:
            with dspy.context(disable_history=True):
                proposed = self.proposer(candidate, reflective_dataset, components_to_update)
            texts = {name: said(text, candidate.get(name, "")) for name, text in proposed.items()}
        except NoNewRule:
            self.failed = 0
            raise
        except Exception as error:
            self.failed += 1
            if self.essential and self.failed >= FAILED_PROPOSALS:
                reason = " ".join(str(error).split())[:200]
                self.meter.stop(ModelFailing(f"{self.failed} proposals of the reflection model in a row failed: {reason}"))
            raise
        self.count += 1
        self.failed = 0
        return texts


def said(text: str, before: str) -> str:
    """Return a new instruction without the model's preceding thoughts. Raises ValueError if there is nothing else.

    If the previous instruction already mentioned such marks, they belong to the task.
    """
    instruction = text if has_thoughts(before) else without_thoughts(text).strip()
    if not instruction:
        raise ValueError("the reflection model thought and proposed nothing")
    return instruction


def kinds_for(reflection_lm: dspy.LM, choice: Choice = "auto") -> tuple[Kind, ...]:
    """Return the proposers, the most promising first: for "auto" both, rules first if the model is embedded."""
    if choice == "auto":
        return ("rules", "dspy") if is_embedded(reflection_lm) else ("dspy", "rules")
    return (choice,)


def proposer_of(kind: Kind, reflection_lm: dspy.LM, meter: Meter, essential: bool = True) -> CountedProposer:
    """Return a new, counted proposer. It remembers its proposals: use one per run."""
    if kind == "rules":
        return CountedProposer(RuleProposer(), meter, essential)
    longest = longest_instruction(reflection_lm)
    adapter = CompleteJSONAdapter(longest if is_embedded(reflection_lm) else None)  # a small one may never end a text
    return CountedProposer(InstructionProposer(max_chars=longest, adapter=adapter), meter, essential)


def longest_instruction(lm: dspy.LM) -> int:
    """Return the character limit of an instruction. The model is asked to shorten a longer one, because every call reads it."""
    return LONGEST_OF_SMALL if is_embedded(lm) else LONGEST_INSTRUCTION


_IDENTIFIER = re.compile(r"\w+_\w+")  # of a tool or an argument
_BULLET = re.compile(r"(?:[-*#>\u2022\u2023]+|\(?\d{1,2}[.):]|rules? ?\d*:)\s*", re.IGNORECASE)
EMPTY_WORDS = frozenset(
    content_stems(
        "accurate always answer appropriate attention avoid careful check clear complete concise consider consistent "
        "correct detail ensure error exact follow generate give given good helpful high improve input instruct "
        "instruction mistake never output precise produce proper provide quality relevant remember reply respond response "
        "rule specific task try understand user valid verify well write wrong"
    )
)


def one_line(text: str) -> str:
    """Return a rule without line breaks, invisible characters, and leading bullets and numbers."""
    line = " ".join("".join(c if c.isprintable() else " " if c.isspace() else "" for c in text).split())
    while match := _BULLET.match(line):
        line = line[match.end() :]
    return line[:LONGEST_RULE].rstrip()


def fault_of(rule: str, instruction: str, known: Sequence[str], case: str) -> str:
    """Say why a rule is not worth a trial; "" if it is."""
    stems = content_stems(rule)
    facts = facts_in(rule)
    named = {stem(word) for name in facts.names | facts.ids for word in words(name)}
    told = {stem for stem in set(stems) - named - EMPTY_WORDS if not any(c.isdigit() for c in stem)}
    if len(_IDENTIFIER.sub("", rule).strip()) < _SHORTEST_RULE or not told - set(content_stems(instruction)):
        return "says nothing that the instruction does not say"
    if set(_IDENTIFIER.findall(rule)) & set(_IDENTIFIER.findall(case)):
        return "names what stands in its case alone"
    if any(jaccard(stems, content_stems(other)) >= ALIKE for other in known):
        return "says what another rule says"
    if runs(rule) & runs(case):
        return "copies its case"
    return ""


def runs(text: str) -> set[tuple[str, ...]]:
    """Return the runs of words that are too long to share; in a script without spaces, each character is a word."""
    return ngrams(re.sub(f"[{CJK}]", r" \g<0> ", text), LONGEST_RUN + 1)


def worst(cases: Sequence[Case]) -> Iterator[Case]:
    """Yield the failed cases that lost most; one whose feedback names no component has lost everything."""
    failed = [case for case in cases if _feedback_of(case).strip() != PERFECT]
    lost = {id(case): loss(faults) if (faults := faults_in(_feedback_of(case))) else float("inf") for case in failed}
    yield from sorted(failed, key=lambda case: lost[id(case)], reverse=True)[:CASES]


def _feedback_of(case: Case) -> str:
    return str(case.get("Feedback") or "")


def case_text(value: Any, characters: int = 100_000) -> str:
    """Return the fields of a case as text, each cut to its share of the characters."""
    if not isinstance(value, Mapping):
        return sendable(str(value or ""), characters)
    share = characters // max(1, len(value))
    texts = {key: "\n".join(map(str, field)) if isinstance(field, list) else str(field) for key, field in value.items()}
    return sendable("\n".join(f"{key}: {sendable(text, share)}" for key, text in texts.items()), characters)


def listed(rules: Sequence[str]) -> str:
    return "\n".join(f"- {rule}" for rule in rules)
