"""Keys, tokens and passwords are taken out of lines before they are kept or shown.

What `data validate` knows as a secret, what the environment has as one, and, stricter than both because a log can spare it,
whatever is assigned to a name of one: password=, --token, a cookie, `curl -u`.
"""

from collections.abc import Sequence

from dspy_programs.logs import without_assigned

_SEPARATOR = "\n"


def redacted_lines(lines: Sequence[str]) -> list[str]:
    """Return lines with the kind of each secret in its place: [AWS_KEY]; keys that the environment has become [key]."""
    from dspy_programs.lm import without_keys
    from dspy_programs.secret_values import secrets_in

    text = _SEPARATOR.join(lines)
    for secret in reversed(secrets_in(text)):
        text = f"{text[: secret.start]}[{secret.kind.upper()}]{text[secret.end :]}"
    return without_keys(without_assigned(text)).split(_SEPARATOR)
