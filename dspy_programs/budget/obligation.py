"""The words that oblige, forbid, allow, limit or refuse, and the words that open or close a plain description, by language.

The table behind binding.py, which asks it second, after the structure of the text. Languages written in Latin letters, and
Russian, Japanese, Chinese and Korean. Words of all languages are looked for in every text: a wrong find only keeps a sentence.
"""

import re

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
    r"verpflicht\w*|bitte|wichtig|aufgabe|(?:ist|sind|hat|haben)\b[^.]{0,80}\b\w+zu\w+en|"
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
    r"\b(?:only|just|exclusively|solely|nur|ausschließlich|lediglich|seulement|exclusivement|seule?s?|s[oó]lo|"
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
PERSONA = re.compile(
    r"(?:hi[,!]?\s+|hello[,!]?\s+)?(?:you are|you[’']re|you have|you possess|you know|"
    r"you understand|you love|"
    r"you deeply understand|du bist|sie sind|du hast|vous êtes|tu es|eres|usted es|(?:tu )?sei|lei è|você é|tu és|"
    r"je bent|u bent|"
    r"вы\s*[—–-]|ты\s*[—–-])",
    _ALL,
)
DUTY = re.compile(  # what makes a persona a task: what it does, not what it is
    r"^\s*,|^\s*(?:here|now|going|about|being|given|provided|presented|assigned|tasked|asked|told|in charge|working|"
    r"acting)\b|(?<!able )(?<!how )\bto(?= \w)|"
    r"\b(?:that|who|which|whose)\s+(?!(?:is|are|was|were|has|have|had|speciali[sz]es?|knows?|understands?|loves?|"
    r"believes?|cares?|could|might|ever|never|once|\w+ed)\b)|"
    r"\b(?:and|,) (?:you )(?!(?:are|have|know|understand|love|excel|speciali[sz]e)\b)|"
    r"\b(?:respond|responds|reply|replies|answer|answers|speak|speaks|provides?|helps?|assists?|hilf|hilft|hilfst|"
    r"helfen|antwort\w*|qui|aide[sz]?|"
    r"répond\w*|que|ayudas?|respond\w*|che|aiuti|aiuta|rispond\w*|ajudas?|dat|helpt|antwoord\w*)\b|котор\w*|"
    r"помога\w*|отвеча\w*|,\s*(?:der|die|das)\b[^,]*\w(?:t|en)\W*$",
    _ALL,
)
COURTESY = re.compile(  # a greeting or thanks; "thank the guest" and "welcome him" are orders
    r"(?:(?:hi|hello|hey|welcome(?= to\b|\W|$)|thanks|thank you|good (?:luck|morning|day|afternoon|evening)|"
    r"let[’']s (?:begin|start|go)|"
    r"hallo|willkommen|danke|vielen dank|guten tag|viel erfolg|bonjour|bienvenue|merci|bonne chance|hola|"
    r"bienvenid[oa]s?|gracias|ciao|"
    r"benvenut[oaie]|grazie|olá|bem-vind[oa]s?|obrigad[oa]|welkom|dank je|здравствуйте|добро пожаловать|спасибо|"
    r"привет|удачи)\b"
    r"|こんにちは|ようこそ|ありがとうございます|你好|您好|欢迎(?=来到|使用|您|你|！|$)|歡迎(?=您|你|！|$)|谢谢|感谢(?=您|你)|안녕하세요|환영합니다|감사합니다)",
    _ALL,
)
COURTEOUS = re.compile(  # how a greeting or thanks goes on
    r"\W*$|\W*(?:to|for|from|at|in|that|you|everyone|all|team|our|your|here|so much|very much|dear|zu|für|bei|"
    r"dass|liebe\w*|de|d[’']|pour|à|"
    r"chez|por|que|a|en|per|da|voor|aan|bij|и|за|что|в|на)\b|\W*[您你]",
    _ALL,
)
FROM_A_PLACE = re.compile(  # opens a sentence before its subject: "In the lobby, ..."
    r"(?:since|in|at|on|from|with|as|for|during|over|seit|im|am|bei|depuis|dans|à|en|desde|da|nel\w*|em|op|sinds|"
    r"в|на|с)\s[^,;:]{1,80}(?:,\s+|(?=\s(?:there|we|the|our|il|hay|gibt|есть)\s))",
    _ALL,
)
OURS = re.compile(  # opens what a company says of itself
    r"(?:(?:our|my|we|unsere?\w*|wir|notre|nos|nous|nuestr\w+|somos|nostr\w+|siamo|nosso|nossa|onze|wij|мы|наш\w*|"
    r"i)\s|我[们們]|当[館社店院校行地]|우리)",
    _ALL,
)
SUBJECT = re.compile(  # words that open a statement about one thing, with the space after; "a bike" is any bike, so a rule
    r"(?:(?:gibt es|the|our|my|its|their|his|her|it|this|that|these|those|he|she|they|we|i|there|many|some|"
    r"most|people|today|"
    r"der|die|das|unser\w*|wir|es|diese\w*|ihre?|seine?|viele|"
    r"le|la|les|notre|nos|nous|il|elle|ils|ce|cette|ces|on|el|los|las|nuestr\w+|est[aeo]|somos|"
    r"lo|i|gli|nostr\w+|siamo|quest[aoie]|o|a(?=\s\w+\s(?:é|fica|foi|está|tem))|os|as|nosso|nossa|este|het|onze|"
    r"wij|deze|dit|er|de|"
    r"мы|наш\w*|это|он|она|они|компания|магазин)\s|l[’']|c[’']est\s|d[’'])",
    _ALL,
)
VERB = re.compile(  # finite verbs of description; a sentence without one may be an order in the infinitive, or a rule
    r"\b(?:is|am|are|was|were|has|have|had|been|being|lies|stands|sits|sells?|serves|makes|offers?|provides|works?|"
    r"lives?|loves?|likes?|enjoys?|runs|"
    r"smells|sings|employs|speciali[sz]es|focuses|handles|spans|contains|includes|covers|operates|believes|"
    r"cycles?|produces|features|belongs|dates|"
    r"goes back|looks after|overlooks|"
    r"ist|sind|war|waren|wurde|wurden|hat|haben|hatte|gibt|bietet|bieten|liegt|steht|stehen|verkauft|verkaufen|"
    r"besteht|betreibt|gehört|arbeitet|arbeiten|"
    r"est|sont|était|étaient|sommes|avons|ont|avait|a été|propose|proposons|vend|vendons|offre|existe|compte|"
    r"regroupe|travaillent|publie|aimons|"
    r"es|son|somos|era|fue|está|están|tiene|tienen|hay|ofrece|vende|vendemos|cuenta|"
    r"è|sono|erano|ha|hanno|siamo|vendiamo|trova|conta|é|são|foi|estão|têm|há|fica|gostam|"
    r"zijn|waren|heeft|hebben|biedt|verkoopt|ligt|staat|staan|bestaat)\b"
    r"|\bявля\w+|\bнаход\w+|\bработа\w+|\bпрода\w+|\bбыл[аио]?\b|\bесть\b|\bосновал\w*|\bосновани?а?\b|\bлюбим\b|"
    r"\bрады\b|[—–]",
    _ALL,
)
POINTING = re.compile(  # opens a sentence that goes on about the one before
    r"(?:it|its|this|that|these|those|they|their|them|he|she|his|her|such|er|sie|es|dies\w*|ihre?|seine?|il|elle|"
    r"ils|elles|cela|ce|cette|ces|"
    r"est[aeo]s?|ell[oa]s?|ess[aeo]|quest[aeio]|ele|ela|eles|isso|deze|dit|die|zij|это|он|она|они|эт\w+)\b|这|這|它|"
    r"他|她|此|これ|それ|この|その|이|그",
    _ALL,
)
POINTED_AT = re.compile(
    r"\b(?:it|them|this|these|that one|those|ihn|ihm|dies\w*|leur|les siens|quest[oi]|lo|hem|его|её|их)\b|它|それ|그것", _ALL
)
RELATIVE = re.compile(r"\b(?:that|which|who|whose|where|how|what|if|qui|dont|che)\b", _ALL)
PAST = re.compile(
    r"\b(?:was|were|had|began|grew|became|wurden?|war|waren|hatten?|a été|était|avait|fue|fueron|era|foi|eram?|"
    r"è stat[oa]|werd|был[аио]?)\b",
    _ALL,
)
NORM = re.compile(  # the present tense in which rules are written: who deals with the model, and what is done, in the passive
    r"(?:(?:the|an?|each|every|el|la|le|los|las|les|der|die|das|il|lo|gli|i|o|os|as|de|het|un|una|ein|"
    r"eine)\s)?(?:\w+\s)?(?:users?|customers?|guests?|passengers?|"
    r"agents?|assistants?|patients?|clients?|callers?|members?|students?|readers?|model|bot|system|candidates?|"
    r"applicants?|tickets?|orders?|bookings?|"
    r"refunds?|payments?|requests?|fees?|deposits?|prices?|delivery|deliveries|shipping|returns?|check-?(?:in|"
    r"out)|breakfast|parking|"
    r"entry|admission|access|insurance|warrant(?:y|ies)|pagos?|pagament[oi]|paiements?|(?:be)?zahlung\w*|"
    r"gebühr\w*|kaution|preise?|"
    r"prix|precios?|prezz[oi]|preços?|prijs|entregas?|livraisons?|lieferung\w*|levering|spedizion[ei]|rückgabe|retours?|"
    r"devoluci[oó]n\w*|resi|devolução|entrée|entradas?|ingresso|eintritt|оплат\w*|цен[аы]|доставк\w*|возврат\w*|"
    r"залог\w*|вход|kund\w+|gäste?|nutzer\w*|assistent\w*|clients?|utilisateurs?|usuarios?|"
    r"clientes?|pasajer[oa]s?|utent[ei]|client[ei]|"
    r"klanten|klant|gebruikers?|клиент\w*|покупател\w*)\b(?! service)"
    r"|.{0,80}\b(?:is|are|gets?)\s(?!(?:known|located|called|named|based|situated|loved|liked|built|made|staffed|"
    r"founded|famous|interested|dedicated|tired|"
    r"experienced|skilled|specialized|specialised|varied|talented|beloved|furnished|painted|"
    r"decorated)\b)(?:\w+ly\s)?(?:\w{2,}ed|kept|held|sent|paid|given|taken|done|written|shown|"
    r"sold|told|met|put|set|made|built|lost|left|spoken|hidden|chosen|seen)\b",
    _ALL,
)
BACKGROUND = re.compile(
    r"\b(?:about|background|assistant|assistente?|asistente|bot|chatbot|handbook|introduction|identity|persona|"
    r"company|history|who (?:we|you) are|overview|hintergrund|über|unternehmen|contexte|présentation|"
    r"à propos|quién(?:es)?|contexto|empresa|sobre|chi siamo|ruolo|azienda|sfondo|achtergrond|rol|bedrijf)\b|"
    r"о нас|о компании|について|背景|概要|役割|介绍|简介|角色|배경|소개|역할",
    _ALL,
)
CLOSING = re.compile(  # of a plain statement where the verb comes last: of what was, of who one is, of what there is
    r".*(?:でした|ました|였습니다|했습니다)[。.!！]?$|"
    r"(?:あなた|この|当|私|うち|ここ|弊社|お客様に|당신|우리|저희|이 |본 ).*"
    r"(?:です|である|います|あります|입니다|있습니다)[。.!！]?$|"
    r".*(?:に|には|にも).*(?:あり|い)ます[。.]?$|.*에(?:는)? .*있습니다[.]?$"
)
CHINESE_SUBJECT = re.compile(
    r"(?:你|您)是|我[们們](?:公司|店|的[^，。]{1,6}?)?(?:是|位[于於]|成立|提供|[拥擁]有)|本公司|本店|公司|这是|這是|我是"
)
