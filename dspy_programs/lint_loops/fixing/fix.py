"""Mends files in place: `--fix`.

Input      the report of a run: files with findings.
Output     the same report with what is left, and a line for each file that was changed.
Guarantees a file is replaced as a whole or not at all, and only by code that Python can parse. Encoding, line ends, comments
           and layout stay. A file that changed since it was read, or that libcst cannot read, is left alone.
Raises     MissingExtra without libcst; UsageError for a file that cannot be written.
"""

import ast
from pathlib import Path

from dspy_programs.atomic_file import write_atomically
from dspy_programs.errors import MissingExtra
from dspy_programs.lint_loops.check import check_text
from dspy_programs.lint_loops.fixing.plan import Mend, mends_of
from dspy_programs.lint_loops.ignored import ignored_lines
from dspy_programs.lint_loops.run import Report
from dspy_programs.text import quantity

_MOST_ROUNDS = 200  # a mend can make room for another one; one of each name is made in a round


def fix_all(report: Report, only_reported: bool) -> list[str]:
    """Mend the files with findings; keep in the report what is left. only_reported: leave other lines of a file alone."""
    _require_libcst()
    said = []
    wanted: dict[str, set[str]] = {}
    for each in report.findings:
        wanted.setdefault(each.file, set()).add(each.pattern.code)
    for file, codes in sorted(wanted.items()):
        lines = {each.line for each in report.findings if each.file == file} if only_reported else None
        data = Path(file).read_bytes()
        new, count = fixed(data, codes, lines)
        if count:
            write_atomically(Path(file), new)
            kept = {each.pattern for each in report.findings}
            report.findings = [each for each in report.findings if each.file != file]
            report.findings += [each for each in check_text(new.decode("utf-8"), file).findings if each.pattern in kept]
            said.append(f"{file}: {quantity(count, 'loop')} rewritten")
    report.findings.sort(key=lambda each: each.order)
    return said


def fixed(data: bytes, codes: set[str] | None = None, lines: set[int] | None = None) -> tuple[bytes, int]:
    """Return a file with all its mends, and their number. codes: only these patterns; lines: only findings there."""
    _require_libcst()
    from libcst import ParserSyntaxError

    from dspy_programs.lint_loops.fixing.rewrite import rewritten

    count = 0
    for _ in range(_MOST_ROUNDS):
        try:
            text = data.decode("utf-8")
            if text.startswith("\ufeff") or "\r" in text.replace("\r\n", ""):
                break
            mends = _chosen(mends_of(ast.parse(text), text.replace("\r\n", "\n")), text, codes, lines if count == 0 else None)
            if not mends:
                break
            new = rewritten(data, mends)
            ast.parse(new)
        except (UnicodeDecodeError, SyntaxError, ValueError, RecursionError, ParserSyntaxError):
            break
        data, count = new, count + len(mends)
        if lines is not None:
            break  # lines have moved
    return data, count


def _chosen(mends: list[Mend], text: str, codes: set[str] | None, lines: set[int] | None) -> list[Mend]:
    """Return the mends of one round: those asked for, not dismissed, at different places and with different new names."""
    dismissed = ignored_lines(text, {mend.at[0] for mend in mends})
    found: list[Mend] = []
    for mend in mends:
        if (codes is not None and mend.code not in codes) or (lines is not None and mend.at[0] not in lines):
            continue
        said = dismissed.get(mend.at[0])
        if said is not None and (not said or any(mend.code.startswith(code) for code in said)):
            continue
        is_alone = all(mend.name != other.name or not mend.name for other in found)
        if is_alone and not {mend.at, mend.other} & {place for other in found for place in (other.at, other.other) if place}:
            found.append(mend)
    return found


def _require_libcst() -> None:
    try:
        import libcst  # noqa: F401
    except ImportError:
        raise MissingExtra('--fix needs an extra: pip install "dspy-programs[lint]"') from None
