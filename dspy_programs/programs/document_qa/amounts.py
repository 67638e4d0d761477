"""How a text writes a number: bare, with its unit, or with its currency.

Guarantees linear in the text: a number is tried at its first digit only, and its length is bounded.
"""

import re

_DIGITS = r"(?<![\d.,])(?:\d{1,3}(?:[ \u00a0\u202f]\d{3}(?![\d.,]?\d)){1,4}|\d[\d,.]{0,40}\d|\b\d(?!\w))"
_IN_WORDS = r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b"
_ONE = rf"(?:{_DIGITS}|{_IN_WORDS})"
_PERCENT = r"\s?(?:%|percent\b|per cent\b)"
_SCALE = rf"(?:{_PERCENT}|\s(?:hundred|thousand|million|billion|trillion)\b)"
_SHORT_SCALE = rf"(?:{_SCALE}|\s?(?:bn|mn|[kmbKMB])\b)"
_TO = r"\s?(?:to|[-–])\s?"
_FROM = rf"(?:between {_ONE} and |{_ONE}{_TO})?"

_CODE = r"(?:USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|BRL|ZAR)"
_BEFORE = rf"(?:(?:US|A|C|NZ|HK)?[$€£¥₹]|\b{_CODE})\s?"
_COIN = (
    r"(?:(?:US|Australian|Canadian|Swiss|Norwegian|Swedish|Danish|British) )?"
    r"(?:(?i:dollars?|euros?|pounds?|yen|yuan|rupees?|francs?|marks?|pesos?|kron(?:or|er|e|a)|zlotys?|cents?|pence)\b"
    rf"|{_CODE}\b|[$€£¥₹])"
)

_TIME = r"(?:milli)?seconds?|minutes?|hours?|days?|weeks?|months?|years?|decades?|centur(?:y|ies)"
_LENGTH = (
    r"(?:nautical |light[- ])?(?:milli|centi|kilo)?met(?:er|re)s?|(?:nautical )?miles?|[ckm]?m|mi|feet|foot|ft|inch(?:es)?|"
    r"yards?"
)
_MASS = r"(?:metric )?(?:tons?|tonnes?)|(?:kilo|milli)?grams?|[km]?g|pounds|lbs?|ounces"
_OTHER = (
    rf"(?:square |cubic |sq )(?:{_LENGTH})|acres?|hectares?|lit(?:er|re)s?|gallons?|km/h|mph|knots|degrees?|°\s?[CF]|"
    r"(?:kilo|mega)?watts?|[kmgt]wh?|volts?|[kmgt]b|points?|times"
)


def _in(units: str) -> re.Pattern[str]:
    """Numbers with one of these units, which may follow a scale."""
    return re.compile(rf"{_FROM}{_ONE}{_SCALE}?[\s-]?(?i:{units})(?![\w/])")


NUMBER = re.compile(rf"{_ONE}{_SCALE}?")
SHARE = re.compile(rf"{_FROM}{_ONE}{_PERCENT}")
LENGTH, MASS, LENGTH_OR_TIME = _in(_LENGTH), _in(_MASS), _in(f"{_LENGTH}|{_TIME}")
MEASURE = re.compile(rf"{_in('|'.join((_OTHER, _TIME, _LENGTH, _MASS))).pattern}|{_FROM}{_ONE}{_SCALE}")
MONEY = re.compile(
    rf"{_BEFORE}{_ONE}{_SHORT_SCALE}?(?:{_TO}(?:{_BEFORE})?{_ONE}{_SHORT_SCALE}?)?|{_FROM}{_ONE}{_SCALE}?[\s-]?{_COIN}"
)
