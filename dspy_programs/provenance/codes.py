"""Codes that anybody knows: countries, currencies, languages, states of the USA, airports, tickers, time zones."""

import re
from collections.abc import Callable, Mapping

from pydantic import JsonValue

_COUNTRIES = frozenset(
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD "
    "CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF "
    "GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN "
    "KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA "
    "NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI "
    "SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UK UM US USA GBR DEU FRA "
    "UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW".split()
)
_CURRENCIES = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY "
    "COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR "
    "IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR "
    "MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD "
    "SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF "
    "XPF YER ZAR ZMW BTC ETH".split()
)
_STATES = frozenset(
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC "
    "SD TN TX UT VT VA WA WV WI WY DC".split()
)
_LANGUAGE = re.compile(r"[a-z]{2}(?:[-_][A-Za-z]{2,4})?")
_UPPER_3 = re.compile(r"[A-Z]{3}")
_TICKER = re.compile(r"[A-Z]{1,5}(?:[.-][A-Z]{1,2})?(?:[/-][A-Z]{3,4})?")
_ZONE = re.compile(r"[A-Z][A-Za-z]{1,14}/[A-Z][A-Za-z_/]{1,29}|UTC|GMT|Z")
_ASKED: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
    (re.compile(r"currenc|iso.?4217|\bfrom$|\bto$"), lambda text: text.upper() in _CURRENCIES),
    (re.compile(r"countr|nation|iso.?3166"), lambda text: text.upper() in _COUNTRIES),
    (re.compile(r"state|province|location|city|address"), lambda text: text.upper() in _STATES),
    (re.compile(r"lang|locale|iso.?639"), lambda text: _LANGUAGE.fullmatch(text) is not None),
    (re.compile(r"iata|airport|origin|destination|departure|arrival"), lambda text: _UPPER_3.fullmatch(text) is not None),
    (re.compile(r"ticker|symbol|stock"), lambda text: _TICKER.fullmatch(text) is not None),
    (re.compile(r"time_?\s?zone|\btz\b"), lambda text: _ZONE.fullmatch(text) is not None),
)
_LONGEST_CODE = 40  # characters


def is_known_code(text: str, schema: Mapping[str, JsonValue], name: str) -> bool:
    """Return whether a value is a code of the kind that its argument's name or description asks for."""
    if not 1 <= len(text) <= _LONGEST_CODE:
        return False
    asked = f"{str(schema.get('description', ''))[:300]} {name[-60:]}".lower()
    return any(fits(text) for pattern, fits in _ASKED if pattern.search(asked))
