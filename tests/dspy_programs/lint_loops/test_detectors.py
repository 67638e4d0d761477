# ruff: noqa: E501  # a case stands on a line
"""Each pattern is found where it is, and what only looks like it is not."""

import pytest

from dspy_programs.lint_loops import check_text
from dspy_programs.lint_loops.patterns import PATTERNS

HEAD = "import re\nimport os\nfrom pathlib import Path\n"
FOUND = {
    "NestedLoopSameIterable": [
        "def f(items):\n for a in items:\n  for b in items:\n   if a.key == b.key: print(a, b)",
        "def f(items):\n for a in items:\n  for b in items:\n   print(a, b)",
        "def f(self):\n return [(a, b) for a in self.rows for b in self.rows if a.id == b.parent]",
        "def f(d):\n for k, v in d.items():\n  for other in d.values():\n   if v.name == other.name: print(k)",
    ],
    "StringConcatInLoop": [
        "def f(items):\n s = ''\n for x in items:\n  s += str(x)\n return s",
        "def f(items):\n s = ''\n for x in items:\n  s = s + str(x) + ','\n return s",
        "def f(items):\n s = b''\n while items:\n  s += items.pop()\n return s",
        "def f(items, s: str):\n for x in items:\n  s = x + s\n return s",
        "class A:\n def f(self, items):\n  self.s = ''\n  for x in items:\n   self.s += x",
        "class A:\n def __init__(self):\n  self.s = ''\n def f(self, items):\n  for x in items:\n   self.s += x",
    ],
    "ListAppendInLoop": [
        "found = []\nfor x in range(100):\n found.append(x * 2)",
        "def f(items):\n found = []\n for x in items:\n  if x:\n   found.append(x)\n return found",
        "def f(items):\n found: list[int] = []\n for x in items:\n  if not x: continue\n  found.append(x)\n return found",
        "def f(rows):\n found = list()\n for row in rows:\n  for x in row:\n   found.append(x + 1)\n return found",
        "def f(items):\n found = [0]\n for x in items:\n  found.append(x + 1)\n return found",
    ],
    "ListMembershipInLoop": [
        "def f(items, names: list[str]):\n for x in items:\n  if x in names: print(x)",
        "def f(items, text: str):\n names = text.split()\n return [x for x in items if x not in names]",
        "def f(items, names: 'Optional[List[str]]' = None):\n for x in items:\n  if names and x in names: print(x)",
        "def f(items, d: dict[str, int]):\n names = list(d)\n for x in items:\n  if x in names: print(x)",
    ],
    "LenInLoopGuard": [
        "def f(text: str):\n i = 0\n while i < len(text):\n  i += 1",
        "def f(items):\n i = 0\n while i < len(items) and items[i]:\n  i += 1",
    ],
    "CopyInLoop": [
        "def f(items, d: dict[str, int]):\n for x in items:\n  if x in list(d.keys()): print(x)",
        "def f(items, rows: list[int]):\n for x in items:\n  print(len(list(rows)))",
        "def f(text: str):\n words = text.split()\n for word in list(words):\n  print(word)",
    ],
    "SortInLoop": [
        "def f(items, d: dict[str, int]):\n for x in items:\n  for key in sorted(d): print(x, key)",
        "def f(rows: list[list[int]]):\n for row in rows:\n  print(sorted(row)[0])",
        "def f(items):\n found = []\n for x in items:\n  found.append(x.name)\n  found.sort()\n return found",
        "def f(items):\n found = []\n for x in items:\n  for y in x: found.append(y)\n  found.sort(key=str, reverse=True)\n return found",
    ],
    "ListConcatInLoop": [
        "def f(items):\n found = []\n for x in items:\n  found = found + [x]\n return found",
        "def f(items):\n found = ()\n for x in items:\n  found += (x,)\n return found",
    ],
    "RangeLenInLoop": [
        "def f(items):\n for i in range(len(items)):\n  print(items[i])",
        "def f(items):\n for i in range(0, len(items)):\n  print(i, items[i])",
    ],
    "RepeatedLookupInLoop": [
        "def f(items, d: dict[str, int]):\n for x in items:\n  if d[x] > 1 and d[x] < 9: print(d[x])",
    ],
    "RegexCompileInLoop": [
        "def f(items):\n for x in items:\n  if re.match('a+', x): print(x)",
        "def f(items):\n return [re.compile('a').sub('', x) for x in items]",
        "PATTERN = 'a+'\ndef f(items):\n for x in items: print(re.search(PATTERN, x))",
    ],
    "IOInLoop": [
        "def f(items):\n for x in items:\n  with open('log.txt', 'a') as file: file.write(x)",
        "def f(items):\n for x in items:\n  print(x, Path('a.txt').read_text())",
    ],
}
NOT_FOUND = {
    "a number grows": "def f(items):\n n = 0\n for x in items:\n  n += 1\n return n",
    "a number of unknown kind": "def f(items, n):\n for x in items:\n  n += x\n return n",
    "text is started anew on each pass": "def f(items):\n for x in items:\n  s = ''\n  s += x\n  print(s)",
    "text is read meanwhile": "def f(items):\n s = ''\n for x in items:\n  s += x\n  if len(s) > 9: s = ''\n return s",
    "the loop ends after the first sum": "def f(items):\n s = ''\n for x in items:\n  if x:\n   s += x\n   break\n return s",
    "a short loop": "def f(x):\n s = ''\n for c in (1, 2, 3):\n  s += str(c)\n return s",
    "membership in a set": "def f(items):\n names = {1, 2}\n for x in items:\n  if x in names: print(x)",
    "membership in a set that was a list": "def f(items, names: list[str]):\n known = set(names)\n return [x for x in items if x in known]",
    "membership in a dict": "def f(items, names: dict[str, int]):\n for x in items:\n  if x in names: print(x)",
    "membership in a string": "def f(items, names: str):\n for x in items:\n  if x in names: print(x)",
    "membership in a few constants": "NAMES = ['a', 'b']\ndef f(items):\n for x in items:\n  if x in NAMES: print(x)",
    "membership in a list that grows": "def f(items):\n seen = []\n for x in items:\n  if x not in seen: seen.append(x)\n return seen",
    "membership of what has no hash": "def f(items, rows: list[list[int]]):\n for x in items:\n  if x in rows: print(x)",
    "membership in a list made on each pass": "def f(rows: list[str]):\n for row in rows:\n  parts = row.split()\n  if 'x' in parts: print(row)",
    "append with else": "def f(items):\n found = []\n for x in items:\n  if x: found.append(x)\n  else: print(x)\n return found",
    "append and more": "def f(items):\n found = []\n for x in items:\n  found.append(x)\n  print(x)\n return found",
    "append that looks at the list": "def f(items):\n found = []\n for x in items:\n  if x not in found: found.append(x)\n return found",
    "append whose variable is read later": "def f(items):\n found = []\n for x in items: found.append(x)\n return found, x",
    "append whose variable is deleted": "def f(items):\n found = []\n for x in items: found.append(x + 1)\n del x\n return found",
    "append that waits": "async def f(items):\n found = []\n for x in items: found.append(await x)\n return found",
    "append to another's list": "def f(found, items):\n for x in items: found.append(x + 1)",
    "append in a loop with else": "def f(items):\n found = []\n for x in items:\n  found.append(x)\n else:\n  print(1)\n return found",
    "append whose handler goes on": "def f(items):\n found = []\n try:\n  for x in items: found.append(1 / x)\n except ZeroDivisionError: pass\n return found",
    "length of what changes": "def f(items):\n i = 0\n while i < len(items):\n  items.pop()\n  i += 1",
    "length of what is handed over": "def f(items):\n i = 0\n while i < len(items):\n  shrink(items)\n  i += 1",
    "length of what an object holds": "def f(self):\n store = self.store\n while len(store) > 9:\n  self.shrink()",
    "range(len) with neighbours": "def f(items):\n for i in range(len(items)): print(items[i], items[i + 1])",
    "range(len) that stores": "def f(items):\n for i in range(len(items)): items[i] = items[i] + 1",
    "range(len) of a dict": "def f(d: dict[int, str]):\n for i in range(len(d)): print(d[i])",
    "a copy of what changes": "def f(text: str):\n words = text.split()\n for w in list(words):\n  if not w: words.remove(w)\n return words",
    "a copy for a generator": "def f(pairs):\n d = dict(pairs)\n d.update((k, 1) for k in list(d))\n return d",
    "sorted anew": "def f(rows: list[list[int]]):\n for row in rows: print(sorted(row))",
    "a list sorted anew, made on each pass": "def f(items):\n for x in items:\n  found = []\n  found.append(x)\n  found.sort()\n  print(found)",
    "a list whose order is looked at": "def f(items):\n found = []\n for x in items:\n  found.append(x)\n  found.sort()\n  print(found[0])",
    "a list whose length ends the loop": "def f(items):\n found = []\n while len(found) < 9:\n  found.append(items.pop())\n  found.sort()\n return found",
    "a list that another has too": "def f(self, items):\n found = self.found\n for x in items:\n  found.append(x)\n  found.sort()\n  self.show()",
    "a list of the caller": "def f(found: list[int], items):\n for x in items:\n  found.append(x)\n  found.sort()",
    "a list sorted once at the end": "def f(items):\n found = []\n for x in items:\n  found.append(x)\n  if x: \n   found.sort()\n   break\n return found",
    "a list sorted by what changes": "def f(items):\n found = []\n for x in items:\n  found.append(x)\n  found.sort(key=lambda y: y - x)\n return found",
    "a list concatenated once": "def f(items):\n for x in items:\n  found = []\n  found = found + [x]\n  print(found)",
    "a list that is extended in place": "def f(items):\n found = []\n for x in items: found += x.parts\n return found",
    "a list that is kept on each pass": "def f(items):\n path = []\n for x in items:\n  path = path + [x]\n  print(path)",
    "look-ups with a store between": "def f(items, d: dict[str, int]):\n for x in items:\n  d[x] = d[x] + d[x] + d[x]",
    "regex of each pass": "def f(items):\n for x in items: print(re.match(x, 'a'))",
    "regex for the first item only": "def f(items):\n return next(re.match('a', x) for x in items)",
    "an iterator over itself": "class A:\n def __iter__(self):\n  for i in range(len(self)): yield self[i]",
    "regex outside": "def f(items):\n p = re.compile('a')\n return [p.match(x) for x in items]",
    "another module called re": "def f(items):\n import regex as re2\n return [re2.match('a', x) for x in items]",
    "another file on each pass": "def f(names):\n for name in names:\n  with open(name) as file: print(file.read())",
    "a file that is waited for": "import time\ndef f(items):\n for x in items:\n  print(open('a').read())\n  time.sleep(1)",
    "nested loops over different things": "def f(a, b):\n for x in a:\n  for y in b:\n   print(x, y)",
    "nested loops over a range": "def f(n):\n for x in range(n):\n  for y in range(n):\n   print(x, y)",
    "nested loops over an iterator": "def f(path):\n file = open(path)\n for line in file:\n  for other in file:\n   print(line, other)",
    "each pair is needed": "def f(items):\n for a in items:\n  for b in items:\n   x = a @ b\n   print(a, b, x)",
    "a shadowed name": "def len(x): return 1\ndef f(items: list[int]):\n i = 0\n while i < len(items): i += 1",
}


def names_in(code):
    checked = check_text(HEAD + code)
    assert not checked.problem, checked.problem
    return [each.pattern.name for each in checked.findings]


def test_every_pattern_has_a_case():
    assert FOUND.keys() == {pattern.name for pattern in PATTERNS}


@pytest.mark.parametrize(("name", "code"), [(name, code) for name, codes in FOUND.items() for code in codes])
def test_pattern_is_found_once(name, code):
    assert names_in(code).count(name) == 1


@pytest.mark.parametrize("name", NOT_FOUND)
def test_what_only_looks_like_a_pattern_is_not_found(name):
    assert names_in(NOT_FOUND[name]) == []


@pytest.mark.parametrize(
    ("loop", "mend"),
    [
        ("if x in names: print(x)", "set(names)"),
        ("if names and x in names: print(x)", "set(names or ())"),
        ("if names is not None and ('all' in names or x in names): print(x)", "set(names or ())"),
        ("if names:\n   print(x in names)", "set(names or ())"),
    ],
)
def test_set_of_a_list_that_may_be_none_is_made_safely(loop, mend):
    (found, *_) = [
        each.suggestion
        for each in check_text(f"def f(items, names: 'list[str] | None' = None):\n for x in items:\n  {loop}\n").findings
        if "known" in each.suggestion
    ]
    assert found == f"Build a set once before the loop: known = {mend}"


@pytest.mark.parametrize(
    ("code", "mend"),
    [
        ("def f(items):\n s = ''\n for x in items:\n  s += str(x)\n return s", 's = "".join(parts)'),
        ("def f(items):\n s = 'all: '\n for x in items:\n  s += str(x)\n return s", 's += "".join(parts)'),
        ("def f(items):\n s = ''\n s += 'all: '\n for x in items:\n  s += str(x)\n return s", 's += "".join(parts)'),
        ("def f(items, s: str):\n for x in items:\n  s = x + s\n return s", 's = "".join(reversed(parts)) + s'),
        ("def f(items):\n s = b''\n for x in items:\n  s = bytes(x) + s\n return s", 's = b"".join(reversed(parts))'),
        (
            "class A:\n def __init__(self):\n  self.s = ''\n def f(self, items):\n  for x in items:\n   self.s += x",
            'self.s += "".join(parts)',
        ),
    ],
)
def test_mend_keeps_what_a_string_has_before_the_loop(code, mend):
    (found,) = [each.suggestion for each in check_text(code).findings if each.pattern.name == "StringConcatInLoop"]
    assert found.endswith(f"after the loop: {mend}")


def test_published_names_and_figures():
    published = [(pattern.name, pattern.slowdown) for pattern in PATTERNS if pattern.source == "published"]
    assert [figure for _, figure in published] == [50, 40, 30, 20, 10] and ("ListAppendInLoop", 30) in published


@pytest.mark.parametrize(
    ("comment", "is_found"),
    [
        ("# noqa", False),
        ("# noqa: LOOP009", False),
        ("# noqa:LOOP", False),
        ("# because # NOQA: E501, LOOP009", False),
        ("# noqa: LOOP003", True),
        ("# noqa: E501", True),
        ("# not qa", True),
    ],
)
def test_comment_dismisses(comment, is_found):
    checked = check_text(f"def f(items):\n for i in range(len(items)):  {comment}\n  print(items[i])")
    assert bool(checked.findings) == is_found and checked.ignored == (not is_found)


def test_comment_in_a_string_dismisses_nothing():
    assert names_in("def f(items):\n for i in range(len(items)): print(items[i], '# noqa')") == ["RangeLenInLoop"]


def test_findings_come_worst_first_with_their_place():
    code = HEAD + FOUND["RangeLenInLoop"][0] + "\n" + FOUND["StringConcatInLoop"][0].replace("f(", "é(")
    found = check_text(code, "a.py").findings
    assert [(each.pattern.slowdown, each.file, each.line, each.column) for each in found] == [
        (40, "a.py", 10, 3),
        (30, "a.py", 5, 2),
    ]
