"""What a prompt says letter by letter: placeholders, blanks, quotations and code."""

import re

_PLACEHOLDER = re.compile(
    r"\{\{-?\s*[A-Za-z_][^{}\n]{0,200}\}\}|\{\s*[A-Za-z_][\w. -]{0,60}(?:![rsa])?(?::[^\s{}]{1,12})?\}|<<\s*\w+\s*>>"
    r"|\$\{\w+\}|(?<!\w)\$[a-z_]{2,}\b|\[\[\w+\]\]|<[A-Z][A-Z_ ]+>|\[[A-Z][A-Z_ ]+\]|%\w+%"
)
TEMPLATE_TAG = re.compile(r"\{%[^{}]*%\}|\{\{[#/^!>&~][^{}]*\}\}")
"""Steers how a template is filled in: {% if x %}, {{#each xs}}. Without one of them the rest is broken."""
BLANK = re.compile(
    r"\[[A-Z][\w'’]*(?:,? [\w'’.-]+){0,5}\](?!\()|<<[^<>\n]{1,40}>>|_{4,}"
)  # to be filled in by the model: [Your Name]
QUOTED = re.compile(
    r"[\"“„«「『](?=\S)[^\"“”«»「」『』\n]{1,200}[\"”“»」』]|`[^`\n]{1,200}`|(?<!\w)[‘'](?=\S)[^'’\n]{2,100}['’](?!\w)"
)


def placeholders(text: str) -> frozenset[str]:
    """Return the placeholders that are filled in before the prompt is sent: {input}, {{ name }}, ${name}, <<name>>."""
    return frozenset(found.group() for found in _PLACEHOLDER.finditer(text))


def exact(text: str) -> frozenset[str]:
    """Return what must match letter by letter: quotations, code and placeholders."""
    blanks = {blank.group() for blank in BLANK.finditer(text)}
    return placeholders(text) | blanks | {quote.group() for quote in QUOTED.finditer(text)}
