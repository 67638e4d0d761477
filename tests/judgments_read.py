"""python -m tests.judgments_read --out DIR: judge pairs whose worth people know, measure the judge, lay its words out.

The pairs are single responses of the quality_judge's test rows on whose verdict all people agreed: the preferred response of a
row is labelled approved, the other one rejected. That is milder than it sounds, for a preferred response can still be poor; so
the page is to be read: DIR/read.md has each pair with its scores, the reason and what people said, and a box to tick.

The same command again goes on where it was stopped; nothing is asked twice. Another model: --lm, with --api-base for a server.
"""

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dspy_programs.__main__ import main as run
from dspy_programs.atomic_file import write_atomically
from dspy_programs.data import DataPair, Judgment, read_judgments
from dspy_programs.data.pairs_file import as_line
from dspy_programs.lm import DEFAULT_SPEC
from dspy_programs.tables import rows_in
from dspy_programs.text import shortened
from optimizers.data import data_directory

NAME, SEED = "read", 20261130
TAGS = ("model", "rules")
_SHOWN = 700  # characters of a text on the page


def labelled_pairs(count: int) -> list[tuple[DataPair, str]]:
    """Return pairs with what people said of each; no two about one request."""
    rows = [row for _, _, row in rows_in(data_directory("quality_judge") / "test.jsonl")]
    random.Random(SEED).shuffle(rows)
    clear = [row for row in rows if row["unanimous"] and row["verdict"] != "tie" and row["response"] and row["other"]]
    chosen = list({(row["instruction"], row["input"]): row for row in clear}.values())[:count]
    return [_labelled(row, place % 2 == 0) for place, row in enumerate(chosen)]


def _labelled(row: dict[str, Any], preferred: bool) -> tuple[DataPair, str]:
    output = row["response"] if (row["verdict"] == "first") is preferred else row["other"]
    pair = DataPair(instruction=row["instruction"], input=row["input"], output=output, metadata={"row": row["id"]})
    return pair.identified(), "approved" if preferred else "rejected"


def write_data(data: Path, found: Sequence[tuple[DataPair, str]]) -> None:
    labels = [{"pair_id": pair.id, "status": status, "labeler": "people of PandaLM"} for pair, status in found]
    write_atomically(data / "user" / f"{NAME}.jsonl", b"".join(as_line(pair) for pair, _ in found))
    write_atomically(data / "labels" / f"{NAME}.jsonl", "".join(json.dumps(label) + "\n" for label in labels))


def page(found: Sequence[tuple[DataPair, str]], judged: dict[str, Judgment]) -> Iterator[str]:
    yield "# Judgments to read\n"
    yield "Tick a box where the verdict is right, whatever people preferred.\n"
    for number, (pair, status) in enumerate(found, 1):
        judgment = judged.get(pair.id)
        verdict = "no judgment" if judgment is None else "passed" if judgment.passed else "failed"
        yield f"## {number}. {verdict}, people: {status}\n\n- [ ] right\n"
        for title, text in (("Instruction", pair.instruction), ("Input", pair.input), ("Response", pair.output)):
            if text.strip():
                yield f"{title}:\n\n" + "\n".join(f"    {line}" for line in shortened(text, _SHOWN).splitlines()) + "\n"
        if judgment is not None:
            scores = ", ".join(f"{name} {score:.1f}" for name, score in judgment.scores.items())
            yield f"{judgment.judge_model}: {scores}. {judgment.judgment_reasoning}\n"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--lm", default=DEFAULT_SPEC)
    parser.add_argument("--api-base")
    asked = parser.parse_args(argv)
    data, found = asked.out / "data", labelled_pairs(asked.pairs)
    write_data(data, found)
    here = ["--data", str(data), "-d", NAME]
    server = ["--api-base", asked.api_base] if asked.api_base else []
    models = {"model": ["--lm", asked.lm, *server], "rules": ["--no-llm"]}
    for tag in TAGS:
        if code := run(["data", "judge", *here, "--tag", tag, *models[tag]]):
            return code
        run(["data", "calibrate", *here, "--tag", tag])
    run(["data", "compare", *here, "--tags", ",".join(TAGS)])
    judged = {judgment.pair_id: judgment for judgment in read_judgments(data / "judgments" / f"{NAME}.model.jsonl")}
    write_atomically(asked.out / "read.md", "\n".join(page(found, judged)))
    print(asked.out / "read.md")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
