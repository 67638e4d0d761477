"""Why a loop is slow here: the text of the pattern with the names of this code, and how the time grows.

Guarantees a text names only what the code names, in backticks; n and m are explained where they stand, and the first O(...) of
           a text is the cost as the code is now.
"""

import ast
from typing import NamedTuple

from dspy_programs.lint_loops.code.paths import path_of, written
from dspy_programs.lint_loops.code.tree import Loop
from dspy_programs.lint_loops.detectors.appends import filled_by
from dspy_programs.lint_loops.detectors.concatenation import growing_in, operands
from dspy_programs.lint_loops.detectors.copies import copied_by
from dspy_programs.lint_loops.detectors.counting import counted_by
from dspy_programs.lint_loops.detectors.detector import Hit
from dspy_programs.lint_loops.detectors.nested import core_of
from dspy_programs.lint_loops.explaining.wording import iterables, kind_name, names_of, passes, quoted, uncounted
from dspy_programs.lint_loops.patterns import (
    APPEND,
    COPY,
    LENGTH,
    LIST_CONCAT,
    LOOKUP,
    MEMBERSHIP,
    NESTED,
    RANGE_LEN,
    REGEX,
    SORT,
    STRING,
)


class Reason(NamedTuple):
    """variables: the names that matter, of the code; cost: how the time grows now."""

    text: str
    variables: tuple[str, ...]
    cost: str


def reason_of(hit: Hit, loop: Loop) -> Reason:
    """Say why a finding is slow. loop: the one it was found in."""
    node, pattern = hit.node, hit.pattern
    if pattern is NESTED:
        return _nested(node, loop, hit.mend)
    if pattern is STRING or pattern is LIST_CONCAT:
        assert isinstance(node, ast.Assign | ast.AugAssign)
        return _grown(node, loop, pattern is STRING)
    if pattern is APPEND:
        return _appended(loop)
    if pattern is MEMBERSHIP:
        assert isinstance(node, ast.Compare)
        return _membership(node, loop, hit.mend.startswith("Test once"))
    if pattern is LENGTH:
        return _length(loop)
    if pattern is COPY:
        return _copied(node, loop)
    if pattern is SORT:
        assert isinstance(node, ast.Call)
        return _sorted(node, loop, hit.mend)
    if pattern is RANGE_LEN:
        return _counted(loop)
    if pattern is LOOKUP:
        assert isinstance(node, ast.Subscript)
        return _looked_up(node, loop, hit.mend)
    assert isinstance(node, ast.Call)
    return _compiled(node, loop) if pattern is REGEX else _opened(node, loop)


def _nested(node: ast.AST, loop: Loop, mend: str) -> Reason:
    inner = node.iter if isinstance(node, ast.For) else iterables(loop)[-1]
    items = quoted(core_of(inner))
    text = f"Both loops run over {items}: for each of its n items the inner one goes through all n again, which is O(n^2). "
    if mend.startswith("Build a dict"):
        text += (
            "The inner loop only serves to find the items that match. A dict from key to items, built once before, finds them "
        )
        text += "without it: O(n)."
    else:
        text += "Every item meets every other one twice, and itself once. If a pair counts once, itertools.combinations visits "
        text += "half as many; O(n^2) it stays."
    return Reason(text, names_of(inner), "O(n^2)")


def _grown(node: ast.Assign | ast.AugAssign, loop: Loop, is_text: bool) -> Reason:
    target = node.target if isinstance(node, ast.AugAssign) else node.targets[0]
    assert isinstance(target, ast.Name | ast.Attribute)
    name, kind = quoted(target), kind_name(target, loop, "string" if is_text else "list")
    parts = operands(node.value) if isinstance(node, ast.Assign) else []
    is_front = bool(parts) and written(parts[0]) != written(target)
    where = passes(loop, growing_in(node, target, loop))
    if not is_text:
        how = f"builds a new {kind} from all that {name} holds so far"
        mended = "Adding to a list in place" if kind == "list" and not is_front else "Collecting the items in a list"
        mended = "A deque, which grows at both ends," if kind == "list" and is_front else mended
        text = f"{quoted(node)} {how}, on each pass of {where}: 1 + 2 + ... + n copies, O(n^2). {mended} is O(n)."
        return Reason(
            text.replace("deque, which grows at both ends, is", "deque grows at both ends:"), names_of(target), "O(n^2)"
        )
    text = f"{quoted(node)} may copy all that {name} holds so far, on each pass of {where}: O(n^2). "
    if kind == "bytes":
        text += "Bytes cannot be changed in place. "
    elif is_front:
        text += "What is put in front moves all that is there. "
    elif isinstance(target, ast.Attribute):
        text += f"CPython adds to a string in place only if it is in a plain local variable, which {name} is not. "
    elif len(parts) > 2:
        text += f"CPython would add in place to a local variable, but here it first makes {name} + {quoted(parts[1])}, which "
        text += "copies. "
    else:
        text += (
            f"Where {name} is a local variable that nothing else refers to, CPython adds in place, and it is O(n) there; other "
        )
        text += "Pythons copy. "
    return Reason(f"{text}Joining a list of the parts once is O(n) everywhere.", names_of(target), "O(n^2)")


def _appended(loop: Loop) -> Reason:
    filled = filled_by(loop)
    assert filled is not None
    loops = [each for each in filled.clauses if isinstance(each, ast.For | ast.AsyncFor)]
    over = [quoted(uncounted(each.iter)) for each in loops]
    named = f"the loop over {over[0]}" if len(over) == 1 else f"the loops over {', '.join(over[:-1])} and {over[-1]}"
    text = (
        f"Each pass of {named} (n passes{' in all' if len(over) > 1 else ''}) looks up and calls `{filled.name}.append`: O(n). "
    )
    alone = isinstance(filled.item, ast.Name) and isinstance(loops[-1].target, ast.Name) and len(filled.clauses) == 1
    if alone and filled.item.id == loops[-1].target.id:  # type: ignore[attr-defined]
        text += (
            f"All items are taken as they are, so one call that takes {over[0]} does it without a pass of Python: O(n) too, "
        )
        text += "with a much smaller constant."
    else:
        text += "A comprehension appends with one instruction: O(n) too, with a smaller constant."
    calls = [each for each in ast.walk(filled.item) if isinstance(each, ast.Call)]
    if calls:
        text += f" What {quoted(calls[0])} itself costs stays, and may be most of it."
    return Reason(text, (filled.name, *names_of(*(each.iter for each in loops))), "O(n)")


def _membership(node: ast.Compare, loop: Loop, is_fixed: bool) -> Reason:
    holder = node.comparators[0]
    kind = kind_name(holder, loop, "list")
    text = f"{quoted(node)} compares {quoted(node.left)} with one item of the {kind} {quoted(holder)} after the other, "
    text += f"up to m of them, on each pass of {passes(loop)}: O(n*m). "
    if is_fixed:
        text += "Neither side changes in the loop, so one test before it does: O(n+m)."
    else:
        text += "A set finds an item at once, however many there are; built once before the loop, it makes this O(n+m)."
    return Reason(text, names_of(holder, *(each for one in loop.around() for each in iterables(one))), "O(n*m)")


def _length(loop: Loop) -> Reason:
    assert isinstance(loop.node, ast.While)
    calls = (each for each in ast.walk(loop.node.test) if isinstance(each, ast.Call))
    call = next(each for each in calls if isinstance(each.func, ast.Name) and each.func.id == "len")
    text = f"The guard of the while loop calls {quoted(call)} on each of its n passes, and nothing in the loop changes that "
    text += (
        "length: O(n) short calls for one number. One call before the loop does; the loop stays O(n), so this matters in tight "
    )
    text += "loops only."
    return Reason(text, names_of(call.args[0]), "O(n)")


def _copied(node: ast.AST, loop: Loop) -> Reason:
    copied = copied_by(node, loop)
    assert copied is not None
    name = quoted(copied)
    if node is loop.iterable or (isinstance(loop.iterable, ast.Call) and node in loop.iterable.args):
        text = f"{quoted(node)} copies all n items of {name} before the first pass, O(n) time and memory, and nothing changes "
        text += f"{name} while the loop runs. Looping over it directly saves the copy; the passes stay O(n)."
        return Reason(text, names_of(copied), "O(n)")
    text = f"{quoted(node)} copies all m items of {name} on each pass of {passes(loop)}: O(n*m). The copy is only read and "
    text += f"dropped at once, so {name} itself does."
    return Reason(text, names_of(copied), "O(n*m)")


def _sorted(node: ast.Call, loop: Loop, mend: str) -> Reason:
    if isinstance(node.func, ast.Attribute):
        text = f"{quoted(node)} sorts the m items that are there by then, on each pass of {passes(loop)}: O(n*m*log m). "
        text += "Nothing looks at them before the loop has ended. Sorted once after it: O(n + m*log m)."
        return Reason(text, names_of(node.func.value), "O(n*m*log m)")
    items = node.args[0]
    text = f"{quoted(node)} sorts m items on each pass of {passes(loop)}: O(n*m*log m). "
    if mend.startswith("Use "):
        text += f"Only one item of the result is used, and {mend[4:7]} finds that with one look at each: O(n*m)."
    else:
        text += "They are the same each time. Sorted once before the loop: O(n + m*log m)."
    copied = copied_by(items, loop)
    return Reason(text, names_of(copied if copied is not None else items), "O(n*m*log m)")


def _counted(loop: Loop) -> Reason:
    counted = counted_by(loop)
    assert counted is not None
    name, index = quoted(counted.holder), counted.variable.id
    item = quoted(counted.items[0])
    times = f", in {len(counted.items)} places" if len(counted.items) > 1 else ""
    text = f"`range(len({written(counted.holder)}))` counts the n positions, and {item} looks each item up by its number"
    text += f"{times}: O(n). "
    if counted.others:
        text += f"A loop over {name} gives the item itself, and enumerate the index, which is used elsewhere too; "
    else:
        text += f"`{index}` has no other use, and a loop over {name} gives the item itself; "
    return Reason(f"{text}O(n) too, without the look-ups.", (*names_of(counted.holder), index), "O(n)")


def _looked_up(node: ast.Subscript, loop: Loop, mend: str) -> Reason:
    times = mend.partition(" is looked up ")[2].partition(" times")[0]
    text = f"Each pass of {passes(loop)} looks {quoted(node)} up as many as {times} times, and nothing changes it in between: "
    text += f"O(n), but up to {times} * n look-ups, each of which hashes the key and searches the dict {quoted(node.value)}. "
    text += "Kept in a local variable, it takes n; O(n) it stays."
    return Reason(text, names_of(node.value), "O(n)")


def _compiled(node: ast.Call, loop: Loop) -> Reason:
    call, pattern = written(node.func), quoted(node.args[0])
    text = f"`{call}` is given the same pattern {pattern} on each pass of {passes(loop)}, and looks for it in re's cache "
    text += (
        "each time: O(n). Compiled once before the loop, it is called at once; O(n) too, with a smaller constant. With more "
    )
    text += "patterns in use than the cache holds, it is even compiled anew on each pass."
    return Reason(text, names_of(node.args[0], *iterables(loop)), "O(n)")


def _opened(node: ast.Call, loop: Loop) -> Reason:
    path = node.args[0] if node.args else node.func.value if isinstance(node.func, ast.Attribute) else None
    given = [*node.args[1:], *(each.value for each in node.keywords)]
    text = f"{quoted(node)} asks the operating system for the same file on each pass of {passes(loop)}: O(n) such calls, "
    text += "each some ten thousand times as long as an addition. "
    if any(isinstance(each, ast.Constant) and each.value in ("a", "at", "ab") for each in given):
        text += (
            "Opened once around the loop it is O(1). Each pass also hands over what it wrote when it closes the file: where "
        )
        text += "that must not wait for the end, keep it open and flush it after each write."
    else:
        text += "Opened and read once before the loop it is O(1)."
    roots = (
        [each for each in ast.walk(path) if isinstance(each, ast.Name)] if path is not None and path_of(path) is None else []
    )
    return Reason(text, names_of(path, *roots, *iterables(loop)), "O(n)")
