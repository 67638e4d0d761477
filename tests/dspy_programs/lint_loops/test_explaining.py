"""Explanations name the code's own things; a rewrite is shown only where it does the same, and a bad one is refused."""

import ast
import random

import pytest

pytest.importorskip("libcst", reason="the lint extra")

from dspy_programs.lint_loops import BY_NAME, PATTERNS, check_text, excerpts_of, explain_by_rules, fault_of, new_names
from metrics.complexity import class_of

LOOPS = {
    "NestedLoopSameIterable": "def f(items: list[int]):\n    total = 0\n    for a in items:\n        for b in items:\n"
    "            if a == b:\n                total += 1\n    return total\n",
    "StringConcatInLoop": 'def f(items: list[int]):\n    text = ""\n    for one in items:\n        text += f"{one},"\n'
    "    return text\n",
    "ListAppendInLoop": "def f(items: list[int]):\n    found = []\n    for one in items:\n        if one % 2:\n"
    "            found.append(one * 2)\n    return found\n",
    "ListMembershipInLoop": "def f(items: list[int], known_good: list[int]):\n    total = 0\n    for one in items:\n"
    "        if one in known_good:\n            total += one\n    return total\n",
    "LenInLoopGuard": "def f(items: list[int]):\n    at = 0\n    while at < len(items):\n        at += 1\n    return at\n",
    "CopyInLoop": "def f(items: list[int], others: list[int]):\n    total = 0\n    for one in items:\n"
    "        total += sum(list(others)) * one\n    return total\n",
    "SortInLoop": "def f(items: list[int], others: list[int]):\n    found = []\n    for one in items:\n"
    "        found.append((one, str(sorted(others))))\n    return found\n",
    "ListConcatInLoop": "def f(items: list[int]):\n    found = []\n    for one in items:\n        found = found + [one]\n"
    "    return found\n",
    "RangeLenInLoop": "def f(given: list[int]):\n    items = [2 * one for one in given]\n    total = 0\n"
    "    for at in range(len(items)):\n        total += items[at] * items[at]\n    return total\n",
    "RepeatedLookupInLoop": "def f(items: list[int], costs: dict[int, int]):\n    total = 0\n    for one in items:\n"
    "        if costs[one] > 1:\n            total += costs[one] * costs[one]\n    return total\n",
    "RegexCompileInLoop": "import re\n\n\ndef f(items: list[int]):\n    found = 0\n    for one in items:\n"
    '        found += len(re.sub(r"[12]", "", str(one)))\n    return found\n',
    "IOInLoop": "def f(items: list[int], path: str):\n    found = 0\n    for one in items:\n"
    "        with open(path) as file:\n            found += len(file.read())\n    return found\n",
}
NO_REWRITE = {"NestedLoopSameIterable", "IOInLoop"}


def found_in(code, name):
    [finding] = [each for each in check_text(code, "x.py").findings if each.pattern.name == name]
    return finding, excerpts_of(code, [finding])[finding]


def explained(code, name):
    finding, cut = found_in(code, name)
    return cut, explain_by_rules(cut.code, finding.pattern, finding.suggestion, cut.types, cut.keeps)


def test_a_list_that_is_sorted_as_it_grows_is_explained_and_left():
    code = "def f(items: list[int]):\n    found = []\n    for one in items:\n        found.append(-one)\n        found.sort()\n"
    _, told = explained(code + "    return found\n", "SortInLoop")
    assert "`found.sort()`" in told.explanation and "found" in told.variables and not told.rewrite
    assert class_of(told.explanation) == class_of(told.cost) is not None


def test_there_is_a_loop_for_every_pattern():
    assert {pattern.name for pattern in PATTERNS} == LOOPS.keys()


@pytest.mark.parametrize("name", LOOPS)
def test_explanation_names_the_variables_and_how_time_grows(name):
    cut, told = explained(LOOPS[name], name)
    assert told.variables and all(f"{each}" in told.explanation for each in told.variables)
    assert class_of(told.explanation) == class_of(told.cost) is not None
    names = {each.id for each in ast.walk(ast.parse(cut.code)) if isinstance(each, ast.Name)}
    assert {each.partition(".")[0] for each in told.variables} <= names


@pytest.mark.parametrize("name", LOOPS)
def test_rewrite_in_its_place_does_the_same_and_has_the_pattern_no_more(name):
    code = LOOPS[name]
    cut, told = explained(code, name)
    assert bool(told.rewrite) == (name not in NO_REWRITE)
    if not told.rewrite:
        return
    lines = code.split("\n")
    mended = "\n".join([*lines[: cut.first - 1], *(f"    {line}" for line in told.rewrite.split("\n")), *lines[cut.last :]])
    assert name not in {each.pattern.name for each in check_text(mended, "x.py").findings}
    before, after = {}, {}
    exec(code, before)
    exec(mended, after)
    for seed in range(8):
        draw = random.Random(seed)
        items = [draw.randint(0, 4) for _ in range(draw.randint(0, 6))]
        others = [[draw.randint(0, 4) for _ in range(3)], {number: number * 2 for number in range(5)}]
        arguments = [others[name == "RepeatedLookupInLoop"]][: before["f"].__code__.co_argcount - 1]
        assert before["f"](items, *arguments) == after["f"](items, *arguments)


CODE = "out = []\nfor one in rows:\n    if one in names:\n        out.append(one)"
TYPES = {"names": "list[str]", "rows": "list[str]"}
GOOD = "out = []\nknown = set(names)\nfor one in rows:\n    if one in known:\n        out.append(one)"


def fault(rewrite, code=CODE, keeps=("out",), pattern="ListMembershipInLoop"):
    return fault_of(rewrite, code, BY_NAME[pattern], "Build a set once before the loop: known = set(names)", TYPES, keeps)


@pytest.mark.parametrize(
    ("rewrite", "said"),
    [
        (GOOD, ""),
        ("known = set(names)\nout = [one for one in rows if one in known]", ""),
        ("for one in", "not Python"),
        ("", "empty"),
        (CODE.replace("    ", "  "), "same code"),
        (CODE.replace("one", "each"), "still has ListMembershipInLoop"),
        (GOOD.replace("set(names)", "set(allowed)"), "uses allowed"),
        ("names = set(names)\n" + CODE, "gives names another value"),
        (GOOD.replace("out = []\n", "").replace("out.append(one)", "pass"), "leaves out without a value"),
        (GOOD.replace("out.append(one)", "out.append(one)\n        return"), "has return"),
        (f"import os\n{GOOD}", "imports os"),
        (f"{GOOD}\nprint(out)", "calls print"),
        (f"{GOOD}\nexec('1')", "calls exec"),
        (f"{GOOD}\nnames[0] = 1", "changes names"),
        (f"{GOOD}\nnames.clear()", "calls clear"),
        (f"{GOOD}\n" + "out = out\n" * 40, "much longer"),
        ("known = set(" * 200, "not Python"),
    ],
)
def test_a_rewrite_that_reads_wrong_is_refused(rewrite, said):
    assert said in fault(rewrite) and bool(fault(rewrite)) == bool(said)


def test_flow_that_is_lost_is_a_fault():
    code = "for one in rows:\n    if one in names:\n        return one"
    assert "no return" in fault("known = set(names)\nfor one in rows:\n    if one in known:\n        one", code, ())


@pytest.mark.parametrize(
    "code",
    [
        "def f(rows: list[str], names: list[str] | None = None):\n    n = 0\n    for row in rows:\n"
        "        if names and row in names:\n            n += 1\n    return n\n",
        "def f(rows, text: str):\n    for row in rows:\n        try:\n            text += str(row)\n"
        "        except ValueError:\n            break\n    return text\n",
    ],
)
def test_what_may_be_none_or_is_seen_half_done_is_not_rewritten(code):
    [finding] = check_text(code, "x.py").findings
    assert explained(code, finding.pattern.name)[1].rewrite == ""


def test_excerpt_knows_what_is_read_later_and_what_is_taken():
    code = "def f(rows, names: list[str]):\n    last = None\n    for row in rows:\n"
    code += "        if row.name in names:\n            last = row\n"
    code += "    item = last\n    return item\n"
    _, cut = found_in(code, "ListMembershipInLoop")
    assert (cut.first, cut.last, cut.keeps, cut.types) == (2, 5, ["last"], {"names": "list[str]"})
    assert cut.taken == {"item"} and cut.code.startswith("last = None\nfor row in rows:")
    assert new_names("item = 1", cut.code) == {"item"}


def test_excerpt_of_an_attribute_of_an_elif_and_of_a_module():
    code = (
        "import re\n\nclass A:\n    def __init__(self):\n        self.names: list[str] = []\n\n    def f(self, rows):\n"
        "        if not rows:\n            return []\n        elif [row for row in rows if row in self.names]:\n"
        "            return rows\n"
    )
    finding, cut = found_in(code, "ListMembershipInLoop")
    assert cut.types["self.names"] == "list[str]" and cut.code.startswith("if not rows:")
    assert "`self.names`" in explain_by_rules(cut.code, finding.pattern, finding.suggestion, cut.types, cut.keeps).explanation
    _, cut = found_in(
        'import re\nfound = 0\nfor one in open("x"):\n    found += len(re.sub("a+", "", one))\n', "RegexCompileInLoop"
    )
    assert cut.keeps == ["found"] and cut.types["re"] == "module"


@pytest.mark.parametrize("code", ["", "for x in", "x = 1", "\0", "for a in b:\n pass\n" * 3, "(" * 500])
def test_any_text_is_explained_in_general(code):
    for pattern in PATTERNS:
        told = explain_by_rules(code, pattern, "", {"b": "not an annotation (", "x y": "int"}, ["c d"])
        assert told.explanation == pattern.explanation and told.rewrite == ""


@pytest.mark.parametrize(
    ("rewrite", "said"),
    [
        (f"import re\nfrom os import system as re\nre('id')\n{GOOD}", "imports os"),
        (f"@exec\ndef x(): pass\n{GOOD}", "uses exec"),
        (f"run = print\nrun('x')\n{GOOD}", "uses print"),
        (f"any(map(eval, names))\n{GOOD}", "uses eval"),
        (f"f'{{open}}'\n{GOOD}", "uses open"),
        (f"while names: pass\n{GOOD}", "has while"),
        (f"with rows: pass\n{GOOD}", "has with"),
        (f"assert names\n{GOOD}", "has assert"),
        (f"key = lambda: 1\n{GOOD}", "has lambda"),
        (f"{GOOD}\n        break", "has break"),
        (f"try:\n    known = set(names)\nfinally:\n    pass\n{GOOD}", "has try"),
        (f"async for one in rows: pass\n{GOOD}", "has async for"),
        (GOOD.replace("one in known", "one not in known"), "operator NotIn"),
        (GOOD.replace("append(one)", "append(one + one)"), "operator Add"),
        ("out = []", "nothing with rows"),
        (f"{GOOD}\nnames.append(1)", "changes names"),
        (f"{GOOD}\nrows.pop()", "changes rows"),
        (f"# \x1b[2J\n{GOOD}", "steer a terminal"),
        (f"# \u202e\n{GOOD}", "steer a terminal"),
    ],
)
def test_a_hostile_rewrite_is_refused(rewrite, said):
    assert said in fault(rewrite)


LOOP = "    for n in names:\n"
GROWS = f'    text = ""\n{LOOP}        text += n\n'
TESTS = f"{LOOP}        if n in wanted:\n            print(n)\n"
GIVEN = "def f(names: list[str], wanted: list[str]"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (f"{GIVEN}):\n{GROWS}    def seen():\n        return text\n    return seen\n", "another function sees text"),
        (f'text = ""\n{GIVEN}):\n    global text\n{LOOP}        text += n\n', "another function sees text"),
        (
            f'{GIVEN}):\n    text = ""\n    try:\n    {LOOP}            text += n\n    finally:\n        log(text)\n',
            "exception",
        ),
        (f'{GIVEN}):\n    text = ""\n    with quiet():\n    {LOOP}            text += n\n    return text\n', "exception"),
        (
            f"{GIVEN}):\n    out = []\n    with quiet():\n    {LOOP}            out.append(f(n))\n    return out\n",
            "exception",
        ),
        (f"{GIVEN}, set):\n{TESTS}", "set is not Python's own"),
        (f"from odd import set\n{GIVEN}):\n{TESTS}", "set is not Python's own"),
        (f"{GIVEN} = None):\n{TESTS}", "wanted may be None"),
        (f"{GIVEN}):\n{TESTS}    return locals()\n", "locals() sees every name"),
        (f"{GIVEN}):\n{LOOP}        if n in wanted:\n            yield n\n", "other code runs"),
        (f"async {GIVEN}):\n{LOOP}        if n in wanted:\n            await g(n)\n", "other code runs"),
        (f'{GIVEN}):\n{LOOP}        if n in wanted:\n            print("""\n    a""")\n', "margin"),
        (f'import re\nclass A:\n    names = load()\n{LOOP}        re.match("a", n)\n', "the class"),
    ],
)
def test_what_the_rest_of_the_file_says_against_a_rewrite(code, why):
    report = check_text(code, "x.py")
    cut = excerpts_of(code, report.findings)
    assert report.findings and all(why in cut[each].against for each in report.findings)


@pytest.mark.parametrize("code", [f"{GIVEN}):\n{GROWS}    return text\n", f"{GIVEN}):\n{TESTS}"])
def test_nothing_speaks_against_a_plain_loop(code):
    [finding] = check_text(code, "x.py").findings
    assert excerpts_of(code, [finding])[finding].against == ""


@pytest.mark.parametrize("text", ["# \x1b[31m", "'\x9b31m'", "# \u202e"])
def test_code_that_steers_a_terminal_is_not_printed_otherwise_than_it_is(text):
    code = f"{GIVEN}):\n{TESTS}            {text}\n            other()\n"
    [finding] = check_text(code, "x.py").findings
    assert explained(code, finding.pattern.name)[1].rewrite == ""


@pytest.mark.parametrize("pattern", ["p", "'['", "f'{n}'", "p.q"])
def test_a_pattern_that_may_not_compile_is_not_compiled_before_the_loop(pattern):
    code = f"for n in names:\n    try:\n        re.match({pattern}, n)\n    except re.error:\n        pass"
    told = explain_by_rules(code, BY_NAME["RegexCompileInLoop"], "", {"re": "module", "p": "str", "names": "list[str]"})
    assert told.rewrite == ""


def test_a_value_that_its_next_value_is_made_of_is_kept():
    code = f'{GIVEN}):\n    text = ""\n{LOOP}        text += n\n    text = "(" + text + ")"\n    return text\n'
    [finding] = check_text(code, "x.py").findings
    assert excerpts_of(code, [finding])[finding].keeps == ["text"]


def test_a_value_that_is_read_after_a_change_on_a_condition_is_kept():
    code = f'{GIVEN}):\n    text = ""\n{LOOP}        for m in n:\n            text += m\n'
    code += '        if not n:\n            text = ""\n    return text\n'
    [finding] = check_text(code, "x.py").findings
    assert excerpts_of(code, [finding])[finding].keeps == ["text"]
