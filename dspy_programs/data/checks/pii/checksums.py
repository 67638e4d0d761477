"""The check digits of numbers that identify somebody or an account. Each function takes digits (and letters) only.

Source     ISO/IEC 7812 (cards, Luhn), ISO 13616 (IBAN, with its registry of lengths), ISO 7064 (MOD 11-2), Verhoeff (1969), and
           the rules that the offices of each country publish.
"""

IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21,
    "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24,
    "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29,
    "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24,
    "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip


def is_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """Return whether digits have an issuer's beginning, its length and the check digit."""
    two, four = int(digits[:2]), int(digits[:4])
    lengths: tuple[int, ...] = ()
    if digits[0] == "4":
        lengths = (13, 16, 19)
    elif 51 <= two <= 55 or 2221 <= four <= 2720:
        lengths = (16,)
    elif two in (34, 37):
        lengths = (15,)
    elif four == 6011 or two == 65 or 644 <= int(digits[:3]) <= 649:
        lengths = (16, 19)
    elif 3528 <= four <= 3589:
        lengths = (16,)
    elif two in (36, 38, 39) or 300 <= int(digits[:3]) <= 305:
        lengths = (14, 16)
    elif two == 62:
        lengths = (16, 17, 18, 19)
    elif two in (50, 56, 57, 58, 63, 67):
        lengths = (16, 18, 19)
    return len(digits) in lengths and len(set(digits)) > 1 and is_luhn(digits)


def is_iban(text: str) -> bool:
    if len(text) != IBAN_LENGTHS.get(text[:2], 0) or not text[2:4].isdigit():
        return False
    return int("".join(str(int(letter, 36)) for letter in text[4:] + text[:4])) % 97 == 1


def is_ssn(digits: str) -> bool:
    """Return whether the United States would give out this number."""
    area, group, serial = int(digits[:3]), int(digits[3:5]), int(digits[5:])
    return area not in (0, 666) and area < 900 and group > 0 and serial > 0 and len(set(digits)) > 1


def is_nino(text: str) -> bool:
    """The United Kingdom's insurance number; it has no check digit, but letters that are not used."""
    return text[0] not in "DFIQUV" and text[1] not in "DFIOQUV" and text[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def is_dni(text: str) -> bool:
    """Spain's DNI and NIE."""
    number = text[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[-1]


def is_codice_fiscale(text: str) -> bool:
    """Italy's tax code."""
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
    values = [int(letter) if letter.isdigit() else ord(letter) - 65 for letter in text[:15]]
    return chr(65 + sum(odd[v] if place % 2 == 0 else v for place, v in enumerate(values)) % 26) == text[15]


def is_nir(digits: str) -> bool:
    """France's social security number, 13 digits and 2 of check; Corsica's letters are not known here."""
    return (
        digits[0] in "12"
        and (1 <= int(digits[3:5]) <= 12 or 20 <= int(digits[3:5]) <= 42)
        and (97 - int(digits[:13]) % 97 == int(digits[13:]))
    )


def is_cpf(digits: str) -> bool:
    """Brazil's taxpayer number."""
    if len(set(digits)) == 1:
        return False
    for length in (9, 10):
        rest = sum(int(digit) * (length + 1 - place) for place, digit in enumerate(digits[:length])) * 10 % 11 % 10
        if rest != int(digits[length]):
            return False
    return True


def is_resident_id(text: str) -> bool:
    """China's resident identity number, 17 digits and a check character."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    if not ("18" <= text[6:8] <= "20" and "01" <= text[10:12] <= "12" and "01" <= text[12:14] <= "31"):
        return False
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(text, weights, strict=False)) % 11] == text[17]


def is_bsn(digits: str) -> bool:
    """The Netherlands' citizen number."""
    return sum(int(d) * w for d, w in zip(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True)) % 11 == 0 and int(digits) > 0


def is_pesel(digits: str) -> bool:
    """Poland's citizen number."""
    total = sum(int(d) * w for d, w in zip(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3), strict=False))
    return (10 - total % 10) % 10 == int(digits[10]) and 1 <= int(digits[2:4]) % 20 <= 12 and 1 <= int(digits[4:6]) <= 31


def is_german_tax_id(digits: str) -> bool:
    product = 10
    for digit in digits[:10]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return digits[0] != "0" and (11 - product) % 10 == int(digits[10])


def is_aadhaar(digits: str) -> bool:
    """India's identity number (Verhoeff: products in the dihedral group of order ten)."""
    check = 0
    permutation = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = permutation[value]
        check = _dihedral(check, value)
    return digits[0] not in "01" and check == 0


def _dihedral(a: int, b: int) -> int:
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b - 5) % 5
    return 5 + (a - 5 - b) % 5 if b < 5 else (a - b) % 5
