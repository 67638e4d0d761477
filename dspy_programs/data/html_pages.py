"""What pages of data share: all that comes from the data is escaped, nothing is loaded from elsewhere, no script runs."""

import hashlib
from base64 import b64encode
from importlib.resources import files

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dspy_programs import __version__
from dspy_programs.text import printable


def environment(package: str, more_style: str = "", *more: str) -> Environment:
    """Return the templates of a package, of `more` packages, and those that all share (charts.html).

    With them come the style of all pages, `more_style` after it, and the digest by which the pages' policy allows it.
    """
    shared = files("dspy_programs.data") / "templates"
    folders = [*(str(files(each) / "templates") for each in (package, *more)), str(shared)]
    made = Environment(
        loader=FileSystemLoader(folders), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = (shared / "style.css").read_text(encoding="utf-8") + more_style
    made.globals["style"] = Markup(style)
    made.globals["style_hash"] = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    made.globals["version"] = __version__
    made.filters["plain"] = printable
    return made
