"""What a tool's name says that it does, and what a sentence says was done: six kinds of deeds.

Guarantees tolerant: "booked" may be the work of create_event, "moved" of delete and create; a tool whose name says nothing
           (`bash`, `run`, `workflow_7`) may have done anything. English; changes_by_name knows the commonest verbs
           of other languages.
"""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

Kind = Literal["create", "buy", "change", "remove", "send", "pay", "keep", "any"]

_TOOLS: dict[Kind, str] = {
    "create": "create add insert make new register schedule arrange open plot generate invite",
    "buy": "book order reserve buy purchase place checkout subscribe rent",
    "change": "update change modify edit move rename assign reassign mark transfer set patch put replace apply extend upgrade "
    "adjust switch exchange return reschedule toggle enable disable activate complete convert swap restore",
    "remove": "delete remove cancel clear drop unsubscribe archive close void revoke terminate erase purge",
    "send": "send forward reply email mail notify message sms share submit publish post tweet comment respond invite text",
    "pay": "pay payment refund charge credit reimburse issue transfer checkout settle deposit withdraw",
    "keep": "save write upload store export record log commit push merge deploy install append",
}
_SAID: dict[Kind, str] = {
    "create": "created added scheduled registered arranged inserted opened",
    "buy": "booked ordered reserved purchased bought placed",
    "change": "updated changed modified edited moved renamed assigned reassigned transferred rescheduled upgraded "
    "extended switched "
    "adjusted reactivated enabled disabled",
    "remove": "deleted removed cancelled canceled cleared dropped unsubscribed archived revoked",
    "send": "sent forwarded replied emailed notified published posted messaged",
    "pay": "paid refunded charged credited reimbursed",
    "keep": "saved uploaded exported recorded deployed installed",
    "any": "done completed processed submitted executed plotted finalized finalised",
}
_DOES: dict[Kind, frozenset[Kind]] = {
    "create": frozenset({"create", "buy", "change", "keep"}),
    "buy": frozenset({"buy", "create", "pay", "change"}),
    "change": frozenset({"change", "create", "remove", "buy", "keep"}),
    "remove": frozenset({"remove", "change"}),
    "send": frozenset({"send"}),
    "pay": frozenset({"pay", "buy", "remove", "change"}),
    "keep": frozenset({"keep", "create", "change", "send"}),
}
"""What kinds of tools can have done what is claimed; "any" needs some change."""
_WORDS_OF_TOOLS = {kind: frozenset(words.split()) for kind, words in _TOOLS.items()}
_ALL_OF_TOOLS = frozenset().union(*_WORDS_OF_TOOLS.values())

_LOOKS = frozenset(
    "get find search list read look lookup query fetch show view check count describe retrieve browse calculate "
    "compute think plan "
    "ask wait verify validate analyze analyse weather status history inspect is has can preview compare estimate suggest "
    "recommend translate summarize".split()
)
_ALSO_LOOK = frozenset(
    "cat ls grep diff wc tail head sort pwd du which stat tree mean average subtract multiply divide logarithm sqrt power "
    "round max min sum convert percentage display estimate lookup peek scan detect classify predict score rank explain "
    "parse format validate test ping info details metadata stats metrics report thought reason reflect note current now "
    "today time date version help documentation docs schema trace balance quote rate rates forecast directions distance "
    "route dictionary define wiki wikipedia google bing web page crawl scrape extract ocr caption embed retrieval rag "
    "knowledge memory recall lesen suchen pruefen prüfen anzeigen abfragen abrufen holen finden auflisten zeigen "
    "ermitteln berechnen lire chercher rechercher consulter obtenir lister afficher trouver verifier vérifier recuperer "
    "récupérer calculer leer buscar consultar obtener listar mostrar verificar calcular ver ler obter leggere leggi "
    "cercare cerca ottenere ottieni elenca mostra verifica lezen lees zoeken zoek ophalen haal toon hämta sök visa läs".split()
)
_ALSO_CHANGE = frozenset(
    "mv cp mkdir touch rm rmdir ln chmod chown kill write upload download approve reject accept decline confirm login "
    "logout log authenticate sign fund press start stop fill lock unlock turn activate deactivate follow unfollow retweet "
    "tweet like contact resolve reopen escalate block unblock ban pin unpin star vote sync reset retry trigger launch "
    "provision scale migrate rollback commit push merge checkout rebase stash apply grant deny allow forbid hire fire "
    "feed play pause mute resume subscribe enroll withdraw deposit transfer redeem claim dispatch ship assign unassign "
    "attach detach link unlink tag untag label set unset anlegen aendern ändern loeschen löschen buchen umbuchen "
    "stornieren senden schicken bestellen erstellen reservieren speichern bezahlen zahlen erstatten creer créer modifier "
    "supprimer envoyer reserver réserver annuler commander payer rembourser enregistrer crear modificar actualizar borrar "
    "eliminar enviar reservar cancelar pagar guardar creare crea modificare eliminare inviare prenotare annullare "
    "wijzigen verwijderen boeken annuleren versturen".split()
)
_EITHER = frozenset("page ping power rate route".split())  # done to what follows: `page_oncall`; else a thing: `web_page`
_ONLY_LOOK = frozenset(
    "get list view search find fetch retrieve check show query read lookup analyze analyse calculate compute compare "
    "detect validate verify count describe".split()
)
_ALSO_NOUNS = frozenset(
    "message order credit email mail post log record report share text transfer comment tweet plot register return mark "
    "close open exchange charge issue deposit schedule plan budget store payment refund make book ticket login press star "
    "pin tag label vote contact feed block note export account reset".split()
)  # in front of the verb they name a thing: `ticket_get_login_status`
_LOOKS_IN_SIGNS = re.compile(r"查询|查找|获取|搜索|读取|検索|取得|照会|조회|검색")
_ANY_WORD = re.compile(r"[^\W\d_]+?(?=[A-Z][a-z])|[^\W\d_]+")
_AND = frozenset({"and", "or"})
_WORD = re.compile(r"[a-z]+|[A-Z][a-z]*|[A-Z]+(?![a-z])")
_CLOSES = re.compile(
    r"submit|finish|final|answer|done|complete|stop|\bend|exit|terminat|transfer|hand_?off|escalat|respond|reply|send_message|report",
    re.IGNORECASE,
)
_MOVES = frozenset("click press scroll back forward key keys mouse tap swipe step next roll draw type down up".split())
_ACTS = _MOVES | frozenset(
    "bash shell terminal exec execute run python repl code notebook command browser computer goto go navigate visit open edit "
    "editor replace".split()
)
KIND_OF_CLAIM: dict[str, Kind] = {word: kind for kind, words in _SAID.items() for word in words.split()}


class Doing(NamedTuple):
    """kinds: of the deeds in a tool's name; looks: it looks something up, and does nothing besides."""

    kinds: frozenset[Kind]
    looks: bool


def _words(name: str) -> list[str]:
    """Return the words of a tool's own name, without that of its server: `calendar.deleteEvent` deletes an event."""
    return [word.lower() for word in _WORD.findall(name[:200].rpartition(".")[2] or name[:200])]


@lru_cache(maxsize=4096)
def doing(name: str) -> Doing:
    """Return what a tool does, from its name."""
    words = _words(name)
    kinds = frozenset(kind for kind, of_kind in _WORDS_OF_TOOLS.items() if not of_kind.isdisjoint(words))
    first = next((word for word in words if word in _LOOKS or word in _ALL_OF_TOOLS), "")
    looks = first in _LOOKS and (not kinds or _AND.isdisjoint(words))
    return Doing(frozenset() if looks else kinds, looks)


def is_deed(name: str) -> bool:
    """Return whether a tool's name says that it changes something; one that says nothing is no deed for certain."""
    return bool(doing(name).kinds)


def can_do(name: str, claimed: Kind) -> bool:
    """Return whether a call of this tool can have done what is claimed."""
    does = doing(name)
    return not does.looks and (not does.kinds or claimed == "any" or not does.kinds.isdisjoint(_DOES[claimed]))


def does_just(name: str, claimed: Kind) -> bool:
    """Return whether a tool is for what is claimed: `pay` for "paid", but not `create_invoice`."""
    kinds = doing(name).kinds
    return bool(kinds) if claimed == "any" else claimed in kinds or (claimed == "buy" and "create" in kinds)


@lru_cache(maxsize=4096)
def acts(name: str) -> bool:
    """Return whether a tool does whatever its input says: a shell, a browser, an editor."""
    return not _ACTS.isdisjoint(_words(name))


@lru_cache(maxsize=4096)
def changes_by_name(name: str) -> bool | None:
    """Return whether a tool changes something, by its name; None where that says nothing."""
    does = doing(name)
    if does.looks:
        return False
    words = [word.lower() for word in _ANY_WORD.findall(name[:200].rpartition(".")[2] or name[:200])]
    first = words[0] if words else ""
    if first in _EITHER:
        return None
    looked = next((word in _ONLY_LOOK for word in words if word not in _ALSO_NOUNS and _is_verb(word)), False)
    if first in _ALSO_LOOK or looked or _LOOKS_IN_SIGNS.search(name):
        return False
    if first in _ALSO_CHANGE or (does.kinds and not acts(name)) or not _ALSO_CHANGE.isdisjoint(words):
        return True
    return False if not _ALSO_LOOK.isdisjoint(words) else None


def _is_verb(word: str) -> bool:
    return word in _ONLY_LOOK or word in _ALSO_CHANGE or bool(doing(word).kinds)


@lru_cache(maxsize=4096)
def moves(name: str) -> bool:
    """Return whether the same call of a tool does something new each time: scrolling, the next page, a die."""
    return not _MOVES.isdisjoint(_words(name))


@lru_cache(maxsize=4096)
def closes(name: str) -> bool:
    """Return whether a call of this tool ends a run on purpose: `submit`, `final_answer`, `transfer_to_human`."""
    return _CLOSES.search(name[:200]) is not None
