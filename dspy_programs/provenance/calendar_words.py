"""Words of the calendar in several languages, folded: months, weekdays, days and spans relative to today."""

_MONTHS = (
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "januar februar marz april mai juni juli august september oktober november dezember",
    "january february march april may june july august september october november december",
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "january february march april may june july august sept october november december",
)
MONTHS = {word: number for words in _MONTHS for number, word in enumerate(words.split(), 1)}
_WEEKDAYS = (
    "mon tue wed thu fri sat sun",
    "monday tuesday wednesday thursday friday saturday sunday",
    "mondays tuesdays wednesdays thursdays fridays saturdays sundays",
    "montag dienstag mittwoch donnerstag freitag samstag sonntag",
    "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "lunes martes miercoles jueves viernes sabado domingo",
    "lunedi martedi mercoledi giovedi venerdi sabato domenica",
    "segunda terca quarta quinta sexta sabado domingo",
    "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
)
WEEKDAYS = {word: number for words in _WEEKDAYS for number, word in enumerate(words.split())}
_NEAR = {
    0: "today tonight heute hoy aujourd oggi hoje vandaag now 今天 今日 今晚",
    1: "tomorrow morgen manana demain domani amanha 明天 明日",
    -1: "yesterday gestern ayer hier ieri ontem gisteren 昨天 昨日",
    2: "ubermorgen 后天",
}
OFFSETS = {word: days for days, words in _NEAR.items() for word in words.split()}
_SPANS = {
    7: "day days tag tage tagen jour jours dia dias giorno giorni dag dagen",
    14: "week weeks weekend weekly woche wochen semaine semana semanas settimana week upcoming soon recent 周 週",
    62: "month months monthly monat monate mois mes meses mese mesi maand 月",
    190: "quarter quarters season",
    800: "year years annual annually yearly jahr jahre ano anos annee anno jaar last past previous first earliest latest"
    " since seit desde depuis",
}
SPANS = {word: days for days, words in _SPANS.items() for word in words.split()}
PARTS_OF_DAY = frozenset(
    "morning afternoon evening night lunch lunchtime noon midday midnight breakfast dinner before after end start early late "
    "until till all-day whole day daily today available free slot morgens abends mittag manana tarde noche matin soir".split()
)
