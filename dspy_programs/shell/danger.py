"""What is dangerous in a shell command: data lost for good, other rights, code from the network, disks, rights for everyone.

Found by reading the command, not by looking for words: `echo "sudo"` is harmless; `rm -r -f x`, `/bin/rm -fr x`,
`sh -c 'rm -rf x'`, `$(rm -rf x)`, an alias and `xargs rm -rf` are not.

Input      a command line as text.
Output     why it is dangerous, in a few words; "" if nothing in it is known to be.
Guarantees never raises; what cannot be read is dangerous, and said to be unread.
Limits     a script that a command runs is not opened.
Source     the list of dspy-code: rm -rf, git reset --hard, mkfs, :> /, dd if=, sudo, curl, | sh, | bash, chmod -R 777 /,
           chown -R /; and what does the same.
"""

import ast
import re
from collections.abc import Sequence

from dspy_programs.shell.command_line import Command, read_command_line
from dspy_programs.shell.consequences import seen_in
from dspy_programs.shell.expansions import VALUE, without_expansions
from dspy_programs.shell.losses import LOSSES, is_outside
from dspy_programs.shell.programs import INTERPRETERS, RUNNERS, SHELLS

_DEEPEST = 8  # commands inside commands
_LONGEST = 20_000  # characters
_RIGHTS = frozenset("sudo doas su pkexec".split())
_FETCHES = frozenset("curl wget iwr invoke-webrequest".split())
_DISKS = frozenset("mkfs wipefs fdisk mkswap shred srm wipe".split())
_STOPS = frozenset("shutdown reboot halt poweroff".split())
_PASSES_ON = frozenset(
    "docker podman kubectl ssh watch parallel flock npx uv uvx poetry pipenv hatch nix-shell script builtin trap fd strace "
    "ltrace unshare chroot chronic xvfb-run caffeinate cmd powershell".split()
)
"""Programs that run the command at the end of their arguments."""
_TOLD_BY_NAME = frozenset([*LOSSES, *SHELLS, *_RIGHTS, *_FETCHES, *_DISKS, "eval"])
_DEEDS = re.compile(
    r"\b(?:rmtree|system|popen|subprocess|remove|unlink|rmdir|eval|exec\w*|spawn\w*|__import__|rmSync|rm(?:_r?f)?)\b"
)


_PRELOADS = re.compile(r"(?:LD_PRELOAD|BASH_ENV)\+?=.")
_RUN_FROM = re.compile(r"(?:\w*EDITOR|\w*PAGER|VISUAL|BROWSER|GIT_\w*(?:COMMAND|ASKPASS)|PROMPT_COMMAND)\+?=")
"""Variables that name a command which a program runs."""


def danger_of(text: str) -> str:
    """See the top of the file."""
    return _danger_of(text, 0)


def _danger_of(text: str, depth: int) -> str:
    if depth > _DEEPEST or len(text) > _LONGEST:
        return "it is too long to be read"
    plain, inner = without_expansions(text)
    line = read_command_line(plain)
    if why := next(filter(None, (_danger_of(each, depth + 1) for each in inner)), ""):
        return why
    if line.unread:
        return f"it cannot be read: {line.unread}"
    if target := next((each for each in line.writes if is_outside(each)), ""):
        return f"it overwrites {target}"
    commands = [seen.command for command in line.commands for seen in seen_in(command)]
    return next(filter(None, (_danger_in(command, depth) for command in commands)), "")


def _danger_in(command: Command, depth: int) -> str:
    if not command.words:
        return ""
    first, words = command.words[0], command.words[1:]
    if why := _of_variables([*command.assigned, *words] if first in ("env", "export") else command.assigned, depth):
        return why
    if first != "[" and (VALUE in first or any(sign in first for sign in "*?[~")):
        return "which program it runs is not written in it"
    name = _name_of(command)
    if name in _RIGHTS:
        return f"it runs with other rights ({name})"
    if name in _FETCHES:
        return f"it fetches from the network ({name})"
    if name.partition(".")[0] in _DISKS:
        return f"it overwrites a disk or a file for good ({name})"
    if name in _STOPS:
        return f"it stops the machine ({name})"
    if name in SHELLS or name in ("eval", "alias", "iex", "invoke-expression"):
        return _of_shell(name, command, depth)
    if INTERPRETERS.match(name):
        return _of_interpreter(command)
    if name in RUNNERS and "unread" in next(seen_in(command)).consequences and not _sets_variables_only(words):
        return f"what {name} runs cannot be read"
    if name in ("find", "xargs") and any(_name_of(each.command) in ("rm", "unlink") for each in seen_in(command)):
        return "it deletes what it finds"
    if (name in _PASSES_ON or (name == "git" and {"foreach", "bisect", "--exec", "-x"} & {*words})) and (
        why := _of_what_it_passes_on(words, depth)
    ):
        return why
    found = LOSSES.get(name)
    return found(words) if found else ""


def _name_of(command: Command) -> str:
    return command.words[0].rpartition("/")[2].casefold() if command.words else ""


def _of_variables(assigned: Sequence[str], depth: int) -> str:
    if hidden := next((each for each in assigned if _PRELOADS.match(each)), ""):
        return f"{hidden.partition('=')[0]} runs other code in the program"
    named = (each.partition("=")[2] for each in assigned if _RUN_FROM.match(each))
    return next(filter(None, (_danger_of(each, depth + 1) for each in named)), "")


def _sets_variables_only(words: Sequence[str]) -> bool:
    """Return whether `env` is given variables and a program, no option that hides one; and the same of the like."""
    return all(not word.startswith("-") for word in words if "=" in word or word.startswith("-"))


def _of_shell(name: str, command: Command, depth: int) -> str:
    words = command.words[1:]
    if name == "eval":
        return _danger_of(" ".join(words), depth + 1)
    if name == "alias":
        return next(filter(None, (_danger_of(word.partition("=")[2], depth + 1) for word in words)), "")
    if name in ("iex", "invoke-expression"):
        return "it runs a text as code"
    for index, word in enumerate(words):
        if index and re.fullmatch(r"[-+][A-Za-z]*[oO]", words[index - 1]):
            continue  # the name of a setting
        if re.fullmatch(r"-[A-Za-z]*c|-[Cc]ommand", word):
            return _danger_of(words[index + 1], depth + 1) if index + 1 < len(words) else ""
        if not word.startswith(("-", "+")):
            return f"{name} runs what is piped to it" if word.startswith("/dev/") else ""
    return f"{name} runs what is piped to it" if command.fed else ""


def _of_interpreter(command: Command) -> str:
    name, words = command.words[0], command.words[1:]
    for index, word in enumerate(words):
        if word == "-m" or not word.startswith("-"):
            return ""
        if re.fullmatch(r"-[A-Za-z]*[cepE]|--eval|--print" + "|-r" * name.startswith("php"), word) and index + 1 < len(words):
            return _of_code(words[index + 1], name)
        if word == "-":
            break
    return f"{name} runs what is piped to it" if command.fed else ""


def _of_code(code: str, name: str) -> str:
    """Doubt code that names what deletes or runs; a text in it is not a name."""
    names = set(_DEEDS.findall(code))
    if name.startswith("python") and names:
        try:
            tree = ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return "its code cannot be read"
        said = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        said |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        said |= {each.name for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)) for each in node.names}
        names &= said
    return f"its code uses {min(names)}" if names else ""


def _of_what_it_passes_on(words: Sequence[str], depth: int) -> str:
    for index, word in enumerate(words):
        if " " in word:
            if why := _danger_of(word, depth + 1):
                return why
        elif (name := word.rpartition("/")[2].casefold()) in LOSSES or name in SHELLS | _RIGHTS | _FETCHES | _DISKS | {"eval"}:
            if why := _danger_in(Command(tuple(words[index:])), depth + 1):
                return why
    return ""
