"""python -m tests.budget_prompts --raw DIR: whether the budget tool drops what binds in 232 prompts, without saying so.

Prompts    52 of fabric, 11 of IFEval, 10 of FollowBench, the airline policy of tau-bench, 154 of our own in 15 languages and in
           several shapes (XML tags, tables, code in a longer fence, 40 paragraphs, prose without headings, examples), and four
           of one section of 7,000 tokens. Seven splits: tune; the others were each labelled before any rule was run on them
           (tests/budget_labels/CARD.md says what was found at first sight).
Labels     tests/budget_labels: every sentence binds, is free, or is unclear (examples, "INPUT:", comments: not counted). Those
           of others' prompts are offsets with the text's SHA-256; the texts are read below DIR. Ours stand in own/: what
           follows the mark "§-" is free, "§?" unclear, up to the line's end or the next mark ("§+" binds); all else binds.
           Titles are not labelled.
Told       recall and precision of the rules over the labels, the share of tokens free to go; what a negotiation lost by the
           labels alone, listed and not listed; truncation at the same savings, and the published rows of LLMLingua-2.

--list shows every verdict that differs from the labels. Not a test: the figures are for reading.
"""

import argparse
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from dspy_programs.budget import NegotiationResult, Negotiator
from dspy_programs.budget.measuring.scorers import Score
from dspy_programs.budget.prompts.binding import binding_sentences
from dspy_programs.budget.prompts.lost import lost
from dspy_programs.budget.prompts.plain_text import from_text
from dspy_programs.budget.prompts.statements import statements
from dspy_programs.text import CJK_RUN
from dspy_programs.tokens import counter_named
from dspy_programs.types import Rubric, Section
from tests.agreement_figures import share

LABELS = Path(__file__).parent / "budget_labels"
_TITLE = re.compile(r"#{1,6} |(?=.*[A-ZÄÖÜÉÀА-Я])[^a-zà-ÿа-я.!?。]{2,40}$|</?\w+[^<>\n]*>$|\|[-:| ]+\|$|[【][^】]+】$")
_SENTENCE = re.compile(r"[.!?][”\"’)*]*(?=\s+[\"“(*¿]*[A-ZÄÖÜÉÀА-Я])|[。！？](?!$)|[.](?=\s+[가-힣])")
_UNHEARD = re.compile(r"\b(?:please|kindly)\b|^\W*\d{1,2}[.)]\s")  # courtesy, and the number of a list item, may go
SPLITS = ("tune", "held", "fresh", "last", "wide", "beyond", "later")  # in the order in which they were read
_LONG = 7000  # tokens
FOLLOWBENCH = ("content", "mixed", "situation", "style")


class Span(NamedTuple):
    start: int
    end: int
    label: str  # binds, free or unclear


class Prompt(NamedTuple):
    id: str
    split: str  # one of SPLITS
    text: str
    spans: Sequence[Span]


def prompts(raw: Path) -> list[Prompt]:
    """Return the prompts with their labels."""
    found = [*_public(raw), *_own()]
    return [*found, *(_long(found, split) for split in SPLITS[:4])]


def _public(raw: Path) -> Iterator[Prompt]:
    texts = _texts(raw)
    for line in (LABELS / "public.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        text = texts[row["id"]]
        if hashlib.sha256(text.encode()).hexdigest() != row["sha256"]:
            raise SystemExit(f"{row['id']}: the text below --raw is not the one that was labelled")
        yield Prompt(row["id"], row["split"], text, [Span(*span) for span in row["spans"]])


def _texts(raw: Path) -> dict[str, str]:
    """Return the texts of others by id."""
    found = {}
    prompts_, ifeval, follow = (raw / "section_scorer" / name for name in ("fabric_patterns", "ifeval", "followbench"))
    for row in _rows(prompts_ / "system_prompts.jsonl"):
        found[f"fabric/{row['name']}"] = row["text"]
    for number, row in enumerate(_rows(ifeval / "input_data.jsonl")):
        found[f"ifeval/{number}"] = row["prompt"]
    for name in FOLLOWBENCH:
        for row in json.loads((follow / f"{name}_constraints.json").read_text(encoding="utf-8")):
            found[f"followbench/{name}/{row['example_id']}/{row['level']}"] = row["instruction"]
    runs = json.loads((raw / "failure_judge/tau_bench_gpt4o_airline/gpt-4o-airline.json").read_text(encoding="utf-8"))
    return found | {"tau/airline": runs[0]["traj"][0]["content"]}


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _own() -> Iterator[Prompt]:
    for path in sorted((LABELS / "own").glob("*.txt")):
        yield marked(f"own/{path.stem}", path.stem.split("_")[0], path.read_text(encoding="utf-8"))


def marked(name: str, split: str, source: str) -> Prompt:
    """Return a prompt of our own: its text without the marks, and the labels that these are."""
    text, spans, fenced = "", [], False
    for line in source.splitlines():
        fenced = fenced != line.startswith("````")
        parts = re.split(r"§([-+?])", line)
        label, labels = "binds", []
        for i, part in enumerate(parts):
            if i % 2:
                label = {"-": "free", "?": "unclear", "+": "binds"}[part]
            else:
                labels.append((part, label))
        is_title = (
            len(parts) == 1
            and not fenced
            and (_TITLE.match(line) or (len(line.split()) < 3 and line[-1:] not in ".!。" and not CJK_RUN.search(line)))
        )
        for part, said in labels:
            for start, end in [] if is_title else _split(part):
                spans.append(Span(len(text) + start, len(text) + end, said))
            text += part
        text += "\n"
    return Prompt(name, split, text, spans)


def _split(line: str) -> Iterator[tuple[int, int]]:
    start = 0
    for end in [*(found.end() for found in _SENTENCE.finditer(line)), len(line)]:
        if re.search(r"[^\W\d]", line[start:end]):
            yield start + len(line[start:end]) - len(line[start:end].lstrip()), start + len(line[start:end].rstrip())
        start = end


def _long(found: Sequence[Prompt], split: str) -> Prompt:
    """Return one section of 7,000 tokens: the texts of fabric of this half, one after the other, without their headings."""
    count, text = counter_named(None).count, ""
    spans: list[Span] = []
    for prompt in found:
        if prompt.split == split and prompt.id.startswith("fabric/") and count(text) < _LONG:
            for line in re.finditer(r"[^\n]*\n?", prompt.text):
                if not line.group().startswith("#"):
                    here = [span for span in prompt.spans if line.start() <= span.start < line.end()]
                    spans += [Span(*(at - line.start() + len(text) for at in span[:2]), span.label) for span in here]
                    text += line.group()
    return Prompt(f"joined/{split}", split, text, spans)


def sections_of(prompt: Prompt) -> list[Section]:
    """Return a prompt as the tool reads it; that of one section stays one."""
    return [Section(name="all", content=prompt.text)] if prompt.id.startswith("joined/") else from_text(prompt.text)


class Verdicts(NamedTuple):
    """What the rules say of a prompt. bound: by character of its text, whether that is in a binding sentence."""

    bound: bytearray
    free_tokens: int
    tokens: int
    why: dict[int, str]


def verdicts(prompt: Prompt) -> Verdicts:
    bound, at, free, tokens, count = bytearray(len(prompt.text)), 0, 0, 0, counter_named(None).count
    why: dict[int, str] = {}
    sections = sections_of(prompt)
    found = {(one.section, one.number): one for one in binding_sentences(sections)}
    for section in sections:
        at = prompt.text.index(section.content, at)
        for number, one in enumerate(statements(section.content)):
            size = count(section.content[one.start : one.end])
            tokens += size
            if binding := found.get((section.name, number)):
                bound[at + one.start : at + one.end] = b"\1" * (one.end - one.start)
                why[at + one.start] = f"{binding.kind}: {binding.why}"
            elif one.form not in ("heading", "rule"):
                free += size
    return Verdicts(bound, free, tokens, why)


def covered(prompt: Prompt, span: Span, bound: bytearray) -> list[bool]:
    """Return for each letter of a span whether it is in a binding sentence."""
    return [bool(bound[i]) for i in range(span.start, span.end) if prompt.text[i].isalnum()]


def rules_table(found: Sequence[Prompt], show: bool) -> None:
    print("\n| prompts | binding sentences found | of what is kept, binds | tokens free to go | free by the labels |")
    print("|---|---|---|---|---|")
    for split in dict.fromkeys(prompt.split for prompt in found):
        hits: list[tuple[str, bool]] = []
        precise: list[tuple[str, bool]] = []
        free = total = labelled = 0
        for prompt in (p for p in found if p.split == split):
            said = verdicts(prompt)
            free, total = free + said.free_tokens, total + said.tokens
            for span in prompt.spans:
                letters = covered(prompt, span, said.bound)
                text = prompt.text[span.start : span.end]
                if span.label == "binds":
                    hits.append((prompt.id, all(letters)))
                    precise += [(prompt.id, True)] if all(letters) else []
                elif span.label == "free":
                    labelled += counter_named(None).count(text)
                    precise += [(prompt.id, False)] if any(letters) else []
                if show and ((span.label == "binds" and not all(letters)) or (span.label == "free" and any(letters))):
                    print(f"{prompt.id}: {'MISSED' if span.label == 'binds' else 'kept'}: {text[:150]!r}")
        recall, precision = share("recall", split, hits), share("precision", split, precise)
        print(f"| {split} | {recall} | {precision} | {free / total:.1%} | {labelled / total:.1%} |")


class Outcome(NamedTuple):
    """A smaller prompt. listed: the sentences that the tool said are gone."""

    text: str
    listed: Sequence[str] = ()


Method = Callable[[Prompt, int], Outcome]
"""Makes a prompt smaller; the number is how many tokens it may keep, for those that can be told."""


class Content:
    """A scorer that every prompt satisfies: nothing but the list of what is lost protects a sentence."""

    name, noisy, measures = "content with everything", False, "opinion"

    def score(self, sections: Sequence[Section], rubric: Rubric, task: str = "") -> Score:
        return Score(1.0)


def descriptions_dropped(prompt: Prompt, keep: int) -> Outcome:
    """Drop all that does not bind, and the headings with nothing left under them stay."""
    bound = verdicts(prompt).bound
    text, at = "", 0
    for section in sections_of(prompt):
        at = prompt.text.index(section.content, at)
        for one in statements(section.content):
            if one.form in ("heading", "rule") or any(bound[at + one.start : at + one.end]):
                text += section.content[one.start : one.end]
        text += "\n\n"
    return Outcome(text)


def negotiated(allow: list[str] | None) -> Method:
    def method(prompt: Prompt, keep: int) -> Outcome:
        asked = Negotiator(
            Content(), strategies=["remove", "compress"], min_token_savings=0.5, max_token_savings=0.6, allow=allow
        )
        return _outcome(asked.negotiate(sections_of(prompt)))

    return method


def redundant_dropped(prompt: Prompt, keep: int) -> Outcome:
    """Negotiate with no scorer: only what is redundant goes."""
    return _outcome(Negotiator(None, min_token_savings=0.0).negotiate(sections_of(prompt)))


def _outcome(result: NegotiationResult) -> Outcome:
    """Return a negotiation's prompt, with the sentences that it lists: as lost, or as said in other words."""
    lost_ = [f"{one.lead_in} {one.text}" for one in result.lost]
    return Outcome(result.optimized_prompt, [*lost_, *(change.text for change in result.changes if change.new is not None)])


def first_tokens(prompt: Prompt, keep: int) -> Outcome:
    return Outcome(_cut(prompt.text, keep, lambda text, size: text[:size]))


def last_tokens(prompt: Prompt, keep: int) -> Outcome:
    return Outcome(_cut(prompt.text, keep, lambda text, size: text[len(text) - size :]))


def _cut(text: str, keep: int, part: Callable[[str, int], str]) -> str:
    """Return the longest part within so many tokens."""
    count, low, high = counter_named(None).count, 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count(part(text, middle)) <= keep else (low, middle - 1)
    return part(text, low)


def gone(prompt: Prompt, kept: str) -> list[str]:
    """Return the sentences labelled as binding that a text does not hold word for word. No rule of the tool is asked."""
    said = _letters(kept)
    return [
        text
        for span in prompt.spans
        if span.label == "binds" and _letters(text := prompt.text[span.start : span.end]) not in said
    ]


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, _UNHEARD.sub("", text.casefold())))


def losses_table(found: Sequence[Prompt]) -> None:
    """Print savings and losses of each method; truncation keeps as much as the method named before it."""
    count = counter_named(None).count
    tables: Sequence[tuple[str, Method]] = (
        ("redundant sentences dropped (no scorer)", redundant_dropped),
        ("all that describes dropped (rules)", descriptions_dropped),
        ("negotiate --allow none, a judge content with everything", negotiated(["none"])),
        ("negotiate, a judge content with everything", negotiated(None)),
    )
    print("\n| method | prompts | tokens saved | binding sentences gone | of these not listed |\n|---|---|---|---|---|")
    for split in dict.fromkeys(prompt.split for prompt in found):
        part = [prompt for prompt in found if prompt.split == split]
        for name, method in tables:
            outcomes = [method(prompt, 0) for prompt in part]
            _print_row(name, part, outcomes)
            kept = [count(outcome.text) for outcome in outcomes]
            for other, cutter in (("first tokens", first_tokens), ("last tokens", last_tokens)):
                cut = [cutter(prompt, size) for prompt, size in zip(part, kept, strict=True)]
                _print_row(f"- truncation to the {other}, same savings", part, cut)
    print(LLMLINGUA)


LLMLINGUA = """| LLMLingua-2, as published (arXiv:2403.12968) | its own | 50 % to 80 % (2x to 5x) | not published | lists none |

llmlingua 0.2.2 installs, but its model is fetched from a hub that was not reached here, so its row is quoted, not measured."""


def _print_row(name: str, part: Sequence[Prompt], outcomes: Sequence[Outcome]) -> None:
    count = counter_named(None).count
    losses = [(prompt, outcome, gone(prompt, outcome.text)) for prompt, outcome in zip(part, outcomes, strict=True)]
    total, kept = sum(count(prompt.text) for prompt in part), sum(count(outcome.text) for outcome in outcomes)
    unlisted = 0
    for _, outcome, sentences in losses:
        listed = [_letters(text) for text in outcome.listed]
        unlisted += sum(
            not any(_letters(text) in one or (one and one in _letters(text)) for one in listed) for text in sentences
        )
    bound = sum(span.label == "binds" for prompt in part for span in prompt.spans)
    missing = sum(len(sentences) for *_, sentences in losses)
    saved, share_gone = f"{1 - kept / total:.1%}", f"{missing} of {bound} ({missing / bound:.1%})"
    print(f"| {name} | {len(part)} {part[0].split} | {saved} | {share_gone} | {unlisted} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, required=True, help="folder with section_scorer/ and failure_judge/")
    parser.add_argument("--list", action="store_true", help="show every verdict that differs from the labels")
    parser.add_argument("--split", choices=SPLITS, help="only this half")
    given = parser.parse_args()
    found = [prompt for prompt in prompts(given.raw) if given.split in (None, prompt.split)]
    counts = {label: sum(span.label == label for p in found for span in p.spans) for label in ("binds", "free", "unclear")}
    print(f"{len(found)} prompts; sentences: {counts}")
    rules_table(found, given.list)
    losses_table(found)
    speed()


def speed() -> None:
    """Print the processor time for a prompt of 100,000 characters, of prose and of rules in turn."""
    text = (
        "# RULES\n\n"
        + "- Never promise a date to {name} before the order is paid.\n" * 20
        + "The shop was founded by the sea. " * 20
        + "\n\n"
    ) * 60
    numbered = "".join(f"{i} {line}\n" for i, line in enumerate(text.split("\n")))
    sections = [Section(name="all", content=numbered[:100_000])]
    start = time.process_time()
    found = binding_sentences(sections)
    middle = time.process_time()
    lost(sections, [Section(name="all", content=sections[0].content[:50_000])])
    end = time.process_time()
    times = f"{middle - start:.2f} s, the lost half in {end - middle:.2f} s"
    print(f"\n100,000 characters: {len(found):,} binding sentences in {times}")


if __name__ == "__main__":
    main()
