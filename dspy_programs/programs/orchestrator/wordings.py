"""The words by which a query about a repository says what it wants, as patterns over a query in small letters."""

import re


def _any(*forms: str) -> re.Pattern[str]:
    return re.compile("|".join(forms))


_POLITE = (
    r"(?:(?:please|pls|plz|hey|ok|okay|so|now|just|then|also|right|alright|well|hm|can|could|would|you|u|we|i|i'd|"
    r"should|need|want|"
    r"like|have|let's|lets|to|go|and|try|help|me|must|quickly|simply|kindly)[ ,]+)*"
)
_CHANGE = (
    r"(?:add|fix|change|rename|remove|delete|refactor|implement|make|replace|update|convert|write|handle|move|rewrite|"
    r"bump|drop|"
    r"support|cache|create|introduce|migrate|port|inline|simplify|speed up|optimi[sz]e|clean up|deprecate|wrap|annotate|"
    r"document|"
    r"split|turn|switch|swap|correct|mend|improve|validate|set|increase|decrease|raise|lower|log|sort|return|stop|allow|"
    r"extract (?=.*\b(?:into|out)\b))\b(?! (?:the |a |an )?(?:plan|index|logs?\b|list|overview|summary|map)\b)"
)
CHANGE = _any(
    rf"(?:^|[.!?;:,] ){_POLITE}{_CHANGE}",
    rf"\b(?:please|pls|can you|could you|would you|let's|lets)(?: also| just| then)? {_CHANGE}",
    r"\b(?:please|pls|could you|can you) (?:change|fix|correct|do|update) (?:it|that|this)\b",
)
SHOULD_BE = re.compile(
    r"^(?!where|how|what|which|who|why|when|is|are|does|do|should)[^?]*\b(?:should(?:n't)?|must|needs? to|ought to)\b[^?]*$"
)
LOOK_FIRST = re.compile(
    r"\b(?:so|but|first|before)\b.{0,12}\b(?:need|show|find|list|tell|want to (?:see|know))\b.{0,20}\b(?:every|all|each|"
    r"where|which|who)\b"
)
MORE_DEEDS = re.compile(
    r"(?:,|\band\b|\bthen\b)(?: then| also| finally| afterwards)* "
    r"(?:re-?run|run|test|commit|push|open|verify|check|release|tag|make sure|deploy|send|publish|merge|rebuild)\b"
)
APPLY = re.compile(r"\bapply\b.*\b(?:patch|diff)|\bpatch in\b")
PLAN = _any(
    r"^(?!what does|show|where is)[^?]*\b(?:plan|roadmap|outline|break down|break (?:this|it) down|step by step)\b",
    r"\b(?:can|could|would) you (?:please )?(?:plan|outline)\b",
    r"\bsteps? (?:to|for|needed|do|would|should)\b",
    r"\bhow (?:would|should|could|do) (?:you|i|we) (?:go about|approach|tackle|best)\b",
    r"\bwhat would (?:it take|need to change|have to change)\b|\bwhat needs to change\b",
)
_DO = (
    r"(?:run|start|launch|build|compile|install|test|lint|format|release|publish|deploy|set ?up|check ?out|undo|revert|"
    r"commit|"
    r"rebase|squash|stash|push|pull|merge|tag|type ?check|bootstrap|upgrade|debug|profile|clean)"
)
COMMANDS = _any(
    r"^(?!where|why|who|show|find|how (?:is|are|does)).*\b(?:commands?|cmds?|shell|terminal) (?:line )?"
    r"(?:to|for|do|that|should|can|would|runs?)\b|\bwhich commands?\b(?! (?:exist|are|have))|^git\b|"
    r"^(?:unit )?tests?(?: pls| please)?$",
    rf"\bhow (?:do|can|to|would|should|does)\b(?: i| we| you| one)?(?: to)? {_DO}\b",
    r"\bwhat (?:has |have )?(?:we |i |you )?changed\b|\bwho (?:changed|wrote|touched|last|committed)\b|\b(?:last|recent|"
    r"latest) commits?\b",
    r"\bwhen was\b.*\b(?:changed|added|introduced|removed)\b|\bgit (?:log|blame|diff|status|history)\b",
    r"\bwhat do (?:i|we) (?:type|run|need to (?:run|type|install))\b",
    rf"^{_POLITE}(?:re-?)?(?:run|start|launch|build|compile|install|lint|format|undo|revert|commit|rebase|squash|stash|"
    rf"push|release|publish)\b",
    rf"\b{_DO} .{{0,30}}\b(?:how|command)\??$|\bhow to command\b",
)
INDEX = _any(
    rf"\bre-?index\w*|^{_POLITE}index\b|\bindex (?:refresh|rebuild|update)|\bis the (?:search )?index\b",
    r"\b(?:re-?build|build|refresh|update|create|redo|make)\b.{0,12}\bindex\b",
    r"\b(?:search|index) (?:is|looks|seems) (?:stale|old|outdated|out of date)",
)
LOGGING = re.compile(
    r"\b(?:where|how|who|which|what)\b.{0,40}"
    r"\b(?:(?<!the )(?<!our )(?<!in )logs|logged|logging|logger|raised?|thrown?|handled?|caught|catch)\b"
    r"|\b(?:where|how) (?:do|does|is|are) (?:we|it|they|you) log\b"
    r"|^what(?:'s|s| is) (?:in|inside|under) (?:the |our )?logs?/? (?:folder|directory|dir)\b"
)
WENT_WRONG = _any(
    r"\blogs?\b|\blog ?files?\b|\bstack ?traces?\b|\btracebacks?\b|\bcrash\w*|\bwent wrong\b|\bgo(?:es|ing)? wrong\b|"
    r"\boutage\b",
    r"\bincident\b|\bblew up\b|\bblow(?:s|ing) up\b|\bfell over\b|\b50\ds\b|\bhttp 50\d\b|\b50[0234] errors?\b|\bany "
    r"errors\b",
    r"\b(?:errors?|exceptions?|failures?) (?:in|from|last|since|over|today|do|did|are)\b|\bkeeps? (?:dying|failing|"
    r"crashing)\b",
    r"\bwhy did\b.*\b(?:fail|crash|die|stop|break)\b|\bwhat broke\b|\bbroke (?:last|over|in)\b",
)
SAYS_LOGS = re.compile(r"\blogs?\b|\btraceback|\bstack ?trace|\bwent wrong\b|\boutage\b|\blast night\b|\bovernight\b")
USES = _any(
    r"\b(?:who|which|where|anything|anyone|files?|places?|spots?)\b.{0,40}\b(?:calls?|uses?|using|used|called|imports?|"
    r"importing|"
    r"imported|references?|mentions?|mentioned|raises?|raised|throws?|depends? on|contains?|relies on|rely on|turns? up|"
    r"appears?|"
    r"shows? up|"
    r"occurs?)\b",
    r"\b(?:inherits?|derived?|subclass\w*|extends?) (?:from|of)\b|\bsubclasses of\b",
    r"\b(?:who|what|which \w+) (?:subclass(?:es)?|extends?)\b",
    r"\bwhat (?:all )?(?:calls|uses|imports|depends on|mentions|references|raises|throws)\b|\blines? (?:that|which|with|saying|"
    r"containing)\b",
    r"\b(?:all|every|any|each|only)\b.{0,30}\b(?:uses?|usages?|calls?|callers?|occurrences?|places?|lines?|mentions?|"
    r"references?|"
    r"imports?|appearances|spots?)\b|\b(?:uses?|usages?|callers?|calls|references?|mentions?|occurrences?|imports?) "
    r"(?:of|to)\b",
    r"\b(?:used|raised|called|imported|mentioned|set|read) (?:where|by (?:whom|what))\b|\bimports?$",
    r"^(?:list |find |show )?(?:me )?(?:all|every|each)\b(?!.*\b(?:files|folders|classes|functions|tests)\b)",
)
TEXT = re.compile(r"\bgrep\b|\b(?:todos?|fixmes?|xxx|hacks?)\b|\b(?:string|text|message|literal|phrase|regex|word)\b")
FIND = re.compile(r"^(?:please |can you |could you )?(?:find|search|look)\b")
TREE = _any(
    r"\btree\b(?! sitter)|\b(?:folder|directory|dir|project|file|repo\w*|package|source) (?:structure|layout|listing|"
    r"hierarchy)",
    r"\blayout\b|\b(?:list|show|what|which|see|print|give)\b.{0,25}\b(?:files|folders|directories|dirs|subfolders)\b|^ls\b",
    r"\bfiles (?:in|under|below|inside)\b|\bhow many files\b|\b(?:everything|all|what there is) (?:in|under|inside|below)\b",
    r"\bdir(?:ectory)? listing\b",
    r"\bhow (?:is|are)\b.{0,30}\b(?:organi[sz]ed|laid out|structured)\b",
)
WHAT_IS_IN = re.compile(r"\bwhat(?:'s|s| is| do we have|'s all)?(?: all)? (?:in|inside|under|lives in)\b|\bcontents? of\b")
MAP = _any(
    r"\boverview\b|\bbig picture\b|\barchitecture\b|\bmap\b|\bget to know\b|\bnew (?:to|on|here|in)\b|\bonboard\w*|"
    r"\bfirst day\b",
    r"\b(?:most important|main|core|key|central|biggest) (?:classes|class|functions|parts|pieces|modules|definitions|"
    r"types|things|"
    r"concepts|files)\b|\bentry ?points?\b|\bwhere (?:do|should|to|can) (?:i |we )?(?:start|begin)\b|\bmatters? most\b",
    r"\b(?:classes|functions|parts|modules|definitions|files) are (?:the )?(?:most|more) (?:important|used|central)\b",
    r"\bhow (?:does|do) (?:it|this|everything) (?:all )?(?:fit|hang|work) together\b",
    r"\bwhat (?:is|does) this (?:repo\w*|project|code(?:base)?|package|library)(?: do)?\b",
    r"\b(?:summari[sz]e|explain|describe) (?:this|the) (?:whole )?(?:repo\w*|project|code(?:base)?|package|library)\b",
)
ABOUT = _any(
    r"\bwhat(?:'s| is| are| does| do|s)?\b|\bsummar\w*|\bexplain\b|\bpurpose\b|\babout\b|\btl;?dr\b|\bdescribe\b|"
    r"\boverview\b|\bgist\b",
    r"\bwalk me through\b|\bgood for\b|\bmystery\b",
)
VAGUE_FILE = re.compile(r"\b(?:summari[sz]e|explain|describe|what does)\b.{0,8}\b(?:that|this|the) (?:file|module)\b")
SHOW = _any(
    r"\b(?:show|print|give|display|open|see|read|view|pull up|paste|cat|dump|get|look at|look like|jump to|go to|"
    r"explain|what is)\b",
    r"\b(?:body|source|definition|implementation|signature|code|docstring)\b|\bwhat does\b|\bhow does\b|\bwhat's\b|"
    r"\bwhere(?:'s| is)\b",
    r"\b(?:where|how)(?:'s| is| are|s)?\b.*\b(?:defined|declared|implemented|live|definition)\b",
)
SHOW_ONE = re.compile(
    r"\b(?:show|print|give|open|display|see|read|explain)\b.{0,12}\b(?:that|the|this) (?:function|class|method|source|"
    r"definition)\b(?! \w)"
)
ASKS = re.compile(r"\b(?:where|how|why|when|which|who|what happens)\b")
FORM = re.compile(r"\$[A-Z$]|\w\((?:[^()]*,)?\s*(?:\.\.\.|…)\s*(?:,[^()]*)?\)")
OFF_TOPIC = _any(
    r"\bwea?ther (?:today|tomorrow|in|like)\b|\btell me a joke\b|\b(?:order|book|buy) (?:me |us )?(?:a |an |some "
    r")?(?:pizza|flight|hotel|"
    r"lunch|table|taxi|ticket)\b|\b(?:what is|what's) the (?:capital|stock price|time in)\b|\bwrite (?:me )?(?:a |an "
    r")?(?:poem|song|e-?mail)\b",
    r"\bremind me\b|\bsend (?:an? )?(?:e-?mail|message|mail) to\b|\bwho are you\b|^(?:hi|hello|hey|"
    r"good morning|yo|thanks|thank you|"
    r"thx)\b[ !.]*$",
)
LEVELS = re.compile(r"\b(\d|one|two|three|four|five|six)\b(?: \w+)? (?:levels?|deep)|\bdepth (?:of )?(\d)")
OBJECT = re.compile(
    r"(?=\b(?:grep(?: -\w+)*(?: for)?|who calls|what calls|who uses|what uses|imports?(?: of)?|importing|"
    r"mention(?:s|ing)?(?: of)?|usages? of|callers? of|calls? to|"
    r"references? to|occurrences? of|uses?(?: of)?|using|contain(?:s|ing)?|depends? on|relies on|the word|every|all(?: "
    r"the)?)\s+"
    r"(?:the |word |text |string |of )*([A-Za-z_][\w.-]*))|(?=\b([A-Za-z_]\w+) imports?$)"
    r"|(?=\b[Ww]here(?: is|'s| are) ([A-Za-z_][\w.]*\w) (?:used|called|imported|mentioned)\b)"
)
VAGUE = frozenset(
    "the this that our files file places place lines line code function functions class classes calls uses usages "
    "occurrences "
    "imports mentions references where for which what all every any them those these it test tests with and of to in "
    "from".split()
)
