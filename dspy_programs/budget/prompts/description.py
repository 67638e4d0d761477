"""Descriptions: sentences that state and do not ask, in any language, and the words that open or close them.

Who the model is, whose shop it is, what happened, a greeting. What is not clearly one of these may be a demand.
"""

import re

from dspy_programs.budget.prompts.obligation import LIMIT, OBLIGATION, PROHIBITION, REFUSAL, by_words, has_number
from dspy_programs.text import CJK_RUN

_ALL = re.IGNORECASE

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
    r"\b(?:into|respond|responds|reply|replies|answer|answers|speak|speaks|provides?|helps?|assists?|hilf|hilft|hilfst|"
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
    r"\b(?:it|they|their|them|he|his|him|she|this|these|that one|those|ihn|ihm|dies\w*|leur|les siens|quest[oi]|lo|hem|"
    r"его|её|их)\b|它|それ|그것",
    _ALL,
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
_NAMED_STORY = re.compile(
    rf"[A-Z][\w’'-]+(?: (?:and|of|und|et|y|e) [A-Z][\w’'-]+)?(?: (?:also|first|once))? (?=(?:{PAST.pattern}))"
)
_LONGEST_COURTESY = 80  # characters
_LONGEST_DESCRIPTION = 2000  # a longer one is not clearly a description
_ROLE = re.compile(  # how who the model is goes on: with an article or a name; "concise and polite" is how it is to be
    r"\s*(?:(?:now|also|jetzt|désormais|ahora|ora|agora)\s+)?(?:(?:an?|the|my|our|one|part|eine?|der|die|das|une?|les?|la"
    r"|el|los|las|un[ao]?|il|lo|gli|i|os?|as?|uma?|een|de|het)\s|l[’'])|\s*[“\"«„]?(?-i:[A-ZÀ-ÖØ-ÞА-ЯЁ])|\s*(?-i:[а-яё])",
    _ALL,
)
_IS = re.compile(r"\b(?:are|bist|sind|êtes|es|sei|è|eres|é|és|bent)$|[’']re$|[—–-]$", _ALL)
_CJK_ROLE = re.compile(
    r"あなたは.{0,59}[ァ-ヶー」者員師士役係家手番人当付生]です。?$"
    r"|[你您]是[^，。；]{0,39}[员員师師家者手理服医生人练練长長问問官”」][。.]?$|당신은 .{1,60}입니다[.。]?$"
)
_MAY = re.compile(r"\b(?:can|may|only|must)\b", re.IGNORECASE)
_CLAUSES = re.compile(r";\s+|\s[–—]\s|,\s+(?:so|thus|hence|therefore|but|yet)\s+")


def is_persona(text: str) -> bool:
    """Return whether a sentence only says who the model is: "You are an expert with 20 years of practice"."""
    if not (opening := PERSONA.match(text)):
        return bool(re.match(r"あなたは.{1,60}です。?$|(?:你|您)是[^，。；]{1,40}[。.]?$|당신은 .{1,60}입니다[.。]?$", text))
    rest = text[opening.end() :]
    return not any(pattern.search(rest) for pattern in (REFUSAL, PROHIBITION, LIMIT, OBLIGATION, DUTY, _MAY))


def is_identity(text: str) -> bool:
    """Return whether a persona is a role or a name, "You are an expert"; "You are concise" is an order as much as that."""
    if not is_persona(text):
        return False
    opening = PERSONA.match(text)
    return bool(_CJK_ROLE.match(text) if opening is None else _ROLE.match(text, opening.end()) and _IS.search(opening.group()))


def is_courtesy(text: str) -> bool:
    """Return whether a sentence is a greeting or thanks, short and without a demand."""
    if not (opening := COURTESY.match(text)) or len(text) >= _LONGEST_COURTESY or by_words(text) or has_number(text):
        return False
    rest = text[opening.end() :].lstrip(" ,.!，。！")
    is_courteous = COURTEOUS.match(text, opening.end()) and not VERB.search(text) and " goes " not in text
    return bool(is_courteous) or is_persona(rest) or is_description(rest)


def is_story(text: str) -> bool:
    """Return whether a sentence narrates: its main clause has a subject and a past tense, as no rule has."""
    if place := FROM_A_PLACE.match(text):
        text = text[place.end() :].lstrip()
    return bool(_NAMED_STORY.match(text) or (SUBJECT.match(text) and PAST.search(RELATIVE.split(text)[0])))


def is_description(text: str) -> bool:
    """Return whether a sentence clearly states and does not ask: a subject first, then a verb that describes."""
    if len(text) > _LONGEST_DESCRIPTION or text.rstrip().endswith((":", "：", "?", "？")):
        return False
    if CJK_RUN.search(text):
        return bool(CHINESE_SUBJECT.match(text) or CLOSING.match(text))
    if is_story(text):
        return True
    if place := FROM_A_PLACE.match(text):
        text = text[place.end() :].lstrip()
    if NORM.match(text):
        return False
    first, *others = _CLAUSES.split(text)
    if others:
        return all(map(is_description, (first, *others)))
    opening = SUBJECT.match(text)
    return bool(opening and VERB.search(RELATIVE.split(text[opening.end() :])[0]))
