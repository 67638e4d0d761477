"""IFEval's constraint types in words: how to find the sentence that states one, and how to rephrase it.

`find` says whether a sentence of a prompt may state the constraint; `asked` are wordings of the criterion, `again` other
wordings of the constraint itself, `decoys` texts on the same matter that do not ask for it. Wordings have places for
the constraint's arguments; `places` fills them. All wordings are ours; the sentences are IFEval's.
"""

import re
from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

_COUNTS = "zero one two three four five six seven eight nine ten eleven twelve".split()
_LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "de": "German", "fa": "Persian", "fi": "Finnish", "gu": "Gujarati",
    "hi": "Hindi", "it": "Italian", "kn": "Kannada", "ko": "Korean", "mr": "Marathi", "ne": "Nepali", "pa": "Punjabi",
    "pt": "Portuguese", "ru": "Russian", "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "th": "Thai", "ur": "Urdu",
    "vi": "Vietnamese",
}  # fmt: skip


class _Kind(NamedTuple):
    """name: of the criterion; clash: kinds with the same word are never in one rubric."""

    name: str
    clash: str
    find: str
    asked: tuple[str, ...]
    again: tuple[str, ...]
    decoys: tuple[str, ...]


KINDS = {
    "punctuation:no_comma": _Kind(
        "commas", "", r"\bcommas?\b",
        ("The mark ',' never occurs", "Sentences have no commas in them", "Comma-free"),
        ("Leave out every comma.", "Write it without a single comma."),
        ("Place commas where grammar wants them.", "Separate the items of a list by commas."),
    ),
    "length_constraints:number_words": _Kind(
        "length", "", r"\bwords\b",
        ("{Bound} words in all", "Word count: {bound}"),
        ("Keep to this length: {bound} words.", "Let the word count be {bound}."),
        ("Choose simple words that everybody knows.", "The length should be {other} words."),
    ),
    "length_constraints:number_sentences": _Kind(
        "sentences", "", r"\bsentences?\b",
        ("Sentence count: {bound}", "It has {bound} sentences"),
        ("Use {bound} sentences in total.", "The number of sentences must be {bound}."),
        ("Write clear sentences with one thought each.", "Use {other} sentences."),
    ),
    "length_constraints:number_paragraphs": _Kind(
        "paragraphs", "parts", r"\b(paragraphs?|sections?|parts)\b",
        ("{N} paragraphs with *** between them", "Divided by *** into {n_word} paragraphs"),
        ("Split the text into {n} paragraphs by ***.", "Put *** between paragraphs; there must be {n_word} of them."),
        ("Start every paragraph with its main point.", "Write {other} paragraphs."),
    ),
    "length_constraints:nth_paragraph_first_word": _Kind(
        "opening_word", "parts", r"\bparagraphs?\b",
        ("Paragraph {nth} opens with '{first}'", "'{first}' is the word that begins paragraph number {nth}"),
        ("The first word of paragraph {nth} has to be '{first}'.", "Let paragraph {nth} start: '{first}'."),
        ("Use the word '{first}' somewhere in the last paragraph.", "Paragraph {nth} should be the longest."),
    ),
    "combination:two_responses": _Kind(
        "two_versions", "parts", r"(\*{6}|asterisk)",
        ("Offers a pair of answers with ****** in between", "2 alternatives, divided by six stars"),
        ("Answer twice, differently, with ****** between the answers.", "Provide 2 versions and put ****** between them."),
        ("Put one asterisk before each footnote.", "Consider different answers and keep the best one."),
    ),
    "detectable_format:multiple_sections": _Kind(
        "sections", "parts", r"\b(sections?|paragraphs?|parts?|days?|rounds?)\b",
        ("Parts labelled {splitter} 1 to {splitter} {n}", "{N} parts, each headed '{splitter}' and its number"),
        ("Divide it into {n_word} parts under the labels {splitter} 1, {splitter} 2 and so on.",),
        ("Write {splitter} titles in bold if there are any.", "Divide it into {other} parts."),
    ),
    "detectable_format:number_bullet_lists": _Kind(
        "bullets", "", r"\bbullet",
        ("Lists {n_word} bulleted items", "A list of exactly {n} points, each marked by '*'"),
        ("Give {n_word} points, each on its own line after '* '.", "The answer is to have {n} bullets, no more, no less."),
        ("Keep bullet points short if you use any.", "List {other} bullet points."),
    ),
    "detectable_format:number_highlighted_sections": _Kind(
        "highlights", "", r"\b(highlight|italic|emphasi[sz]e|bold)",
        ("Markdown emphasis on {n_word} passages or more", "Marks {n}+ passages *like this*"),
        ("Set {n} or more passages between asterisks, *so*.", "Put markdown emphasis on no fewer than {n} passages."),
        ("Highlight nothing but the name of the product.", "Passages may be quoted where that helps."),
    ),
    "detectable_format:title": _Kind(
        "title", "", r"\btitle",
        ("A heading stands in <<double angle brackets>>", "Headed by a line such as <<heading>>"),
        ("Give it a title and put the title inside << and >>.", "Begin with a title in double angular brackets: <<title>>."),
        ("A title should be short and plain.", "Do not use angle brackets for quotations."),
    ),
    "detectable_format:json_format": _Kind(
        "json", "", r"\bjson\b",
        ("All of it parses as one JSON value", "The reply is a JSON object and nothing else"),
        ("Return JSON only.", "Format the complete answer as JSON."),
        ("The reader has a JSON parser and knows how to use it.", "Explain what JSON is to those who ask."),
    ),
    "detectable_content:number_placeholders": _Kind(
        "placeholders", "", r"\b(placeholder|square bracket)",
        ("Leaves {n_word} or more blanks such as [name]", "{n}+ fields to fill in, in square brackets"),
        ("Leave no fewer than {n} gaps in square brackets, like [date].", "Put {n} or more fields such as [city] in it."),
        ("Avoid square brackets in quotations.", "Fill every placeholder with a real name."),
    ),
    "detectable_content:postscript": _Kind(
        "postscript", "", r"(post\s?script|P\.\s?P?\.?\s?S)",
        ("Closes with a remark that begins {marker}", "After the end comes a note marked {marker}"),
        ("Finish with a note that starts with {marker}", "Append a remark after {marker}"),
        ("A postscript is seldom read.", "Sign at the end with your full name."),
    ),
    "keywords:existence": _Kind(
        "keywords", "", r"",
        ("Mentions {words}", "These occur in it: {words}"),
        ("Work these words in: {words}.", "{words}: use each of them at least once."),
        ("Think about {word} before you begin, but there is no need to name it.", "Do not mention {words}."),
    ),
    "keywords:forbidden_words": _Kind(
        "banned_words", "", r"(\bnot?\b|n't|n’t|\bavoid|\bwithout|\bexclud|\bnever|\brefrain|\bomit)",
        ("{words} never occurs", "Free of: {words}"),
        ("Leave out: {words}.", "Find other expressions for: {words}. They are banned."),
        ("Explain {words} early in the text.", "Mention {words} where it fits."),
    ),
    "keywords:frequency": _Kind(
        "repeats", "", r"",
        ("'{keyword}' is repeated: {bound} times", "Says '{keyword}' {bound} times"),
        ("Use the word {keyword} {bound} times.", "Count of '{keyword}' in the text: {bound}."),
        ("Explain early what '{keyword}' means.", "The word {keyword} should appear {other} times."),
    ),
    "keywords:letter_frequency": _Kind(
        "letters", "", r"",
        ("Character '{letter}': {bound} of them", "Contains '{letter}' {bound} times"),
        ("Use the character {letter} {bound} times.", "Count of '{letter}' in the text: {bound}."),
        ("Begin the second sentence with the letter {letter}.", "The letter {letter} should appear {other} times."),
    ),
    "language:response_language": _Kind(
        "language", "language", r"\blanguage\b|{language}",
        ("Written wholly in {language}", "The reply's language is {language}"),
        ("Answer in {language}; every other language is out.", "Use {language} for everything you write."),
        ("The reader learns {language} at school.", "Write in Dutch, and in no other language."),
    ),
    "change_case:english_capital": _Kind(
        "upper_case", "language", r"\b(capital|all caps|uppercase|upper case)",
        ("Every letter is upper case", "Nothing is in small letters"),
        ("Write everything IN CAPITALS.", "Use upper case throughout."),
        ("Begin each name with a capital letter.", "Mention the capital city of the country."),
    ),
    "change_case:english_lowercase": _Kind(
        "lower_case", "language", r"\b(lowercase|lower case|capital)",
        ("Every letter is small", "No upper-case letters anywhere"),
        ("Write everything in small letters.", "Use lower case throughout."),
        ("Begin each name with a capital letter.", "Use short words and small paragraphs."),
    ),
    "change_case:capital_word_frequency": _Kind(
        "shouted_words", "language", r"\b(capital|all caps|uppercase|upper case)",
        ("Words in FULL CAPITALS: {bound}", "Upper-case words number {bound}"),
        ("Put {bound} words IN CAPITALS.", "Write {bound} words wholly in upper case."),
        ("Begin each name with a capital letter.", "Use CAPITALS for abbreviations."),
    ),
    "startend:end_checker": _Kind(
        "last_words", "", r"\b(end|finish|last|conclude)",
        ("Its final words are '{ending}'", "Nothing stands after '{ending}'"),
        ("Close with '{ending}' and add nothing behind it.", "Let '{ending}' be your final words."),
        ("Start your reply with '{ending}'", "End on a friendly note."),
    ),
    "startend:quotation": _Kind(
        "quoted", "", r"\bquot",
        ("The whole text stands between \" and \"", "Opens and closes with \""),
        ("Start and finish with the character \".", "Set the complete answer in double quotes."),
        ("Quote one expert, in quotation marks.", "Use single quotation marks for titles."),
    ),
}  # fmt: skip


def places(arguments: Mapping[str, Any], draw: Random) -> dict[str, str]:
    """Fill the places of a kind's wordings from IFEval's arguments; `other` is a count that does not imply the right one."""
    given = {name: value for name, value in arguments.items() if value is not None}
    count = next((int(given[name]) for name in given if name.startswith("num_") or name.endswith("frequency")), 0)
    relation = next((given[name] for name in given if name.endswith("relation")), "")
    bound = draw.choice(bounds(relation, count)) if relation else str(count)
    wrong = {"at least": max(1, count // 2) if count > 1 else 0, "less than": count * 3 + 2}.get(relation, count + 3)
    listed = [str(word) for word in given.get("keywords") or given.get("forbidden_words") or [""]]
    return {
        "n": str(count),
        "N": in_words(count).capitalize(),
        "n_word": in_words(count),
        "bound": bound,
        "Bound": bound[:1].upper() + bound[1:],
        "other": f"{'exactly ' if relation == 'at least' else 'up to ' if relation else ''}{wrong}",
        "word": listed[0],
        "words": ", ".join(listed),
        "first": str(given.get("first_word", "")),
        "nth": str(given.get("nth_paragraph", "")),
        "splitter": str(given.get("section_spliter", "")),
        "marker": str(given.get("postscript_marker", "")),
        "keyword": str(given.get("keyword", "")),
        "letter": str(given.get("letter", "")),
        "language": _LANGUAGES.get(given.get("language", ""), ""),
        "ending": str(given.get("end_phrase", "")).strip(),
    }


def bounds(relation: str, count: int) -> tuple[str, ...]:
    if relation == "at least":
        return f"at least {count}", f"{count} or more", f"no fewer than {in_words(count)}", f"more than {count - 1}"
    return f"fewer than {count}", f"at most {count - 1}", f"no more than {in_words(count - 1)}", f"below {count}"


def in_words(count: int) -> str:
    return _COUNTS[count] if 0 <= count < len(_COUNTS) else str(count)


def states(sentence: str, type_: str, arguments: Mapping[str, Any]) -> bool:
    """Return whether a sentence states a constraint: its kind's words, every name in its arguments, and its count."""
    return mentions(sentence, type_, arguments) and _has_count(sentence, arguments)


def mentions(text: str, type_: str, arguments: Mapping[str, Any]) -> bool:
    """Return whether a text speaks of what a constraint is about, whatever it says."""
    filled = {"language": _LANGUAGES.get(arguments.get("language") or "", "language")}
    find = KINDS[type_].find.replace("{language}", filled["language"])
    if find and not re.search(find, text, re.IGNORECASE):
        return False
    named = [arguments.get(name) for name in ("keyword", "letter", "first_word", "end_phrase", "postscript_marker")]
    wanted = [*named, *(arguments.get("keywords") or []), *(arguments.get("forbidden_words") or [])]
    return all(bool(re.search(rf"(?<!\w){re.escape(str(w).strip())}(?!\w)", text, re.IGNORECASE)) for w in wanted if w)


def _has_count(sentence: str, arguments: Mapping[str, Any]) -> bool:
    names = [n for n, v in arguments.items() if v is not None and (n.startswith("num_") or n.endswith("frequency"))]
    found = sentence.lower()
    for name in names:
        count = int(arguments[name])
        forms = {str(k) for k in (count - 1, count, count + 1)} | {in_words(k) for k in (count - 1, count, count + 1)}
        forms |= {"once"} if count <= 2 else set()
        forms |= {"twice"} if 1 <= count <= 3 else set()
        if not any(re.search(rf"(?<!\w){form}(?!\w)", found) for form in forms):
            return False
    return True
