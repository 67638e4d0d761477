"""Phrases that mark claims, refusals, complaints, endings and broken texts. English only; other languages are not detected.

Every pattern is applied only to a bounded piece of text (trace_view.LONGEST), and none nests repetitions.
"""

import re
from functools import cached_property

from dspy_programs.programs.failure_judge.verbs import KIND_OF_CLAIM


class Phrases:
    """A pattern of words in lower case that are found in any case. Lowered first, ASCII text is read four times as fast."""

    def __init__(self, pattern: str) -> None:
        self.of_ascii = re.compile(pattern)
        self._pattern = pattern

    @cached_property
    def of_any(self) -> re.Pattern[str]:
        """The pattern for other than ASCII text. Few processes read any, and it takes longest to compile."""
        return re.compile(self._pattern, re.IGNORECASE)

    def search(self, text: str) -> re.Match[str] | None:
        """Return the first place in `text`; the match's own text may be lowered."""
        return self.of_ascii.search(text.lower()) if text.isascii() else self.of_any.search(text)


class _Runs:
    """Runs of letters or digits of a text in lower case; those of ASCII text are found faster."""

    def __init__(self, of_ascii: str, of_any: str) -> None:
        self.of_ascii, self.of_any = re.compile(of_ascii), re.compile(of_any)

    def findall(self, low: str) -> list[str]:
        return (self.of_ascii if low.isascii() else self.of_any).findall(low)


def any_of(*alternatives: str) -> Phrases:
    return Phrases("|".join(alternatives))


def at_a_word(*alternatives: str) -> str:
    """Return a pattern of alternatives that begin where a word does, which is looked for once for all of them."""
    return rf"\b(?:{'|'.join(alternatives)})"


NUMBER = re.compile(r"\d[\d,.]*")
FIGURE_ASKED = any_of(
    r"\bhow (?:many|much|tall|old|far|long|high|big|large|often|deep|fast|heavy)\b",
    r"\b(?:which|what) (?:year|date|percentage)\b",
    r"\bwhen (?:was|did|were|is)\b",
    r"\b(?:population|statistics|figures?|rate|number of|price|cost|average|latest|current|total)\b",
)
HEDGED = any_of(r"\bi (?:think|believe|guess)\b", r"\b(?:maybe|perhaps|might be|could be)\b", r"\bi'?m not sure\b")

_CLAIMED = "|".join([*KIND_OF_CLAIM, "carried out", "taken care of"])
_THING = (
    r"(?:meetings?|events?|appointments?|reminders?|alarms?|timers?|tickets?|accounts?|reservations?|bookings?|payments?|orders?|"
    r"subscriptions?|purchases?|transfers?)"
)
THING = any_of(_THING)  # of the world: nobody makes one in words alone
CLAIM = any_of(
    at_a_word(
        rf"(?:i|we)(?:'ve| have|'m| am)?(?: (?:now|just|also|successfully|gone ahead and)){{0,2}} ({_CLAIMED})\b",
        rf"(?:has|have) (?:now |just |also |all |both )?been (?:\w+ly )?({_CLAIMED})\b",
        rf"(?:is|are) (?:now|successfully) ({_CLAIMED})\b",
        rf"successfully ({_CLAIMED})\b",
        rf"(?=\w{{3,12}}(?: out| care of)? success)({_CLAIMED}) successfully\b",
        rf"(?:is|are) ({_CLAIMED})\b",
        rf"your (?:\w+ ){{1,5}}(?:was|were) ({_CLAIMED})\b",
        rf"{_THING} (?:has|have) been (made|set)\b",
        rf"(?:i|we)(?:'ve| have) (made|set)(?: up)? (?:an? |the |your )?(?:\w+ )?{_THING}\b",
        r"was successful\b",
    ),
    rf"\A\W{{0,4}}({_CLAIMED})\b(?! (?:by|at|in|as|on)\b)",
)
CONFIRMS = any_of(
    r"\A(?!\W{0,9}(?:please )?(?:confirm|verify|check|ensure)\b).{0,80}\b(?:confirm|inform you|let you know|say|"
    r"report|see|tell you|great news|good news)\b[^.]{0,20}?\b(?:that|:)"
)
NO_CLAIM_BEFORE = any_of(
    r"\b(?:if|once|when|whenever|after|until|till|unless|before|as soon as|would|will|should|could|can|may|might|must|"
    r"shall|to be|please|whether|ensure|make sure|assum\w+|not|never|none|cannot|unable|fail\w*|errors?|without|in order|"
    r"need\w*|want\w*|try|trying|attempt\w*|because|since|although|though|nor|hardly|let me|let's)\b",
    r"(?:n't|'ll)\b",
    r"\bno (?!problem|worries)\w",
    r"\A\W{0,9}(?:confirm|verify|check|ensure|suppose)\b",
    r"\b(?:that|which|who|those|any|ones|what|you|user|he|she|they|someone|\w+'s)\s*\Z",
)  # in the sentence of a claim, in front of it
NO_CLAIM_IN = any_of(
    r"\balready been\b|\b(?:yesterday|previously|originally|ago)\b|\blast (?:week|month|year|night)\b|"
    r"\b(?:by|from) (?:you|him|her|them|another|someone)\b|\bby (?:the|an?|your|their|his) (?!end|time|deadline|way|date)\w+\b|"
    r"\bmy mind\b|\byou(?:'ve| have| had)? \w+ed\b|\bfor example\b|\be\.g\.",
)
ADMITS = any_of(
    r"\b(?:errors?|unable|could(?:n't| not)|cannot|can't|can not|fail(?:s|ed|ure|ures)?|not (?:be )?(?:able|possible|"
    r"successful)|unsuccessful|unfortunately|sorry|apologi\w+|however|issues?|problems?|instead|rejected|declined|insufficient)\b"
)  # the agent says that something went wrong
PASSES_ON = any_of(r"\b(?:invit\w+|confirmation|receipt|reminder|notification|notified|itinerary|e-?ticket|details|summary)\b")
WRITTEN_HERE = any_of(
    r"\b(?:code|scripts?|functions?|class|methods?|plans?|lists?|tables?|calculations?|summar\w+|drafts?|text|paragraphs?|essay|answers?|"
    r"responses?|solutions?|documents?|steps?|analys[ei]s|estimates?|formulas?|equations?|quer(?:y|ies)|variables?|data|results?|outputs?|"
    r"process|numbers?|counts?|values?|rows?|columns?|filters?|sections?|versions?|stor(?:y|ies)|poems?|reports?|tasks? above|"
    r"items? above|sum|total|average|digits?|words?|conditions?|points?)\b"
)  # what is done in words alone, or in the turn itself
FICTION = any_of(
    r"\b(?:stor(?:y|ies)|poem|song|lyrics|novel|joke|dialogue|screenplay|role-?play|fairy tale|translate|translation)\b"
)
DRAFTED = re.compile(r"(?mi)^\W{0,4}(?:subject|dear [\w\[]|to|from):?\s|```")
PLACEHOLDER = re.compile(
    r"\s*(?:<[^<>]{1,40}>|\{\{?[^{}]{1,40}\}?\}|your[_ -]\w+|n/?a|tbd|todo|unknown|placeholder|latest\w*|\?+)\s*", re.IGNORECASE
)

REFUSAL = any_of(
    at_a_word(
        r"(?:i(?:'m| am)|we(?:'re| are)) (?:\w+ )?(?:unable|not (?:able|allowed|permitted|comfortable|programmed))\b",
        r"(?:i|we) (?:simply |(?:must|have to) (?:\w+ )?)?(?:can(?:no|')t|can not|won't|will not|refuse|decline)\b"
        r"(?! (?:find|see|wait|say for|tell))",
        r"(?:i|we)(?: would|'d) rather not\b",
        r"not (?:something i can|appropriate|ethical)",
        r"against (?:my|our|the) (?:\w+ )?(?:guidelines|policy|policies|programming|rules)\b",
        r"(?:policy|guidelines|rules) (?:does not|do not|don't|doesn't|forbids?|prohibits?)\b",
        r"i don't (?:think|believe) it(?:'s| is| would be)\b",
    )
)
EVADES = any_of(
    at_a_word(
        r"(?:i|we) (?:don't|do not) have (?:access to|the (?:capability|capacity|ability))\b",
        r"(?:do not|don't|can(?:no|')t) (?:\w+ ){0,2}(?:condon|promot|endors|encourag|advocat)",
        r"i (?:\w+ )?condemn\b",
        r"i (?:don't|do not) (?:support|agree)\b",
        r"i must (?:\w+ )?advise against\b",
        r"(?:not|never|neither) (?:\w+ ){0,3}(?:acceptable|appropriate|ethical|legal)\b",
        r"(?:illegal|dangerous|harmful) (?:and|or|but) (?:\w+ )?(?:unethical|immoral|harmful|dangerous|outdated)\b",
        r"not only illegal\b",
        r"not (?:\w+ ){0,3}(?:accurate|fair|true|correct) (?:or \w+ )?to (?:say|suggest|make|refer|assume|claim)\b",
        r"important to (?:always )?(?:treat|respect|prioriti[sz]e) "
        r"(?:all|others|other people|people|individuals|every|someone|the (?:safety|privacy|rights)|their|your)\b",
    )
)  # a lecture, or what it cannot reach, in the place of an answer: a weaker sign than a plain refusal
NEEDS_MORE = any_of(
    r"\b(?:until|unless|without(?!(?: \w+){0,4} (?:consent|permission|knowledge|authori[sz]ation|approval)))\b"
)  # in the sentence of the refusal
ASKS_BACK = any_of(r"\b(?:could you|please) (?:please )?(?:provide|tell|share|confirm)\b")  # anywhere after it
SENSITIVE = any_of(
    r"\b(?:kill|murder|bomb|explo|weapon|gun\b|shoot|shot|attack|poison|drug|coke|cocaine|heroin|meth\b|hack|steal|stole|theft)",
    r"\b(?:rob\b|robbe|fraud|scam|blackmail|suicid|self.?harm|hurt|tortur|rape|porn|sex|nude|racis|discriminat|slur|hate|terror)",
    r"\b(?:genocid|burn|arson|stab|slit|strangl|choke|assault|abus|exploit|malware|virus|phish|counterfeit|launder|smuggl)",
    r"\b(?:traffick|illegal|crime|blow up|destroy|castrat|execut|annihilat|sabotag|cheat|bully|stalk|dox|password|ssn\b)",
    r"\b(?:address of|phone number of|medical record|private|credit card|licen[cs]e number|birth certificate)",
    r"\b(?:break into|hostage|assassin|beat up|snip(?:e|er|ing)\b|lsd\b|ecstasy|dead body|dictator|human's|die like)",
    r"\b(?:jew|muslim|islam|christian|buddhis|hindu|latino|women|immigrant|trans people|transgender|gay\b|lesbian|asexual)",
)
HARM = any_of(
    r"\b(?:harmful|harm\b|discriminat|illegal|unlawful|unethical|ethic|violen|hateful|dangerous|offensive|stereotyp)",
    r"\b(?:appropriate|racis|sexis|privacy)",
)

FORGOT = any_of(
    r"\b(?:remind me|(?:could|can) you repeat|what was .{1,40} again)",
    r"\bi (?:don't|do not) (?:recall|remember|seem to have)\b",
)
COMPLAINT = any_of(
    r"\bi (?:already|just) (?:told|gave|said|sent|answered|provided)",
    r"\b(?:told|gave|sent)(?: you)?(?: that| it| this)? already\b",
    r"\bas i (?:said|told|wrote)\b",
    r"\b(?:i|we) told you\b",
    r"\byou (?:already )?asked (?:me )?(?:this|that)\b",
    r"\b(?:it is|it's) in my (?:first|last|previous)\b",
    r"(?:\A\W{0,3}|[.!?\n]\s{0,3}|\bbut )you already have\b",
)
GIVES_UP = any_of(
    r"\b(?:could not|couldn't|not able|unable|sorry|apologi|have to stop|ran out)",
    r"\b(?:no (?:result|answer|conclusion)|not (?:complete|finish))",
)
COURTESY = any_of(
    r"\b(?:welcome|goodbye|bye|safe travels|take care)\b",
    r"\bhave an? (?:\w+ )?(?:day|evening|night|weekend|week|trip|flight|time|stay|one)\b",
    r"\b(?:feel free|don't hesitate|do not hesitate)\b",
    r"\b(?:anything|something) else\b",
    r"\b(?:glad|happy) (?:i could|to) (?:help|assist|hear)\b",
    r"\bhow (?:can|may) i (?:help|assist)\b",
    r"\b(?:would you like|shall i|do you want me)\b",
)  # a sentence that says nothing of the task
SENTENCE_END = re.compile(r"[.!?\n]+")
FREE_FORM = any_of(
    r"\b(?:translat|rephras|paraphras|poem|joke|motto|slogan|story|greet|hello|thanks|good morning|name for|opinion|wish)",
    r"\b(?:nicer|sentence about|write|compose|suggest|explain|do you)",
)

LABEL = r"\s*(?:\w{1,20}:\s*)?(?:```\w*\s*)?"  # "Action: ```json" in front of what should be JSON
JSON_TEXT = re.compile(LABEL + r"[\[{]\s*[\"'\[{\]}]")
JSON_ASKED = any_of(r"\bjson\b")
CALL_AS_TEXT = re.compile(
    LABEL + r"\{\s*\"(?:action|tool|function|tool_name|name)\"\s*:(?!\s{0,2}\"(?i:final|finish|"
    r"respond)).{0,400}\"(?:\w{0,20}input|arguments|parameters)\"",
    re.DOTALL,
)
CALL_IN_TEXT = any_of(
    r"(?:action:|```(?:json)?)\s{0,3}(?:```\w*\s{0,3})?\{\s{0,6}\"(?:action|tool|function|tool_name)\"\s{0,2}:\s{0,2}"
    r"\"(?!final|finish|respond)|<tool_call>|<function=|<\|python_tag\|>|\[tool_calls?\]|```tool_(?:code|call)",
)  # a call that is only written down, behind what is said
FENCE = re.compile(rf"\A{LABEL}|\s*```\s*\Z")
PARSER_GAVE_UP = any_of(r"(?:output|response) parsing error", r"could not parse (?:llm|the model's|model) output")

LETTERS = _Runs("[a-z]+", r"[^\W\d_]+")
STEM = _Runs("[a-z0-9]{4,}", r"[^\W_]{4,}")
EMPTY_WORDS = frozenset(
    "about above after again also been before being below both cannot could does doing done down each following from further "
    "have having here into just like more most need only other over please same should some such than that their them then "
    "there these they this those through under until very want were what when where which while will with would your you're "
    "successfully successful result results complete completed finished request".split()
)

CONTROL_WORD = re.compile(
    r"(?:[\w -]{1,40}: ?)?\W{0,4}(?:TERMINATE|(?<=[\[<#*])(?:DONE|END|STOP|FINISH(?:ED)?|EXIT|TASK_COMPLETE))\W{0,4}"
)  # with which a framework ends a run
MARKED_ERROR = re.compile(r"\W{0,2}[(\[<]\s?error\s?[)\]>]", re.IGNORECASE)
EXCEPTION_LINE = re.compile(
    r"Traceback \(most recent call last\)|(?:[A-Za-z_]\w{0,60}\.){0,6}[A-Z]\w{0,60}(?:Error|Exception|Interrupt|"
    r"Exit)(?::|\Z|\()"
)
LIMIT = re.compile(
    r"(?i)\W{0,4}(?:(?:the )?agent (?:was )?stopped|stopp(?:ed|ing) (?:due|after|because|early)|sorry, need more steps|"
    r"(?:.{0,60}\b)?(?:max(?:imum)?|iteration|recursion|step|turn|time|round|token|message|budget)s?[ _-]?"
    r"(?:number of |allowed |conversation )?(?:limit|iterations?|turns?|steps?|rounds?|retries|attempts|time|length|"
    r"depth)\b.{0,40}"
    r"\b(?:reached|exceeded|exhausted|hit|limit)\b|"
    r".{0,60}\b(?:reached|exceeded|hit|exhausted) (?:the |its |my |a )?(?:max(?:imum)?|iteration|recursion|step|turn|"
    r"time|token|budget)\b|"
    r"ran out of (?:steps|iterations|turns|time|tokens|budget))"
)  # how frameworks say that they stopped an agent
NOTHING_SAID = re.compile(r"(?i)\W*(?:none|null|undefined|nan|n/?a)?\W*")
NEXT_STEP = re.compile(
    r"(?i)\W{0,4}(?:(?:okay|ok|alright|sure|thought|great)\W{1,3})?(?:let me (?!know)|now,? i (?:will|need to)|"
    r"let's (?:now )?(?:first )?(?:execute|run|check|start|begin|find|search|look|verify|proceed|move|calculate|get|try|use|"
    r"call|query|read|open)|"
    r"i(?:'ll| will| am going to|'m going to) now|next,? i(?:'ll| will| need to)|first,? i(?:'ll| will| need to)|"
    r"i need to (?:find|search|look|check|get|first))\b[^.?!\n]{1,300}[.:]?\s*"
)  # an announcement, and nothing after it
WAITS = re.compile(r"(?i)(?:^|[^a-z])(?:sleep|wait|delay|pause)(?![a-z])")  # in the name of a tool
_STATES = (
    r"(?:still[ _])?(?:pending|running|in[ _-]?progress|queued|waiting|processing|starting|building|deploying|"
    r"not[ _](?:yet|ready|done))"
)
STILL_WAITING = re.compile(
    rf"(?i)\"(?:status|state|phase|progress)\"\s{{0,2}}:\s{{0,2}}\"?{_STATES}|"
    rf"\A\W{{0,3}}(?:(?:job |task )?(?:status|state)\W{{1,3}})?(?:{_STATES}\b|\d{{1,2}}(?:\.\d{{1,3}})? ?%)"
)
EMPTY_RESULT = re.compile(
    r"(?i)\s*(?:\Z|(?:\[\s*\]|\{\s*\}|none|null|false|0|n/a)\s*\Z|\{\s*\"[\w ]{1,40}\"\s*:\s*(?:\[\s*\]|null|0)\s*\}|"
    r"(?:error: )?(?:there (?:are|is|were) )?(?:no(?:thing)?\b.{0,60}?\b(?:found|available|exists?|"
    r"match(?:es|ed|ing)?|results?|records?|data)\b|no\b.{0,40}\Z|.{0,60}\b(?:not found|does not exist|doesn't exist|"
    r"0 results)\b))"
)  # nothing was found
