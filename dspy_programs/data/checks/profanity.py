"""Does a text swear? By the list of glin-profanity, without what is an ordinary or a medical word.

The list is made for chat rooms: it has "domination", "vagina" and "how to kill". In data for training these say nothing by
themselves, so they are left out here; whoever wants no such topics needs a judge, not a list of words.
Holds      words are matched as a whole ("Scunthorpe", "class" and "cockpit" are fine), with digits or signs for letters
           ("sh1t", "f*ck"), letters spaced out ("f u c k") or repeated ("fuuuck").
Source     glin-profanity (MIT), its dictionaries by language.
"""

import itertools
import re
import string
from collections.abc import Iterator
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from dspy_programs.data.checks.finding import Finding, texts_of
from dspy_programs.data.checks.lookup import Lookup
from dspy_programs.data.checks.word_hashes import Words, hash_of_pair, hash_of_words
from dspy_programs.data.pair import DataPair
from dspy_programs.errors import MissingExtra, UsageError

_LANGUAGES = {
    "ar": "arabic", "cs": "czech", "da": "danish", "de": "german", "en": "english", "eo": "esperanto", "es": "spanish",
    "fa": "persian", "fi": "finnish", "fr": "french", "hi": "hindi", "hu": "hungarian", "it": "italian", "ja": "japanese",
    "ko": "korean", "nl": "dutch", "no": "norwegian", "pl": "polish", "pt": "portuguese", "ru": "russian", "sv": "swedish",
    "th": "thai", "tr": "turkish", "zh": "chinese",
}  # fmt: skip
_ENTRIES = """
2_girls_1_cup 4ss acrotomophilia anal anus ass auto_erotic autoerotic babeland ball_gag bareback barely_legal barenaked
bastard bastardized bastardo bastinado bbw beaver_cleaver bestiality big_black big_breasts bimbos birdlock blonde_action
blonde_on_blonde_action blue_waffle bollocks bondage boner boob boobs booty_call brunette_action bs busty butt camel_toe clit
clitoris clover_clamps cock cocks coon coons cornhole cum date_rape daterape dendrophilia dick dingleberries dingleberry
dog_style doggy_style dolcett domination dominatrix dommes donkey_punch double_penetration dp_action dry_hump dvda eat_my_ass
ecchi ejaculation erotic erotism escort eunuch fecal female_squirting femdom fingering fisting footjob fuk fuq futanari g-spot
gay_sex genitals girl_on girl_on_top girls_gone_wild god_damn golden_shower grope group_sex guro hard_core hardcore hentai hoe
homoerotic honkey hooker hot_carl hot_chick how_to_kill how_to_murder huge_fat humping incest intercourse jelly_donut juggs
kinbaku kinkster kinky knobbing leather_restraint leather_straight_jacket lemon_party lmfao lolita lovemaking make_me_come
male_squirting masturbate menage_a_trois mf missionary_position mound_of_venus mr_hands negro neonazi nipple nipples
nsfw_images nude nudity nympho nymphomania octopussy omfg one_cup_two_girls one_guy_one_jar orgasm orgy paedophile paki
panties panty pedophile pegging penis phone_sex pissed pissing playboy pleasure_chest poof poon porn porno pornography
prince_albert_piercing pubes raging_boner rape raping rapist rectum retard retarded reverse_cowgirl rusty_trombone s&m sadism
santorum scat scissoring semen sex sexo sexy shibari shota shrimping simp skeet smut snatch snowballing sodomize sodomy spic
spooge spread_legs spunk stfu strap_on strappado strip_club style_doggy suck sucks suicide_girls sultry_women swastika swinger
tainted_love taste_my tea_bagging testbad01 threesome throating tied_up tit tits tongue_in_a topless tosser tribadism tushy
twink twinkie two_girls_one_cup undressing urethra_play urophilia vagina venus_mound vibrator violet_wand vorarephilia voyeur
vulva wank wet_dream white_power wrapping_men wrinkled_starfish wtf xx xxx yaoi zoophilia
"""
_DISGUISED = str.maketrans("013457@$!*", "oieastasi*")
_SPACED = re.compile(r"(?<!\w)\w(?:[ .-]\w){3,14}(?!\w)")
_MASKED = re.compile(r"[^\W_]+(?:[@$*!]+[^\W_]*)+|[@$]+[^\W_]+[$]*")
_ENDS = ("", "s", "es", "ing", "ed", "er", "ers", "y")
_TOKEN = re.compile(r"[^\W_]+")
_THRICE = re.compile(r"([^\W\d_])\1\1")
_TRIPLES = tuple(letter * 3 for letter in string.ascii_lowercase)
_DOUBLED = re.compile(r"(.)\1+")
_LETTERS = {"i": "1", "l": "1", "o": "0", "e": "3", "a": "4", "s": "5", "t": "7"}


class SwearWords:
    """The swear words of English and of another language. Raises MissingExtra, UsageError for a language without a list."""

    def __init__(self, language: str = "en") -> None:
        self.words = _listed("english") - _ordinary()
        if language != "en":
            if language not in _LANGUAGES:
                raise UsageError(f"no list of swear words for {language!r}; there are {', '.join(sorted(_LANGUAGES))}")
            self.words |= {word for word in _listed(_LANGUAGES[language]) if len(word) > 3 or not word.isascii()}
        phrases = sorted((word for word in self.words if not word.isalnum()), key=len, reverse=True)
        single = [word for word in self.words if word.isalnum()]
        self._forms = {word + end for word in single for end in _ENDS}
        self._forms.update(_with_digits(single))
        self._stretched = {_DOUBLED.sub(r"\1", word): word for word in self._forms}
        self._phrases = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, phrases)) or '(?!)'})(?!\w)")
        begins = {phrase: tuple(_TOKEN.findall(phrase)[:2]) for phrase in phrases}
        self._begins = {begin for begin in begins.values() if len(begin) == 2}
        self._signed = [phrase for phrase, begin in begins.items() if len(begin) == 1]
        self._has_mask = lru_cache(maxsize=4096)(lambda run: any(self._masked_in(run, [run])))
        self._lookup = Lookup(np.unique(hash_of_words(self._forms)))
        pairs = [hash_of_pair(" ".join(begin)) for begin in self._begins]
        self._pairs = Lookup(np.unique(np.concatenate([*pairs, np.empty(0, np.uint64)])))

    def suspected(self, words: Words) -> NDArray[np.int64]:
        """Return the texts of a batch that may swear, so that only these are read."""
        places, _ = self._lookup.found(words.hashes)
        paired, _ = self._pairs.found(words.pairs)
        lone = words.lone
        spelled = np.flatnonzero(lone[:-3] & lone[1:-2] & lone[2:-1] & lone[3:]) if len(lone) > 3 else places[:0]
        texts = np.searchsorted(words.starts, np.concatenate([places, paired, spelled]), side="right") - 1
        masked = [text for text, run in words.masks if self._has_mask(run)]
        return np.unique(np.concatenate([texts, np.flatnonzero(words.stretched), np.array(masked, np.int64)]))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where a text swears, as it is written there."""
        lower = text.lower()
        if len(lower) != len(text):  # a letter whose lower case is two
            lower = "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)
        tokens = _TOKEN.findall(lower)
        found: set[tuple[int, int]] = set()
        if not self._forms.isdisjoint(tokens) or _is_stretched(lower):
            found = {match.span() for match in _TOKEN.finditer(lower) if self._is_one(match.group())}
        signed = any(phrase in lower for phrase in self._signed)
        if signed or not self._begins.isdisjoint(itertools.pairwise(tokens)):
            found.update(match.span() for match in self._phrases.finditer(lower))
        if runs := [run for run in lower.split() if "@" in run or "$" in run or "!" in run or "*" in run]:
            found.update(self._masked_in(lower, runs))
        if [*map(len, tokens)].count(1) > 3:
            found.update(match.span() for match in _SPACED.finditer(lower) if re.sub(r"[ .-]", "", match.group()) in self.words)
        return sorted(found)

    def _masked_in(self, lower: str, runs: list[str]) -> Iterator[tuple[int, int]]:
        at = 0
        for run in runs:
            at = lower.index(run, at)
            for match in _MASKED.finditer(lower, at, at + len(run)):
                if self._is_masked(match.group().translate(_DISGUISED), match.group()):
                    yield match.span()
            at += len(run)

    def _is_one(self, word: str) -> bool:
        """Return whether a word is a swear word, with a letter drawn out or not."""
        return word in self._forms or (_THRICE.search(word) is not None and _DOUBLED.sub(r"\1", word) in self._stretched)

    def _is_masked(self, plain: str, seen: str) -> bool:
        """Return whether a word with signs in it is a swear word with signs for letters. "f**k" has one for each letter."""
        if not any(letter.isalpha() for letter in seen) or len(seen) < 3 or (seen[1:-1].isalnum() and seen[0].isalpha()):
            return False
        if self._is_one(plain):
            return True
        if "*" not in seen or seen.strip("*") != seen or len(seen) > 14:
            return False
        return any(_fits(plain, word) for word in _OFTEN_MASKED & self.words)


_OFTEN_MASKED = frozenset("fuck fucking fucker fucked shit shitty bitch cunt asshole bullshit nigger faggot".split())


def _fits(masked: str, word: str) -> bool:
    return len(masked) == len(word) and all(one in ("*", other) for one, other in zip(masked, word, strict=True))


def _is_stretched(lower: str) -> bool:
    """Return whether a letter comes three times in a row."""
    return any(triple in lower for triple in _TRIPLES) if lower.isascii() else _THRICE.search(lower) is not None


def profanity_findings(pair: DataPair, swearing: SwearWords) -> Iterator[Finding]:
    """Find swear words: a warning for each field, with where they are."""
    for field, text in texts_of(pair):
        if found := swearing.spans(text):
            shown = ", ".join(sorted({text[start:end].lower() for start, end in found})[:5])
            spans = [{"kind": "profanity", "start": start, "end": end} for start, end in found]
            yield Finding("profanity", "warning", f"swears: {shown}", field, spans)


@cache
def _ordinary() -> frozenset[str]:
    """Return the entries of the list that are no swear words by themselves. Words of one entry are written with "_" above."""
    return frozenset(entry.replace("_", " ") for entry in _ENTRIES.split())


def _with_digits(words: list[str]) -> Iterator[str]:
    """Yield each word with digits for one, two or all of the letters that have one."""
    for word in words:
        places = [place for place, letter in enumerate(word) if letter in _LETTERS]
        chosen = [[one] for one in places] + [[one, other] for one in places for other in places if one < other] + [places]
        for some in chosen:
            yield "".join(_LETTERS[letter] if place in some else letter for place, letter in enumerate(word))


def _listed(name: str) -> set[str]:
    import json
    from importlib.resources import files

    try:
        text = (files("glin_profanity") / "data" / "dictionaries" / f"{name}.json").read_text(encoding="utf-8")
    except ModuleNotFoundError:
        raise MissingExtra('glin-profanity: not installed; pip install "dspy-programs[data]"') from None
    return {str(word).lower() for word in json.loads(text)["words"]}
