"""The twelve patterns: code, name, estimated slow-down, what it costs and why.

A slow-down is the share of the loop's time that the mend saves, in percent. The first five were published with the linter that
this one follows; the other seven are measured with 800 items, rounded down to 5: `python -m tests.lint_slowdowns`.
"""

from typing import Literal, NamedTuple

Source = Literal["published", "measured"]


class Pattern(NamedTuple):
    """One kind of finding. slowdown: estimated, in percent of the loop's time; cost: how time grows, before -> after."""

    code: str
    name: str
    slowdown: int
    source: Source
    advice: str
    cost: str
    explanation: str


NESTED = Pattern(
    "LOOP001",
    "NestedLoopSameIterable",
    50,
    "published",
    "Replace the inner loop with a dict, or visit each pair once with itertools.combinations",
    "O(n^2) -> O(n)",
    "A loop over a collection inside a loop over the same collection makes n * n passes: ten times the items take a hundred "
    "times as long. If the inner loop looks for an item that matches, build a dict from key to item before the loops; each "
    "look-up then takes the same time however many items there are. If every pair is needed, itertools.combinations visits "
    "each pair once, which is half the passes.",
)
STRING = Pattern(
    "LOOP002",
    "StringConcatInLoop",
    40,
    "published",
    'Collect the parts in a list, and join them after the loop with "".join(parts)',
    "O(n^2) -> O(n)",
    "Strings and bytes cannot be changed, so each += may copy all that was collected so far. CPython avoids the copy for a str "
    "in a local variable that nothing else refers to; it cannot for bytes, for attributes and items, or for a part put in "
    "front, and other Pythons do not. Joining a list of parts is linear everywhere.",
)
APPEND = Pattern(
    "LOOP003",
    "ListAppendInLoop",
    30,
    "published",
    "Replace with list comprehension",
    "O(n) -> O(n)",
    "A comprehension appends with one instruction; the loop looks up the list, its method, and calls it on each pass. The "
    "time grows alike, and the constant is smaller. What each item costs to compute stays, so the gain is largest where the "
    "body is short.",
)
MEMBERSHIP = Pattern(
    "LOOP004",
    "ListMembershipInLoop",
    20,
    "published",
    "Build a set before the loop, and test membership in the set",
    "O(n*m) -> O(n+m)",
    "`x in some_list` compares x with one item after the other, on each pass. A set finds it at once. Build the set before "
    "the loop, once; items must be hashable, which strings, numbers and tuples of them are.",
)
LENGTH = Pattern(
    "LOOP005",
    "LenInLoopGuard",
    10,
    "published",
    "Compute the length once before the loop, or use a for loop",
    "O(n) -> O(n)",
    "The guard of a while loop runs on each pass, and len() of a collection that does not change gives the same number each "
    "time. The call is short, so this matters in tight loops only. A for loop with enumerate needs no guard at all.",
)
COPY = Pattern(
    "LOOP006",
    "CopyInLoop",
    95,
    "measured",
    "Use the collection itself instead of a copy",
    "O(n*m) -> O(n)",
    "A copy made on each pass takes time and memory that grow with the collection. A copy that is only read, asked for one "
    "item or for membership says nothing that the collection itself does not say.",
)
SORT = Pattern(
    "LOOP007",
    "SortInLoop",
    95,
    "measured",
    "Sort once before the loop",
    "O(n*m*log m) -> O(n+m*log m)",
    "The same collection is sorted again on each pass, with the same result. Sort it once before the loop; a list "
    "that only grows meanwhile, once after it. For the least or the greatest item min() and max() need one look at each item, "
    "and no sorting.",
)
LIST_CONCAT = Pattern(
    "LOOP008",
    "ListConcatInLoop",
    95,
    "measured",
    "Use append or extend instead of building a new list on each pass",
    "O(n^2) -> O(n)",
    "`items = items + [x]` copies all items into a new list on each pass; append and extend change the list in place. For a "
    "tuple, collect a list and make the tuple after the loop.",
)
RANGE_LEN = Pattern(
    "LOOP009",
    "RangeLenInLoop",
    30,
    "measured",
    "Loop over the items, with enumerate if the index is needed too",
    "O(n) -> O(n)",
    "range(len(items)) makes a number, and items[i] finds the item again by it. A for loop gives the item itself, and "
    "enumerate gives both. It also works for what has no index.",
)
LOOKUP = Pattern(
    "LOOP010",
    "RepeatedLookupInLoop",
    20,
    "measured",
    "Look it up once, and keep it in a local variable",
    "O(n) -> O(n)",
    "The same item of a collection is looked up several times on each pass. Each look-up hashes the key and searches again; a "
    "local variable is the cheapest name that Python has.",
)
REGEX = Pattern(
    "LOOP011",
    "RegexCompileInLoop",
    45,
    "measured",
    "Compile the pattern once before the loop",
    "O(n) -> O(n)",
    "re keeps the patterns it compiled last, but each call has to look there: it builds a key from type, pattern and flags. "
    "With more patterns than the cache holds, it compiles anew on each pass. One compiled before the loop is called at once.",
)
IO = Pattern(
    "LOOP012",
    "IOInLoop",
    95,
    "measured",
    "Open or read the file once before the loop",
    "O(n) calls to the system -> O(1)",
    "The same file is opened or read on each pass. Opening asks the operating system, which takes some ten thousand times as "
    "long as an addition; on a network disk a thousand times that. Open it once around the loop, or keep what was read.",
)

PATTERNS = (NESTED, STRING, APPEND, MEMBERSHIP, LENGTH, COPY, SORT, LIST_CONCAT, RANGE_LEN, LOOKUP, REGEX, IO)
BY_NAME = {name: pattern for pattern in PATTERNS for name in (pattern.code, pattern.name)}
