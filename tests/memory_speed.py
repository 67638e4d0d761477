"""python -m tests.memory_speed: memories of 100, 1,000 and 10,000 entries brought within 4,000 tokens by rules alone.

Each memory is filler of about 70 tokens an entry with twenty facts planted in it (names, numbers, decisions), each a sentence
inside an entry of filler. Filler: docstrings and source of Python's own library, small talk, and small talk in Chinese with
facts in Chinese. Told: tokens before and after, whether the budget is met, seconds to count and to compress (of processor
time, for others may share the machine), and how many facts are still in the live text word for word.
Not a test: timings on a shared machine are for reading, not for passing.
"""

import ast
import random
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dspy_programs.memory import MemoryCompressor, MemoryEntry, MemoryStore

BUDGET = 4000
COUNTS = (100, 1_000, 10_000)
CHARACTERS = 280  # of an entry of English, about 70 tokens
FACTS = (
    "The API key of the billing service rotates every 17 days.",
    "Maria decided to use PostgreSQL instead of MongoDB.",
    "The migration was approved with a ceiling of $42,500.",
    "We ship on 12 May, no later.",
    "Tomas Berg owns the on-call rota.",
    "Order W4482190 goes to the warehouse in Leeds.",
    "The staging database listens on port 5433.",
    "Ingrid prefers to be called before nine.",
    "Let us drop support for Windows 8.",
    "The customer's id is sofia_kim_7287.",
    "Release 3.14.2 broke the importer.",
    "The team agreed to meet on Thursdays.",
    "Grandmother Aiko is allergic to peanuts.",
    "The backup lives in /srv/backup/nightly.tar.",
    "Flight HAT136 leaves at 06:40.",
    "Invoice 2291 is still unpaid.",
    "Contact dana.ruiz@example.com for the contract.",
    "The pilot was cancelled by Professor Okafor.",
    "Latency must stay below 250 ms.",
    "Lena moved from Hamburg to Porto.",
)
PLAIN_FACTS = (  # written for no word that announces a fact
    "The spare key is under the blue flowerpot.",
    "Our Kafka cluster runs in eu-west-3.",
    "Priya took over the onboarding docs from Lars.",
    "The lease on the Hamburg office costs 9,400 euros a month.",
    "The patient takes 20 mg of lisinopril every morning.",
    "We are not going to support Windows 10 anymore.",
    "The train leaves from platform 14 at 7:52.",
    "Her passport number is X4417902.",
    "The board voted to postpone the IPO until autumn.",
    "Retention dropped from 61% to 54% after the redesign.",
    "The secret project is codenamed Falcon.",
    "Marta's mobile is +34 600 123 987.",
    "The dataset has 1.2 million rows.",
    "Deploys are frozen from 20 December on.",
    "He studied chemistry in Uppsala.",
    "The nightly job writes to s3://atlas-exports/daily.",
    "Use staging, not production, for the load test.",
    "The warranty covers 36 months.",
    "Olga wants vegetarian food on the flight.",
    "The bug was introduced in commit 9f3c2ab.",
)
CHINESE_FACTS = (
    "玛丽亚决定改用PostgreSQL。",
    "预算批准为42500元。",
    "截止日期是5月12日。",
    "账号是sofia_kim_7287。",
    "航班HAT136在06:40起飞。",
    "王伟负责值班。",
    "测试数据库的端口是5433。",
    "合同编号是W4482190。",
    "小林对花生过敏。",
    "会议改到星期四。",
)
SMALL_TALK = (
    "Thanks, that looks fine to me, so please go on with the next part of the plan.",
    "I had another look at it and found nothing unusual, as far as I can tell from here.",
    "Let me know when you are done, and we will see together what comes out of it.",
    "It is taking a little longer than I had hoped, but the results look reasonable so far.",
    "Sure, I can do that right away; give me a moment to read through the rest first.",
)
CHINESE_TALK = (
    "好的，请继续下一步。",
    "我又看了一遍，没有发现什么特别的。",
    "谢谢，这样看起来不错。",
    "请稍等，我先把剩下的读完。",
)


def library(docstrings: bool) -> Iterator[str]:
    """Yield docstrings, or pieces of source, of Python's own library, round and round."""
    texts = []
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        source = path.read_text(encoding="utf-8", errors="replace")
        if docstrings:
            nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.FunctionDef, ast.ClassDef)))
            texts += [text for node in nodes if (text := ast.get_docstring(node)) and len(text) > CHARACTERS // 2]
        else:
            texts += [source[i : i + CHARACTERS] for i in range(0, min(len(source), 20_000), CHARACTERS)]
    while True:
        yield from (text[:CHARACTERS] for text in texts)


def talk(sentences: tuple[str, ...], characters: int) -> Iterator[str]:
    draw = random.Random(7)
    while True:
        said: list[str] = []
        while sum(map(len, said)) < characters:
            said.append(draw.choice(sentences))
        yield " ".join(said)


FILLERS: dict[str, tuple[Callable[[], Iterator[str]], tuple[str, ...]]] = {
    "docstrings": (lambda: library(docstrings=True), FACTS),
    "docstrings, plain facts": (lambda: library(docstrings=True), PLAIN_FACTS),
    "source code": (lambda: library(docstrings=False), FACTS),
    "small talk": (lambda: talk(SMALL_TALK, CHARACTERS), FACTS),
    "Chinese": (lambda: talk(CHINESE_TALK, 60), CHINESE_FACTS),
}


def texts_with(filler: Iterator[str], facts: tuple[str, ...], count: int) -> list[str]:
    """Plant the facts, evenly but not in the last entries, which are kept in any case."""
    texts = [next(filler) for _ in range(count)]
    for number, fact in enumerate(facts):
        place = (count - 10) * number // len(facts)
        half = len(texts[place]) // 2
        texts[place] = f"{texts[place][:half]}\n{fact}\n{texts[place][half:]}"
    return texts


def main() -> None:
    print("| filler | entries | tokens before | after | budget met | counting, s | compressing, s | facts kept |")
    print("|---|---|---|---|---|---|---|---|")
    for name, (filler, facts) in FILLERS.items():
        for count in COUNTS:
            texts = texts_with(filler(), facts, count)
            start = time.process_time()
            store = MemoryStore()
            for turn, text in enumerate(texts):
                store.add_entry(MemoryEntry(role="user" if turn % 2 else "assistant", content=text, turn_number=turn))
            before = store.token_total()
            counted = time.process_time()
            MemoryCompressor(token_budget=BUDGET).compress(store)
            compressed = time.process_time()
            live, after = "\n".join(entry.content for entry in store), store.token_total()
            kept = sum(fact in live for fact in facts)
            cells = [name, f"{count:,}", f"{before:,}", f"{after:,}", "yes" if after <= BUDGET else "NO"]
            cells += [f"{counted - start:.3f}", f"{compressed - counted:.3f}", f"{kept} of {len(facts)}"]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
