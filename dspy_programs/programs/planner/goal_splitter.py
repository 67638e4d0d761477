"""The planner without a model: splits a goal into ordered clauses and plans one task for each.

These are the planner's deterministic rules: a fallback plan, and the baseline that a compiled planner must beat. Their words
and patterns are at the bottom.

Input      goal: any text, in any script; tools: 0 or more; progress: what has been done so far, in words.
Output     split_goal: pieces of the goal, verbatim. plan_by_rules: 0..8 tasks, each waiting for the one before it.
Guarantees clauses keep their order and never overlap; plan_problems() of a plan is []; no text raises; time is linear in the
           length of the goal.
Calls      no model.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import fsum

import regex as re  # before Python 3.11.5 the possessive groups of `re` let go

from dspy_programs.types import Task, Tool


def split_goal(goal: str) -> list[str]:
    """Return the clauses of `goal` in order, without the connectives, list markers and commas around them."""
    clauses = [_without_tail(goal[start:end]) for start, end in _clause_spans(goal)]
    return [clause for clause in clauses if any(map(str.isalnum, clause))]


def plan_by_rules(goal: str, tools: Sequence[Tool], progress: str = "") -> list[Task]:
    """Return one task per clause, with the tool that shares most words with it.

    A clause that asks for nothing, or matches no tool, is joined to the task before it, separated by "; ".
    Clauses whose words all occur in `progress` are dropped as done, unless none would be left.
    """
    clauses = split_goal(goal)
    done = _words(progress)
    clauses = [clause for clause in clauses if not (words := _words(clause)) or words - done] or clauses
    steps = _in_steps(clauses, tools)
    if len(steps) > _MAX_TASKS:
        rest = [clause for _, said in steps[_MAX_TASKS - 1 :] for clause in said]
        steps = [*steps[: _MAX_TASKS - 1], (steps[_MAX_TASKS - 1][0], rest)]
    return [_task(number, tool, "; ".join(said)) for number, (tool, said) in enumerate(steps, 1)]


def _task(number: int, tool: str, title: str) -> Task:
    title = title.encode("utf-8", "replace").decode()  # pydantic refuses a lone surrogate
    return Task(
        id=number,
        tool=tool,
        title=_shortened(title),
        depends_on=[number - 1] if number > 1 else [],
        success_criterion=_shortened(f"done: {title}"),
    )


def _shortened(text: str) -> str:
    """Cut `text` at a word to fit a Task's field; a single overlong word is cut inside."""
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT + 1].rsplit(None, 1)[0][:_MAX_TEXT]


def _in_steps(clauses: Sequence[str], tools: Sequence[Tool]) -> list[tuple[str, list[str]]]:
    """Group the clauses into (tool, clauses of that step); each has one action, and what belongs to it."""
    weights = _word_weights(tools)
    steps: list[tuple[str, list[str]]] = []
    waiting: list[str] = []
    for clause in clauses:
        tool = _best_tool(clause, tools, weights)
        if tool is not None and _asks(clause):
            steps.append((tool, [*waiting, clause]))
            waiting = []
        else:
            (steps[-1][1] if steps else waiting).append(clause)
    return [*steps, (tools[0].name if tools else "", waiting)] if waiting else steps


def _best_tool(clause: str, tools: Sequence[Tool], weights: Sequence[dict[str, float]]) -> str | None:
    """Return the name of the tool that shares most with `clause`, the first of equals; None if none shares a word."""
    if not tools:
        return ""
    words = _words(clause)
    scores = [fsum(weight[word] for word in words & weight.keys()) for weight in weights]
    best = max(scores)
    return tools[scores.index(best)].name if best else None


def _word_weights(tools: Sequence[Tool]) -> list[dict[str, float]]:
    """Return the weight of each word of each tool: 2 in the name, 1 in the description, shared among tools."""
    names = [_words(tool.name) for tool in tools]
    texts = [_words(tool.description) for tool in tools]
    users = Counter(word for name, text in zip(names, texts, strict=True) for word in name | text)
    return [
        {word: (2 * (word in name) + (word in text)) / users[word] for word in name | text}
        for name, text in zip(names, texts, strict=True)
    ]


def _words(text: str) -> set[str]:
    """Return the stems of the words that carry meaning; "sendEmail" and "send_email" are two words each."""
    words = {word.lower() for word in _WORD.findall(_CAMEL.sub(" ", text))}
    return {_stem(word) for word in words - _STOP_WORDS}


def _stem(word: str) -> str:
    """Reduce the forms of a word to one stem: "cancels", "cancelled", "cancellation" -> "cancel". Not always a real word."""
    word = re.sub(r"(?<=[^su])s$", "", word)
    word = re.sub(r"(?<=...)(?:ing|ed|ion|e)$", "", word)
    word = re.sub(r"(?<=....)at$", "", word)  # "translate" and "translation", "reserve" and "reservation"
    return re.sub(r"(?<=[^y])y$", "i", re.sub(r"(.)\1$", r"\1", word))


def _asks(clause: str) -> bool:
    """Return whether a clause asks for something; "My name is Ann" and "on Monday" only add detail."""
    head = clause[:_MAX_TEXT]
    return bool(_ACTION.search(head)) or not _STATEMENT.match(head)


def _clause_spans(goal: str) -> Iterator[tuple[int, int]]:
    start, item = _skip_leading(goal, 0), 0
    for token in _TOKEN.finditer(goal):
        cut, end = token.span()
        if token.lastgroup == "item":
            number = int(token["number"])
            opens_list = number == 1 and goal[max(0, cut - 2) : cut].strip() == ":"
            if cut < start or opens_list or (item and number == item + 1):
                item = number
            elif token[0].endswith("."):
                cut = end - 1  # no list item but the end of a sentence: "Use Python 3. Then ..."
            else:
                continue
        elif not _may_cut(token, start):
            continue
        if start < cut:
            yield start, cut
        if start < end:
            start = _skip_leading(goal, end)
    yield start, len(goal)


def _may_cut(token: re.Match[str], start: int) -> bool:
    """Return whether the clause that starts at `start` can end at `token`; reads a bounded stretch, to stay linear."""
    goal, cut = token.string, token.start()
    said = goal[start : min(cut, start + _MAX_TEXT)]
    if token.lastgroup in ("keep", "end"):
        return token.lastgroup == "end"
    if _CONDITION.match(said) and "," not in said:
        return False  # "If it rains, cancel": what follows the comma is the action itself
    if token.lastgroup == "link":
        return True
    if not token["own"] and _BARE.search(goal[max(start, cut - 60) : cut]):
        return False  # "Search and book a flight": the first verb has no object of its own
    return token.lastgroup == "and" or bool(_ACTION.search(said))


def _skip_leading(goal: str, position: int) -> int:
    match = _LEADING.match(goal, position)
    return match.end() if match else position


def _without_tail(clause: str) -> str:
    clause = clause.rstrip(_SEPARATORS)
    return clause[:-1] if re.search(r"[^\W\d_]{2}:$", clause[-3:]) else clause  # not the colon of "C:" or of "8:"


_MAX_TASKS = 8
_MAX_TEXT = 300  # the bound of Task.title and Task.success_criterion
_SEPARATORS = ",;，、" + "".join(filter(str.isspace, map(chr, range(0x3001))))  # all white space that Unicode has

# After "and" or a comma these begin a new action.
_VERBS = frozenset(
    """
    add adjust analyse analyze append apply arrange ask assign attach book bring browse buy calculate cancel change
    check choose clean clear clone close collect compare compile complete compose compress compute configure confirm
    connect convert copy create delete deliver deploy describe determine disable download edit enable enter evaluate
    execute explain extract fetch fill find fix forward generate get give go identify increase inform inquire insert
    install investigate invite know launch locate look make merge modify monitor move notify obtain open organise
    organize pay pick prepare print provide publish purchase push put read rebook recommend reduce register remind
    remove rename replace reply reschedule reserve reset resolve respond restart restore retrieve run save search select
    send set show sort stop submit subscribe suggest summarise summarize switch take tell translate turn uninstall
    update upgrade upload validate verify wait write
""".split()
)
# So do these, but as often they are nouns ("the price and order number"), so an object must follow.
_NOUN_VERBS = frozenset(
    """
    answer archive call charge commit contact correct count display document draft email exchange export file filter
    format import list load lock log mail message name note order place plan play plot post process query rank rate
    record refund release rent repair report request return review scan schedule share sign start store test text track
    transfer view visit watch
""".split()
)
_STOP_WORDS = frozenset(
    """
    a about all also an and any are as at be been but by can could do does for from has have help how i if in into is it
    its let me my need no not of on or our out please so some than that the their them then there these they this those
    to up us want was we were what when which who will with would you your
""".split()
)

# Small patterns: VERBOSE and IGNORECASE hold for all. Possessive repeats (*+) keep the time linear.
_OBJECT = r"""(?:(?:an?|the|my|our|your|his|her|their|its|this|that|these|those|it|them|him|me|us|all|every|each|any
    |some|another|one|two|three|new|in|into|up|out|off|back)\b|[\d$"'“‘«`]|(?-i:[A-Z]))"""
_PURE = "|".join(sorted(_VERBS))
_VERB = rf"""(?:(?:{_PURE})(?!\s+sure\b)(?=[\s,;:!?]|\.?(?:\s|$))
    |(?:{"|".join(sorted(_NOUN_VERBS))})(?=\s+{_OBJECT}))"""
_DOING = rf"(?:{'|'.join(verb.removesuffix('e') + verb[-1] + '?' for verb in sorted(_VERBS))})ing\b"
_LEAD = r"""(?:(?:please|kindly|also|just|now|help\s+(?:me|us)|(?:can|could|would)\s+you|to
    |(?:i|we)(?:['’]d|\s+would)?(?:\s+also)?\s+(?:want|need|like|wish|hope|have)(?:\s+you)?)\s+)*+"""
_DO = rf"(?:{_LEAD}{_VERB})"
_LINK = rf"""(?:(?:then|afterwards?|finally|lastly|subsequently)(?![-/\w'’]|\.\w)
    |(?:next|after\s+(?:that|this))(?=\s*,|\s+(?:{_DO}|i\b|we\b|you\b)))"""
_IF = rf"(?:if|once|unless|when|after|before)\b(?=[^.!?;\n,]{{1,200}},\s+(?:then\s+)?{_DO})"
_COMMA = r"(?<!\s)\s*+,\s++"
_GAP = r"(?<!\s)(?:\s*+,\s*+|\s++)"  # starts only where white space starts, so a long run is read once
_L = "0-9A-Za-z\u00c0-\u04ff"  # in these scripts an apostrophe can be part of a word
_QUOTED = rf"""(?<![{_L}])(?:"[^"]*"|`[^`]*`
        |'(?!\s|\d0s|(?:n|em|til|twas|tis|cause)\b)(?:[^']|(?<=[{_L}])'(?=[{_L}]))*+'(?![{_L}]))
    |‘(?:[^‘’]|(?<=[{_L}])’(?=[{_L}]))*+’|“[^“”]*”|„[^„“”]*[“”]|«[^«»]*»|「[^「」]*」|『[^『』]*』"""
_BRACKETED = r"\((?:[^()]|\([^()]*\))*+\)|\[(?:[^][]|\[[^][]*\])*+\]|\{(?:[^{}]|\{[^{}]*\})*+\}"  # two deep
_ABBREVIATED = r"""\b(?:(?:mr|mrs|ms|dr|prof|st|vs|cf|approx|est|e\.g|i\.e)\.[ ]*
    |(?:nos?|pp?|fig|vol|ch|sec|v|ver|art|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.(?=\s*\d)
    |(?:etc|inc|ltd|co|corp|bros|jr|sr|ph\.d|dept|tel|ext|min|max|hrs?|lbs?|oz|ft|al)\.
    |(?:[a-z]\.){2,}|(?-i:[A-Z])\.(?=\s+(?-i:[A-Z])))|\.{2,}|&\#?\w{1,8};"""

# What the text is read by: a token is kept whole ("keep") or may end a clause (all others), see _may_cut.
_FLAGS = re.VERBOSE | re.IGNORECASE
_TOKEN = re.compile(
    rf"""
    (?P<item>(?<!\S)(?:step\s)?\(?(?P<number>\d{{1,2}})[.):](?=\s))
    |(?P<keep>{_QUOTED}|{_BRACKETED}|{_ABBREVIATED})
    |(?P<end>[.!?;]{{1,20}}+(?=\s|$)|[。！？；।؟]+|[\r\n]+
        |(?<=[.!?。]["'”’»`])\s++(?=(?-i:[A-Z]))|(?<=[.…])\s++(?=(?-i:[A-Z]))(?={_DO}|{_LINK}))
    |(?P<link>{_GAP}(?=and\s+{_LINK})(?<!now\s)|{_COMMA}(?={_LINK})|(?<!\band){_GAP}(?={_LINK}\s+{_DO})
        |(?:{_COMMA}|{_GAP}(?=and\s))(?=(?:and\s+)?{_IF}))
    |(?P<and>{_GAP}(?=(?:and|but)\s+(?P<own>{_LEAD}){_VERB}))
    |(?P<comma>{_COMMA}(?={_DO}))""",
    _FLAGS,
)
_LEADING = re.compile(
    rf"""(?:[{_SEPARATORS}]|(?:[-*•–]|(?:step\s)?\(?\d{{1,2}}[.):])(?=\s)|{_LINK}
    |(?:and|but|also|additionally|furthermore|moreover)(?=[\s,])
    |(?:first(?:ly|\s+of\s+all)?|second(?:ly)?|third(?:ly)?)(?=,|\s+{_DO})
    |after\s+(?={_DOING}[^.!?;\n,]{{1,200}},\s+{_DO}))*+""",
    _FLAGS,
)
_ACTION = re.compile(
    rf"""(?:^|[,:]\s*|\b(?:to|please|and|also|then|me|us|you|i|we|will|can|must|should|not|never|first)
    \s+){_VERB}|^{_DOING}""",
    _FLAGS,
)
_BARE = re.compile(
    rf"""(?:^{_LEAD}\w+|(?<!\bthe\s)(?<!\ba\s)(?<!\bmy\s)(?<!\bthis\s)\b(?:{_PURE})
    |\b(?:can|will)\s+\w+)$""",
    _FLAGS,
)
_CONDITION = re.compile(
    r"""(?:please\s+)?(?:if|when|whenever|unless|once|while|before|after|until|because|since
    |although|as\s+soon\s+as|in\s+case|provided|assuming|in\s+order\s+to|to)\b""",
    _FLAGS,
)
_STATEMENT = re.compile(
    r"""(?:i|we|he|she|it|they|there|my|our|his|her|its|their|the|this|that|these|those|an?|to|at|on
    |in|for|from|with|by|of|and|or|because|so|as|however|today|no|yes|ok|hi|hello|thanks|thank)\b""",
    _FLAGS,
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[\u3040-\u9fff]|[^\W\d_\u3040-\u9fff]+|\d+")  # Chinese, Japanese: each character is a word
