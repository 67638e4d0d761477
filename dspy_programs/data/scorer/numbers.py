"""Texts as numbers, of which a million take 8 MB."""

import hashlib


def number_of(text: str) -> int:
    """Return 64 bits that stand for a text, in lower case and with single spaces; 0 for one without a letter."""
    plain = " ".join(text.lower().split())
    return int.from_bytes(hashlib.blake2b(plain.encode("utf-8", "replace"), digest_size=8).digest()) if plain else 0
