"""Keys, tokens and passwords are taken out of lines before they are kept or shown."""

from collections.abc import Sequence

_SEPARATOR = "\n"


def without_secrets(lines: Sequence[str]) -> list[str]:
    """Return lines with the kind of each secret in its place: [AWS_KEY]; keys that the environment has become [key]."""
    from dspy_programs.data.checks import secrets_in
    from dspy_programs.lm import without_keys

    text = _SEPARATOR.join(lines)
    for secret in reversed(secrets_in(text)):
        text = f"{text[: secret.start]}[{secret.kind.upper()}]{text[secret.end :]}"
    return without_keys(text).split(_SEPARATOR)
