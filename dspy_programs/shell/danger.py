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

import re
from collections.abc import Sequence

from dspy_programs.shell.command_line import Command, read_command_line
from dspy_programs.shell.consequences import seen_in
from dspy_programs.shell.effects import Consequence
from dspy_programs.shell.expansions import VALUE, without_expansions
from dspy_programs.shell.inline_code import danger_of_code
from dspy_programs.shell.losses import (
    DATABASES,
    LOSSES,
    deletes_in_database,
    has_secrets,
    is_outside,
    is_scratch,
    overwritten_in_place,
)
from dspy_programs.shell.programs import INTERPRETERS, RUNNERS, SHELLS

_DEEPEST = 8  # commands inside commands
_MOST_RUN = 12  # programs that run programs
_LONGEST = 20_000  # characters
_MOST_WORDS = 200  # that may be a command for another program
_RIGHTS = frozenset("sudo doas su pkexec".split())
_FETCHES = frozenset(
    "curl wget wget2 aria2c axel http https xh iwr irm invoke-webrequest invoke-restmethod start-bitstransfer bitsadmin".split()
)
_DISKS = frozenset(
    "mkfs wipefs fdisk sfdisk cfdisk gdisk sgdisk parted mkswap shred srm wipe blkdiscard badblocks cryptsetup lvremove "
    "vgremove pvremove pvcreate mdadm diskpart".split()
)
_LISTS = frozenset("-l --list -L print --print -p --version --help -h --detail --examine --query status luksDump".split())
_SENDS = frozenset("nc ncat netcat socat mail sendmail telnet".split())
_STOPS = frozenset("shutdown reboot halt poweroff init telinit".split())
_PASSES_ON = frozenset(
    "docker podman kubectl ssh watch parallel flock npx uv uvx poetry pipenv hatch nix-shell script builtin trap fd strace "
    "ltrace unshare chroot chronic xvfb-run caffeinate cmd powershell tmux screen hyperfine entr concurrently nodemon".split()
)
"""Programs that run the command at the end of their arguments, or an argument that is a command."""
_ONLY_NAMES = frozenset(
    "echo printf grep egrep fgrep rg ag ack git which type whatis whereis man info help tldr apropos fd fdfind ls cat test [ "
    "apt apt-get brew dnf yum apk pacman pip pip3 npm yarn pnpm cargo gem go make".split()
)
"""Programs to which the name of another program is but a word; all others may run what stands in their arguments."""
_PRELOADS = re.compile(
    r"(?:LD_PRELOAD|LD_AUDIT|DYLD_INSERT_LIBRARIES|BASH_ENV|PYTHONSTARTUP|PERL5OPT|RUBYOPT|PERL5DB)\+?=."
    r"|NODE_OPTIONS\+?=.*(?:-r|--require|--import)\b"
)
_RUN_FROM = re.compile(r"(?:\w*EDITOR|\w*PAGER|VISUAL|BROWSER|GIT_\w*(?:COMMAND|ASKPASS|DIFF|PAGER)|PROMPT_COMMAND)\+?=")
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
    if line.emptied and (target := next((each for each in line.emptied if not is_scratch(each)), "")):
        return f"it empties {target}"
    seen = [list(seen_in(command)) for command in line.commands]
    if any(len(each) > _MOST_RUN for each in seen):
        return "it is too long to be read"
    commands = [each.command for some in seen for each in some]
    read = [*line.reads, *(word for command in commands for word in command.words[1:])]
    if has_secrets(read) and any(_name_of(command) in _SENDS for command in commands):
        return "it sends keys or passwords away"
    if any(_name_of(command) in DATABASES and command.fed for command in commands) and (
        why := deletes_in_database("\n".join(command.text for command in commands))
    ):
        return why
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
    if name.partition(".")[0] in _DISKS and not _LISTS & {*words}:
        return f"it overwrites a disk or a file for good ({name})"
    if name in ("at", "batch") and command.fed:
        return f"{name} runs what is piped to it"
    if name in _STOPS:
        return f"it stops the machine ({name})"
    if name in ("source", "."):
        return f"{name} runs what is computed or piped to it" if words and words[0].startswith("/dev/") else ""
    if name in SHELLS or name in ("eval", "alias", "iex", "invoke-expression"):
        return _of_shell(name, command, depth)
    if INTERPRETERS.match(name):
        return _of_interpreter(command)
    hidden = name in RUNNERS and "unread" in _own_consequences(command)
    if hidden and not _sets_variables_only(words) and not (name == "xargs" and _feeds_files(command)):
        return f"what {name} runs cannot be read"
    if name in ("find", "xargs") and any(_name_of(each.command) in ("rm", "unlink") for each in seen_in(command)):
        return "it deletes what it finds"
    if (name in _PASSES_ON or (name == "git" and {"foreach", "bisect", "--exec", "-x"} & {*words})) and (
        why := _of_what_it_passes_on(words, depth)
    ):
        return why
    if found := LOSSES.get(name):
        return found(words)
    return "" if name in _ONLY_NAMES | _PASSES_ON else _of_words_after(words)


def _own_consequences(command: Command) -> frozenset[Consequence]:
    """Return what a command does itself, beside the commands that it runs."""
    return next(seen.consequences for seen in seen_in(command) if seen.command is command or seen.command == command)


def _feeds_files(command: Command) -> bool:
    """Return whether xargs gives but files to a program, which does not run or delete them."""
    inner = next((seen.command for seen in seen_in(command) if seen.command.words != command.words), None)
    if inner is None or not inner.words:
        return False
    name = _name_of(inner)
    if INTERPRETERS.match(name):
        return any(word in ("-m", "-c", "-e", "-n", "-ne", "-pe", "-i") or not word.startswith("-") for word in inner.words[1:])
    if name == "git":
        return inner.words[1:2] in (("add",), ("diff",), ("log",), ("blame",), ("show",), ("grep",))
    return name not in {
        *SHELLS,
        *RUNNERS,
        *_RIGHTS,
        *_FETCHES,
        *_PASSES_ON,
        "eval",
        "find",
        "source",
        ".",
        "awk",
        "make",
        "kill",
    }


def _of_words_after(words: Sequence[str]) -> str:
    """Doubt a program that is not known and has a command in its arguments which loses data: `taskset 1 rm -rf x`."""
    for index, word in enumerate(words[:_MOST_WORDS]):
        name = word.rpartition("/")[2].casefold()
        if name in ("rm", "dd", "chmod", "chown", "git", "truncate") and (
            why := LOSSES[name](words[index + 1 : index + 1 + _MOST_WORDS])
        ):
            return why
    return ""


def _name_of(command: Command) -> str:
    return command.words[0].rpartition("/")[2].casefold().removesuffix(".exe") if command.words else ""


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
    name, words = _name_of(command), command.words[1:]
    if name.startswith(("perl", "ruby")) and (target := overwritten_in_place(words)):
        return f"it overwrites {target}"
    for index, word in enumerate(words):
        if word == "eval" and name == "deno" and index + 1 < len(words):
            return danger_of_code(words[index + 1], name)
        if word == "-m" or not word.startswith("-"):
            is_database = word.endswith("manage.py") and {"flush", "reset_db", "sqlflush"} & {*words[index + 1 : index + 2]}
            return "it deletes what is in the database" if is_database else ""
        if re.fullmatch(r"-[A-Za-z]*[cepE]|--eval|--print" + "|-r" * name.startswith("php"), word) and index + 1 < len(words):
            return danger_of_code(words[index + 1], name)
        if word == "-":
            break
    return f"{name} runs what is piped to it" if command.fed else ""


def _of_what_it_passes_on(words: Sequence[str], depth: int) -> str:
    if len(words) > _MOST_WORDS:
        return "it is too long to be read"
    for index, word in enumerate(words):
        if " " in word:
            if why := _danger_of(word, depth + 1):
                return why
        elif (name := word.rpartition("/")[2].casefold()) in LOSSES or name in SHELLS | _RIGHTS | _FETCHES | _DISKS | {"eval"}:
            if why := _danger_in(Command(tuple(words[index:])), depth + 1):
                return why
    return ""
