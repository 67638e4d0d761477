"""The checks that exist, and the options of a run."""

import difflib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from dspy_programs.errors import UsageError

Severity = Literal["error", "warning"]
PiiPolicy = Literal["strict", "warn", "off"]

CHECKS = {
    "schema": "a row is a pair: its fields, their types, an instruction and an output",
    "length": "the instruction is not too short, the output not too long",
    "dedup": "no other row is the same but for case and spaces",
    "near_dup": "no other row has nearly the same words",
    "pii": "nobody's e-mail address, phone, card, account or identity number",
    "lang": "the language is the one asked for",
    "profanity": "no swear words",
    "secrets": "no keys, tokens or passwords",
    "contamination": "nothing of the test sets given",
    "refusals": "the output does not refuse",
    "placeholders": "no text is only a placeholder",
    "fences": "code fences are closed, and none wraps the whole output",
    "turns": "a conversation's turns are in order, the last one the assistant's",
}
DEFAULT_CHECKS = ("schema", "length", "dedup", "pii")


@dataclass(frozen=True)
class CheckOptions:
    """What to check, and the thresholds.

    min_instruction_len, max_output_len: characters. language: ISO 639-1 code. pii: strict makes findings errors.
    near_threshold: Jaccard index in (0, 1] of words and pairs of words. against: files of test sets.
    """

    checks: tuple[str, ...] = DEFAULT_CHECKS
    min_instruction_len: int = 3
    max_output_len: int = 8000
    pii: PiiPolicy = "warn"
    language: str = "en"
    near_threshold: float = 0.7
    against: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise UsageError for what no check could follow."""
        object.__setattr__(self, "checks", checked_names(self.checks))
        if self.pii not in get_args(PiiPolicy):
            raise UsageError(f"--pii {self.pii!r}: choose strict, warn or off")
        if not 0.5 <= self.near_threshold <= 1:
            raise UsageError(f"--near-threshold {self.near_threshold}: give a share from 0.5 to 1")
        if self.min_instruction_len < 0 or self.max_output_len < 0:
            raise UsageError("--min-instruction-len and --max-output-len count characters: give 0 or more")
        if "contamination" in self.checks and not self.against:
            raise UsageError("contamination compares with test sets: add --against FILE")
        if self.against and "contamination" not in self.checks:
            raise UsageError("--against is for the check contamination: add it to --checks")

    def running(self) -> frozenset[str]:
        """Return the checks that run."""
        return frozenset(self.checks) - ({"pii"} if self.pii == "off" else set())

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "CheckOptions":
        fields: dict[str, Any] = json.loads(text)
        return cls(**{**fields, "checks": tuple(fields["checks"]), "against": tuple(fields["against"])})


def checked_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of checks, each once; "all" is all but contamination and lang. Raises UsageError for another name."""
    found: dict[str, None] = {}
    for name in names:
        if name == "all":
            found.update(dict.fromkeys(each for each in CHECKS if each not in ("contamination", "lang")))
        elif name in CHECKS:
            found[name] = None
        else:
            close = difflib.get_close_matches(name, CHECKS, 1, 0.5)
            hint = f"did you mean {close[0]}? " if close else ""
            raise UsageError(f"no check {name!r}: {hint}there are {', '.join(CHECKS)}, and all")
    if not found:
        raise UsageError(f"name at least one check: {', '.join(CHECKS)}")
    return tuple(found)
