"""Phrases that mark claims, refusals, complaints and broken texts. English only; other languages are not detected.

Every pattern is applied only to a bounded piece of text (trace_view.LONGEST), and none nests repetitions.
"""

import re


class Phrases:
    """A pattern of words in lower case that are found in any case. Lowered first, ASCII text is read four times as fast."""

    def __init__(self, pattern: str) -> None:
        self.of_ascii = re.compile(pattern)
        self.of_any = re.compile(pattern, re.IGNORECASE)

    def search(self, text: str) -> re.Match[str] | None:
        """Return the first place in `text`; the match's own text may be lowered."""
        return self.of_ascii.search(text.lower()) if text.isascii() else self.of_any.search(text)


class _Runs:
    """A pattern of runs of letters or digits, without white space in it; those of ASCII text are found faster."""

    def __init__(self, pattern: str) -> None:
        self.of_ascii = re.compile(pattern, re.ASCII)
        self.of_any = re.compile(pattern)

    def findall(self, text: str) -> list[str]:
        return (self.of_ascii if text.isascii() else self.of_any).findall(text)


def any_of(*alternatives: str) -> Phrases:
    return Phrases("|".join(alternatives))


NUMBER = re.compile(r"\d[\d,.]*")
FIGURE_ASKED = any_of(
    r"\bhow (?:many|much|tall|old|far|long|high|big|large|often|deep|fast|heavy)\b",
    r"\b(?:which|what) (?:year|date|percentage)\b",
    r"\bwhen (?:was|did|were|is)\b",
    r"\b(?:population|statistics|figures?|rate|number of|price|cost|average|latest|current|total)\b",
)
HEDGED = any_of(r"\bi (?:think|believe|guess)\b", r"\b(?:maybe|perhaps|might be|could be)\b", r"\bi'?m not sure\b")

DONE = (
    r"(?:sent|created|deleted|removed|updated|booked|scheduled|cancell?ed|forwarded|added|assigned|reassigned|moved|renamed|"
    r"changed|replied|paid|refunded|purchased|ordered|saved|processed|completed|executed|uploaded|submitted|done|plotted|"
    r"carried out|taken care of)"
)
CLAIMS_DONE = any_of(
    rf"\b(?:i|we)(?:'ve| have)?(?: now| just| already| successfully)? {DONE}\b",
    rf"\b(?:has|have) been(?: \w+ly)? {DONE}\b",
    rf"\bsuccessfully {DONE}\b",
    rf"\b{DONE} successfully\b",
    r"\bwas successful\b",
)
PLACEHOLDER = re.compile(
    r"\s*(?:<[^<>]{1,40}>|\{\{?[^{}]{1,40}\}?\}|your[_ -]\w+|n/?a|tbd|todo|unknown|placeholder|latest\w*|\?+)\s*", re.IGNORECASE
)

REFUSAL = any_of(
    r"\b(?:i(?:'m| am)|we(?:'re| are)) (?:\w+ )?(?:unable|not (?:able|allowed|permitted|comfortable|programmed))\b",
    r"\b(?:i|we) (?:simply |(?:must|have to) (?:\w+ )?)?(?:can(?:no|')t|can not|won't|will not|refuse|decline)\b"
    r"(?! (?:find|see|wait|say for|tell))",
    r"\b(?:i|we)(?: would|'d) rather not\b",
    r"\bnot (?:something i can|appropriate|ethical)",
    r"\bagainst (?:my|our|the) (?:\w+ )?(?:guidelines|policy|policies|programming|rules)\b",
    r"\b(?:policy|guidelines|rules) (?:does not|do not|don't|doesn't|forbids?|prohibits?)\b",
    r"\bi don't (?:think|believe) it(?:'s| is| would be)\b",
)
EVADES = any_of(
    r"\b(?:i|we) (?:don't|do not) have (?:access to|the (?:capability|capacity|ability))\b",
    r"\b(?:do not|don't|can(?:no|')t) (?:\w+ ){0,2}(?:condon|promot|endors|encourag|advocat)",
    r"\bi (?:\w+ )?condemn\b",
    r"\bi (?:don't|do not) (?:support|agree)\b",
    r"\bi must (?:\w+ )?advise against\b",
    r"\b(?:not|never|neither) (?:\w+ ){0,3}(?:acceptable|appropriate|ethical|legal)\b",
    r"\b(?:illegal|dangerous|harmful) (?:and|or|but) (?:\w+ )?(?:unethical|immoral|harmful|dangerous|outdated)\b",
    r"\bnot only illegal\b",
    r"\bnot (?:\w+ ){0,3}(?:accurate|fair|true|correct) (?:or \w+ )?to (?:say|suggest|make|refer|assume|claim)\b",
    r"\bimportant to (?:always )?(?:treat|respect|prioriti[sz]e) "
    r"(?:all|others|other people|people|individuals|every|someone|the (?:safety|privacy|rights)|their|your)\b",
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
    r"\byou already have\b",
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
    LABEL + r"\{\s*\"(?:action|tool|function|tool_name|name)\"\s*:.{0,400}\"(?:\w{0,20}input|arguments|parameters)\"", re.DOTALL
)
FENCE = re.compile(rf"\A{LABEL}|\s*```\s*\Z")
PARSER_GAVE_UP = any_of(r"(?:output|response) parsing error", r"could not parse (?:llm|the model's|model) output")

LETTERS = _Runs(r"[^\W\d_]+")
STEM = _Runs(r"[^\W_]{4,}")
EMPTY_WORDS = frozenset(
    "about above after again also been before being below both cannot could does doing done down each following from further "
    "have having here into just like more most need only other over please same should some such than that their them then "
    "there these they this those through under until very want were what when where which while will with would your you're "
    "successfully successful result results complete completed finished request".split()
)
