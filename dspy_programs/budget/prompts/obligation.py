"""The words that oblige, forbid, allow, limit or refuse, by language.

The table behind binding.py, which asks it second, after the structure of the text. Languages written in Latin letters, and
Russian, Japanese, Chinese and Korean. Words of all languages are looked for in every text: a wrong find only keeps a sentence.
"""

import re
from typing import Literal

from dspy_programs.text import words

Kind = Literal[
    "prohibition", "permission", "condition", "step", "format", "refusal", "fact-with-number", "placeholder", "statement"
]

_ALL = re.IGNORECASE

REFUSAL = re.compile(
    r"\b(?:refus\w*|den(?:y|ies|ied)|declin\w+|reject\w*|turn down|ablehn\w*|lehn\w* .{0,60}\bab\b|verweiger\w*|"
    r"zurückweis\w*|refus\w*|"
    r"rehús\w*|rechaz\w*|deneg\w*|deni[eé]g\w*|rifiut\w*|recus\w*|rejeit\w*|neg(?:ue|ar)\b|weiger\w*|afwijz\w*|"
    r"wijs .{0,60}\baf\b)\b"
    r"|отказ\w*|отклон\w*|断っ|断り|断る|拒否|拒绝|拒絕|谢绝|거절|거부",
    _ALL,
)
PROHIBITION = re.compile(
    r"\b(?:not?|never|none|nothing|nobody|neither|nor|cannot|\w+n[’']t|dont|without|avoid\w*|refrain\w*|"
    r"prohibit\w*|forbid\w*|forbidden|"
    r"bans?|banned|illegal|unlawful|zero tolerance|secret|confidential|off[- ]limits|off the table|closed to|reserved for|"
    r"disallow\w*|exclud\w*|omit\w*|skip|ignore|stop|prevent|rather than|instead of|free of|"
    r"nicht|nie|niemals|kein\w*|ohne|verboten|untersag\w*|unzulässig|vermeid\w*|unterlass\w*|weder|"
    r"ne|n[’'](?=\w)|pas|jamais|aucune?|sans|interdi\w*|évite\w*|éviter|ni|rien|"
    r"nunca|jamás|ning[uú]n\w*|sin|prohib\w*|evit\w*|tampoco|nada|"
    r"non|mai|nessun\w*|senza|viet\w*|né|niente|"
    r"não|nao|nenhum\w*|sem|proib\w*|jamais|"
    r"niet|nooit|geen|zonder|verbied\w*|vermijd\w*|noch)\b"
    r"|\bне\b|\bни\b|\bнет\b|никогда|нельзя|запре\w*|\bбез\b|избега\w*|недопуст\w*"
    r"|ない(?!ます)|ません|ぬ|ず(?:に|、)|禁止|禁じ|避け|控え|不可|な(?=。|$)|不|勿|别|別(?=再)|没有|禁|避免|莫|無(?=法|需)|无(?=法|需|须)"
    r"|않|없|마세요|마십시오|말 것|말아|말고|못|금지|안 ",
    _ALL,
)
OBLIGATION = re.compile(
    r"\b(?:must|shall|should|ought|need\w*|ha(?:ve|s|d) to|required?|requires|mandatory|obligat\w*|obliged|"
    r"necessary|essential|crucial|critical|"
    r"important|imperative|vital|always|ensure\w*|make sure|be sure|remember|responsible|expected|tasked|asked|"
    r"instructed|supposed|"
    r"your (?:task|job|goal|role|mission|objective|duty|purpose|responsibilit\w+)|will|won[’']t|would|want\w*|"
    r"wait|please|comply|adher\w*|"
    r"prefer\w*|recommend\w*|encourag\w*|strict\w*|priorit\w+|mandate\w*|subject to|limited to|up to|ideally|"
    r"let[’']s|let us|"
    r"muss|müssen|musst|müsst|soll\w*|darf\w*|dürf\w*|immer|stets|unbedingt|erforderlich|notwendig|nötig|"
    r"verpflicht\w*|bitte|wichtig|aufgabe|(?:ist|sind|hat|haben)\b[^.]{0,80}\b\w{1,30}zu\w{1,30}en|"
    r"brauch\w*|(?:ist|sind|hat|haben)\b[^.]{0,80}\bzu(?= \w+en\b)|wird|werden|warte\w*|"
    r"doi(?:s|t|vent)|dev(?:ez|ons|ra|ront|rait)|faut|faudra|toujours|obligatoire\w*|nécessaire\w*|veuillez|"
    r"tenue?s?|priée?s?|convient|(?:est|sont) à \w+er|"
    r"essentiel\w*|important\w*|tâche|assurez|"
    r"attende[zr]|uniquement|exig\w*|requi\w*|"
    r"debe\w*|tien\w+ que|ha\w? que|hay que|siempre|obligatori\w*|necesari\w*|importante\w*|asegúr\w*|tarea|"
    r"espera|esper[ae]\w*|requier\w*|"
    r"dev(?:e|i|o|ono|i|em|erá|ia)|bisogna|occorre|sempre|obbligatori\w*|necessari\w*|assicura\w*|compito|"
    r"attend(?:i|ere|ete|a)|richie\w*|"
    r"tem que|têm que|é preciso|precis\w*|obrigatóri\w*|necessári\w*|certifi\w*|tarefa|aguarde|"
    r"moet\w*|dien\w*|altijd|verplicht\w*|noodzakelijk|belangrijk|taak|zorg|wacht|hoeft?|vereist)\b"
    r"|долж\w*|обяза\w*|нужно|надо|необходимо|следует|всегда|требу\w*|важно|пожалуйста|задач\w*|дожд\w*|подожд\w*"
    r"|べき|必ず|必須|必要|ください|下さい|なさい|なければ|こと(?=。|$|、)|常に|お願い|せよ|しろ|ましょう|任務|義務"
    r"|必须|必須|应|應|务必|務必|须|須|需|一定|总是|總是|始终|始終|请|請|得(?=先|要)|要(?!点|點|素)|任务|任務|等待"
    r"|해야|하세요|십시오|시오|세요|반드시|항상|필요|필수|합니다만|하라|할 것|해라|기다",
    _ALL,
)
PERMISSION = re.compile(
    r"\b(?:may|might|can|could|allow\w*|permit\w*|optional\w*|free to|able to|possible|eligible|entitled|"
    r"kann|können|kannst|könnt\w*|erlaub\w*|zulässig|gestattet|möglich|berechtigt|"
    r"peu(?:t|x|vent)|pouv\w*|pourr\w*|autoris\w*|permis\w*|possible\w*|facultati\w*|"
    r"pued\w*|podr\w*|permit\w*|permitid\w*|posible\w*|opcional\w*|"
    r"può|possono|puoi|potr\w*|permess\w*|consentit\w*|possibil\w*|facoltativ\w*|"
    r"pode\w*|poder\w*|permitid\w*|possív\w*|mag|mogen|kan|kunnen|kunt|toegestaan|mogelijk)\b"
    r"|мож(?:ет|но|ете|ешь|ут)\b|могут|разреш\w*|допуска\w*|допустим\w*|вправе"
    r"|できま|できる|可能|でもよい|てもよ|ても良|ても構|許可|可(?=。|$)|可|能|允许|允許|수 있|가능|허용|선택",
    _ALL,
)
LIMIT = re.compile(  # allows one thing and so forbids all others
    r"\b(?:only|just|alone|exclusively|solely|nur|ausschließlich|lediglich|seulement|exclusivement|seule?s?|s[oó]lo|"
    r"solamente|únicamente|"
    r"exclusivamente|solo|soltanto|esclusivamente|só|somente|apenas|unicamente|alleen|slechts|uitsluitend)\b"
    r"|только|лишь|исключительно|のみ|だけ|限り|限定|只|仅|僅|唯一|만(?= |을|를|으로)|오직",
    _ALL,
)
CONDITION = re.compile(
    r"\b(?:if|unless|when|whenever|whether|while|until|till|before|after|once|except\w*|provided|otherwise|"
    r"as long as|in case|"
    r"depending|regardless|at (?:least|most)|more than|less than|fewer than|no later|maximum|minimum|exactly|within|"
    r"wenn|falls|sofern|sobald|bevor|nachdem|bis|außer|solange|ansonsten|sonst|mindestens|höchstens|maximal|innerhalb|"
    r"sauf|lorsque|lorsqu|quand|avant|après|jusqu\w*|tant que|sinon|dès|moins|plus de|maximum|"
    r"cuando|salvo|excepto|antes|después|hasta|mientras|menos|máximo|mínimo|dentro de|"
    r"quando|prima|dopo|finché|tranne|altrimenti|almeno|massimo|entro|qualora|"
    r"depois|até|enquanto|exceto|caso|senão|pelo menos|"
    r"als|wanneer|tenzij|voordat|nadat|tot|behalve|minstens|hoogstens|binnen|indien)\b"
    r"|\bесли\b|\bкогда\b|\bпока\b|прежде|\bперед\b|\bпосле\b|кроме|иначе|не более|не менее|в течение|\bдо\b"
    r"|場合|とき|時は|なら|れば|たら|以内|以上|以下|まで|前に|後に|除き|除く"
    r"|如果|若|当(?![館社店院校行地])|當|除非|除了|否则|否則|之前|之后|之後|直到|至少|最多|以内|以內|凡"
    r"|경우|으면|라면|다면|하면|되면|때|전에|후에|까지|이내|이상|이하|제외",
    _ALL,
)
SCOPE = re.compile(  # says for what all a sentence holds, or in which order: seldom in a plain description
    r"\b(?:polic(?:y|ies)|each|every\w*|all|any(?:one|body|thing)?|both|either|else|during|under|over|between|limit\w*|instead|"
    r"but|however|first|then|"
    r"finally|for example|jede\w*|alle\w*|chaque|tou(?:t|te|s|tes)|cada|tod[oa]s?|ogni|tutt[ieoa]|elke?|alle|anders)\b"
    r"|кажд\w*|\bвсе[хм]?\b|すべて|全て|各|毎|每|所有|任何|一律|均|모든|각 ",
    _ALL,
)
FORMAT = re.compile(
    r"\b(?:JSON|XML|YAML|CSV|HTML|Markdown|LaTeX|UTF-8|ISO|format\w*|output\w*|bullet\w*|heading\w*|uppercase|"
    r"lowercase|capital\w*|"
    r"comma|commas|tags?|markup|paragraphs?|sentences?|words?|characters?|lines?|columns?|title|ausgabe\w*|"
    r"ausgeben|absätze|"
    r"sätze|wörter|zeichen|"
    r"sortie|phrases?|mots|caractères|salida|frases|palabras|caracteres|uscita|parole|caratteri|saída|palavras|"
    r"uitvoer|zinnen|woorden)\b"
    r"|формат\w*|вывод\w*|предложени\w*|слов\w*|абзац\w*|形式|出力|文字|文以|段落|格式|输出|輸出|字数|字數|형식|출력|문장",
    _ALL,
)
ANSWER = re.compile(
    r"\s*(?:the |your |our |my |this |each |every )?(?:final |whole |entire )?(?:answers?|repl(?:y|ies)|responses?|"
    r"outputs?|results?|summar(?:y|ies)|tone|style|language|text|reports?|messages?|"
    r"emails?|code|lists?|tables?|titles?|voice|audience|length|letter|essay|story|poem|article|post)\b"
    r"|\s*(?:die |der |das |deine |ihre |le |la |l[’']|el |il |lo |o |a |het |de )?(?:antwort\w*|ton|tonfall|stil|"
    r"sprache|réponses?|ton|langue|"
    r"respuestas?|tono|idioma|risposte?|resposta\w*|tom|antwoord\w*|toon|taal)\b|\s*(?:ответ\w*|тон|стиль|язык)\b|"
    r"回答|返答|返信|答复|回复|语气|口调|답변|어조",
    _ALL,
)
RULE_HEADING = re.compile(
    r"\b(?:polic(?:y|ies)|rules?|steps?|instructions?|outputs?|formats?|formatting|constraints?|requirements?|"
    r"guidelines?|must|do[’']?s|don[’']?ts?|"
    r"restrictions?|limits?|limitations?|tasks?|procedures?|process|criteria|criterion|safety|security|responses?|"
    r"style|tone|never|always|important|notes?|"
    r"warnings?|caution|how to|what to|workflow|todo|to-do|objectives?|goals?|expectations?|conditions?|terms|"
    r"permissions?|privacy|compliance|"
    r"principles?|checklist|actions?|output sections?|answers?|method\w*|approach|duties|responsibilit\w*|scope|"
    r"boundaries|escalation|refusals?|exceptions?|"
    r"prohibited|forbidden|allowed|modify|cancel|refunds?|template|structure|tools?|schema|ask|"
    r"regeln?|richtlinien?|schritte?|anweisung\w*|ausgabe\w*|vorgaben?|anforderung\w*|verbote?|aufgaben?|"
    r"hinweise?|grenzen|sicherheit|ablauf|vorgehen|pflichten|"
    r"règles?|consignes?|étapes?|politique|sortie|contraintes?|exigences?|tâches?|directives?|limites?|sécurité|"
    r"procédure|interdictions?|"
    r"reglas?|política\w*|pasos?|instrucciones|salida|formato|restricciones|requisitos?|tareas?|normas?|límites|"
    r"regole?|passi|passaggi|istruzioni|vincoli|uscita|politica|requisiti|compit[oi]|norme|"
    r"regras?|passos|etapas|instruções|saída|restrições|tarefas?|diretrizes|"
    r"regels?|stappen|instructies|beleid|uitvoer|beperkingen|opmaak|vereisten|taken|richtlijnen)\b"
    r"|правил\w*|политик\w*|шаг\w*|инструкци\w*|вывод\w*|формат\w*|ограничени\w*|требовани\w*|запрет\w*|задач\w*|порядок"
    r"|規則|ルール|手順|指示|出力|形式|制約|制限|方針|ポリシー|注意|禁止|規定|対応|返金|要件"
    r"|规则|規則|步骤|步驟|指令|要求|输出|輸出|格式|约束|約束|政策|流程|规定|规范|任务|说明|须知|注意事项"
    r"|규칙|정책|단계|지침|출력|형식|제약|요구|주의|절차|규정",
    _ALL,
)
_NUMBER = re.compile(r"\d|[一二三四五六七八九十百](?=[天日个個句条條年月次位张張人]|つ|文|行)")
_SPELLED = frozenset(
    "two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand once twice half "
    "double single zwei drei vier fünf sechs sieben acht neun zehn deux trois quatre cinq sept huit neuf dix dos tres cuatro "
    "cinco seis siete ocho nueve diez due tre quattro cinque sei sette otto nove dieci dois duas três quatro oito dez "
    "twee vier vijf zes zeven acht negen tien два две три четыре пять шесть семь восемь девять десять".split()
)


def by_words(text: str) -> tuple[Kind, str] | None:
    """Return the kind of demand that a text's words make, and the word; None for none."""
    table: tuple[tuple[Kind, re.Pattern[str]], ...] = (
        ("refusal", REFUSAL),
        ("prohibition", PROHIBITION),
        ("prohibition", LIMIT),
        ("condition", CONDITION),
        ("step", OBLIGATION),
        ("permission", PERMISSION),
        ("format", FORMAT),
        ("step", SCOPE),
    )
    for kind, pattern in table:
        if found := pattern.search(text):
            return kind, f"says {found.group()!r}"
    return ("format", "says what the answer is like") if ANSWER.match(text) else None


def has_number(text: str) -> bool:
    """Return whether a text has a number, in digits or words."""
    return bool(_NUMBER.search(text)) or not _SPELLED.isdisjoint(words(text))
