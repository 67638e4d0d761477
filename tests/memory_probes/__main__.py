"""python -m tests.memory_probes --raw DIR: what an agent can go on with after its conversation came within a budget.

Real conversations, and for each a list of probes: ids, amounts, dates, names, what was decided and done and what came of it,
what failed and why, what is wanted next. A probe is answered if the facts it asks for are in what is sent, near each other
where that matters; the protected system prompt answers none. A budget is a share of the tokens that are not system prompt, as
sent, and the system prompt on top of it: a policy longer than the budget would leave nothing to compare.
One shot: the whole conversation is compressed once. Rolling: messages are added one by one, and before each call of the model
what is over the budget is compressed. What is sent over the budget counts as nothing kept.
The probes, and where they come from: tests/memory_probes/CARD.md.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dspy_programs.errors import UsageError
from tests.memory_probes.conversations import Conversation, by_conversation, conversations, probes
from tests.memory_probes.figures import URGENT, Run, by_kind, tables
from tests.memory_probes.matching import Probe, answered, missing, normalised, span
from tests.memory_probes.methods import Memory, methods
from tests.memory_probes.sent import Messages, count, is_system, line_of, systems, text_of, total

BUDGETS = (10, 25, 50)  # % of the tokens
_FRAME = 24  # tokens of a note's first line and of its message


def budget_for(messages: Messages, share: float) -> int:
    """Return the tokens for a share of what is not system prompt, and the system prompt."""
    system = total([message for message in messages if is_system(message)])
    return system + int(share * (total(messages) - system))


def compressed(new: Callable[[], Memory], messages: Messages, budget: int, rolling: bool) -> Messages:
    """Return what a memory sends after a conversation."""
    memory = new()
    for message in messages:
        memory.add(message)
        if rolling and message["role"] in ("user", "tool") and total(memory.sent()) > budget:
            memory.within(budget)
    return memory.within(budget)


def holds(asked: Sequence[Probe], room: int) -> bool:
    """Return whether the shortest way to say what was done, what failed and what is open is within the room."""
    urgent = [probe for probe in asked if probe.kind in URGENT]
    words = [probe.question if probe.kind == "open request" else " ".join(f[0] for f in probe.needs) for probe in urgent]
    return _FRAME + sum(count(text) + 4 for text in words) <= room


def run(name: str, new: Callable[[], Memory], talk: Conversation, asked: list[Probe], share: float, rolling: bool) -> Run:
    budget = budget_for(talk.messages, share)
    started = time.process_time()
    sent = compressed(new, talk.messages, budget, rolling)
    seconds = time.process_time() - started
    text = normalised(text_of(sent, systems(talk.messages)))
    fits = total(sent) <= budget
    kept = [fits and answered(probe, text) for probe in asked]
    room = budget - total([message for message in talk.messages if is_system(message)])
    return Run(
        method=name,
        share=share,
        rolling=rolling,
        conversation=talk.id,
        half=talk.half,
        source=talk.source,
        probes=[probe.id for probe in asked],
        kinds=[probe.kind for probe in asked],
        kept=kept,
        budget=budget,
        sent=total(sent),
        fits=fits,
        holds=holds(asked, room),
        seconds=seconds,
    )


def show(talk: Conversation, asked: Sequence[Probe], name: str, share: float, rolling: bool) -> Iterator[str]:
    """Yield what is sent of a conversation, and the probes with what is missing of each."""
    budget = budget_for(talk.messages, share)
    sent = compressed(methods()[name], talk.messages, budget, rolling)
    yield f"=== {talk.id}, {name}, {share:.0%}{', rolling' if rolling else ''}: {total(sent)} of {budget} tokens"
    for message in sent:
        yield f"--- {message['role']}\n{'(the system prompt)' if is_system(message) else line_of(message)}"
    text = normalised(text_of(sent, systems(talk.messages)))
    yield "--- probes"
    for probe in asked:
        lost = missing(probe, text)
        found = span(probe, text)
        why = f"nowhere: {', '.join(lost)}" if lost else f"spread over {found} characters, more than {probe.within}"
        state = "kept" if answered(probe, text) else f"LOST ({why})"
        yield f"{state:6} {probe.id} {probe.kind}: {probe.question}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, required=True, help="the folder with failure_judge/ and memory_summarizer/")
    parser.add_argument("--methods", help="comma-separated; by default all that can run here")
    parser.add_argument("--budgets", default=",".join(map(str, BUDGETS)), help="in %% of the tokens, comma-separated")
    parser.add_argument("--half", choices=("tune", "held_out", "all"), default="all", help="which conversations")
    parser.add_argument("--one-shot", action="store_true", help="leave out the rolling runs")
    parser.add_argument("--rolling", action="store_true", help="with --show: add the messages one by one")
    parser.add_argument("--kinds", action="store_true", help="also a table by kind of probe and by source")
    parser.add_argument("--json", type=Path, help="also write every run to this file")
    parser.add_argument(
        "--show", metavar="ID", help="print a conversation after compression, and which probes are lost and why"
    )
    parser.add_argument("--peers", type=Path, help="a site-packages folder with langchain-core, searched last")
    return parser.parse_args()


def checked(talks: Sequence[Conversation], asked: dict[str, list[Probe]]) -> None:
    """Raise UsageError if a whole conversation does not answer one of its probes: it was made from another."""
    for talk in talks:
        text = normalised(text_of(talk.messages, systems(talk.messages)))
        lost = [probe.id for probe in asked[talk.id] if not answered(probe, text)]
        if lost:
            raise UsageError(f"{', '.join(lost)}: not in the conversation; are the files under --raw those of the card?")


def main() -> None:
    asked = arguments()
    if asked.peers:
        sys.path.append(str(asked.peers))
    known = methods()
    names = asked.methods.split(",") if asked.methods else list(known)
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"--methods: {', '.join(unknown)} cannot run here; choose from {', '.join(known)}")
    shares = [int(share) / 100 for share in asked.budgets.split(",")]
    by_talk = dict(by_conversation(probes()))
    talks = [talk for talk in conversations(asked.raw) if talk.id in by_talk and asked.half in ("all", talk.half)]
    checked(talks, by_talk)
    if asked.show:
        chosen = [talk for talk in talks if talk.id == asked.show]
        if not chosen:
            raise UsageError(f"--show: no conversation {asked.show}; choose from {', '.join(talk.id for talk in talks)}")
        for name in names:
            for share in shares:
                print("\n".join(show(chosen[0], by_talk[asked.show], name, share, asked.rolling)))
        return
    ways = (False,) if asked.one_shot else (False, True)
    runs = [
        run(name, known[name], talk, by_talk[talk.id], share, rolling)
        for name in names
        for rolling in ways
        for share in shares
        for talk in talks
    ]
    halves = ("tune", "held_out", "all") if asked.half == "all" else (asked.half,)
    print("\n".join(tables(runs, halves)))
    if asked.kinds:
        print("\nBy kind of probe and by source\n")
        print("\n".join(by_kind(runs)))
    if asked.json:
        asked.json.write_text(json.dumps([one._asdict() for one in runs], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except UsageError as error:
        sys.exit(f"error: {error}")
