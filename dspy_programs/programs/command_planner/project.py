"""What the context of a task says about a project: its files, the targets of its tools, which tools are known, the system.

Input      a text. Lines such as `make: test lint`, `npm: dev test`, `tox: py311 lint`, `tools: ruff pytest`, `os: linux` are
           read as lists; a name of a file or a tool counts wherever it stands.
Output     Project.
Guarantees linear in the text.
"""

import re
from functools import cached_property

_LIST = re.compile(
    r"^\W*(files|make|makefile|npm|scripts|tox|nox|just|tools|os|system|packages|branch|name)\b[^:\n]{0,30}:\s*(.*)$",
    re.M | re.I,
)
_WORD = re.compile(r"[\w@./+:-]+")
_ALSO = {"makefile": "make", "scripts": "npm", "system": "os", "packages": "tools"}
_TOOLS = frozenset(
    "pytest unittest ruff flake8 pylint black isort mypy pyright basedpyright pre-commit tox nox hatch poetry uv pdm "
    "pipenv coverage "
    "eslint prettier biome jest vitest tsc golangci-lint clippy rubocop rspec docker django flask sphinx mkdocs "
    "zensical twine".split()
)


class Project:
    """The context, read."""

    def __init__(self, context: str) -> None:
        self.text = context
        self.lists: dict[str, list[str]] = {}
        for name, told in _LIST.findall(context):
            key = _ALSO.get(name.lower(), name.lower())
            self.lists.setdefault(key, []).extend(word.strip(".,;:") for word in _WORD.findall(told))
        self.words = {word.strip(".,;:").rstrip("/") for word in _WORD.findall(context)}
        self.tools = {word.lower() for word in self.words} & _TOOLS | {tool.lower() for tool in self.lists.get("tools", [])}

    def has(self, *names: str) -> bool:
        """Return whether one of these files or folders is there."""
        return any(name in self.words or any(word.endswith(f"/{name}") for word in self.words) for name in names)

    def target(self, tool: str, *names: str) -> str:
        """Return the first of these targets that a tool has: of make, npm, tox; "" for none."""
        held = self.lists.get(tool, [])
        longer = (each for name in names for each in held if each.startswith((f"{name}:", f"{name}-")))
        return next((name for name in names if name in held), next(longer, ""))

    @property
    def windows(self) -> bool:
        return any(word.lower().startswith("win") for word in self.lists.get("os", []))

    @cached_property
    def kinds(self) -> list[str]:
        """The toolchains, the most telling first."""
        found = [kind for kind, names in _KINDS.items() if self.has(*names)]
        found += [
            kind for kind, word in _SPOKEN.items() if kind not in found and re.search(rf"\b{word}\b", self.text, re.IGNORECASE)
        ]
        return found or (["python"] if self.paths(".py") else [])

    def paths(self, suffix: str) -> list[str]:
        return sorted(word for word in self.words if word.endswith(suffix))


_KINDS = {
    "python": tuple("pyproject.toml setup.py setup.cfg requirements.txt tox.ini manage.py Pipfile noxfile.py".split()),
    "node": ("package.json",),
    "rust": ("Cargo.toml",),
    "go": ("go.mod",),
    "maven": ("pom.xml",),
    "gradle": ("build.gradle", "build.gradle.kts", "gradlew"),
    "cmake": ("CMakeLists.txt",),
    "ruby": ("Gemfile",),
    "compose": tuple("docker-compose.yml docker-compose.yaml compose.yaml compose.yml".split()),
    "docker": ("Dockerfile",),
}
_SPOKEN = {"python": "python", "node": "(?:node|npm|typescript|javascript)", "rust": "(?:rust|cargo)", "go": "golang"}
