"""The names of dspy-code: its commands and options, and what does their work here.

Output     an old command or option that is none here ends with one line that says what to use, and exit code 2. `emb_index` is
           also found as `emb-index`.
"""

from collections.abc import Sequence
from typing import Any

from typer.core import TyperGroup

from dspy_programs.errors import UsageError

LOGS = "{logs}"
"""Stands for the logs of a session."""

ALIASES: dict[str, tuple[str, ...]] = {
    "codectx": ("summary",),
    "ctx": ("context", "--logs", LOGS),
    "esearch": ("search",),
    "gadd": ("git", "add"),
    "gcommit": ("git", "commit"),
    "gdiff": ("git", "diff"),
    "glog": ("git", "log"),
    "gstatus": ("git", "status"),
    "ls": ("tree", "--depth", "1"),
}
"""What a session also knows as the beginning of a command."""

_TRAIN = "python -m optimizers.train_code --workspace FOLDER --module"
_COMPOSE = "docker compose -f docker/lightweight/docker-compose.yml"
_LM = "--lm PROVIDER/NAME, or export DSPY_PROGRAMS_LM"
ANSWERS: dict[str, str] = {
    "actions": "recorded runs become rows: python -m optimizers.harvest --traces DIR --out DIR",
    "ast-cache": "the index keeps what it has parsed: dspy-programs code index FOLDER",
    "chat": "dspy-programs chat --workspace FOLDER",
    "chunks-compact": "nothing to compact: dspy-programs code index FOLDER keeps each piece once",
    "codectx": "dspy-programs code summary PATH",
    "databackend": "--db FILE, reddb or none with `code up`, `last` and `status`; or export DB_BACKEND",
    "datasearch": "dspy-programs code last --match WORDS",
    "deploy-topics": "no deployment is published here; topics of a log: dspy-programs code stack topics NAME",
    "emb-index": "dspy-programs code index FOLDER --vectors",
    "emb-search": "dspy-programs code search QUESTION FOLDER --by meaning",
    "embeddings-inspect": "dspy-programs code search QUESTION FOLDER --json shows what is found, with scores",
    "esearch": "dspy-programs code search QUESTION FOLDER",
    "feedback": "label answers: dspy-programs data label; recorded runs: python -m optimizers.harvest",
    "files": "dspy-programs code tree FOLDER",
    "find-chunk": "dspy-programs code extract FOLDER --symbol NAME",
    "gepa-codegen": f"{_TRAIN} codegen --test-cmd COMMAND",
    "gepa-orchestrator": f"{_TRAIN} orchestrator",
    "gepa-train": f"{_TRAIN} context, task or code",
    "grpo": f"no weights are trained here, instructions and demonstrations are: {_TRAIN} task",
    "judge": "dspy-programs data judge; runs of agents: dspy-programs failures classify",
    "k8s-render": "dspy-programs code stack k8s --image IMAGE",
    "lightweight-build": f"{_COMPOSE} build, after dspy-programs code stack init",
    "lightweight-down": f"{_COMPOSE} down",
    "lightweight-init": "dspy-programs code stack init --workspace FOLDER --logs DIR",
    "lightweight-status": f"{_COMPOSE} ps; what is kept: dspy-programs code status",
    "lightweight-up": f"{_COMPOSE} up -d, after dspy-programs code stack init",
    "logs": "dspy-programs code watch LOG, or dspy-programs code last",
    "memory": "dspy-programs memory",
    "monitor": "a training run while it runs: python -m optimizers.show RUN",
    "neighbors": "dspy-programs code like FILE:LINE FOLDER; what uses what: dspy-programs code map FOLDER",
    "ollama": "name the model: --lm openai/NAME --api-base http://localhost:11434/v1, or export OLLAMA_MODEL=NAME",
    "provision": "no machines are hired here; several of your own: python -m optimizers.train --engine ray",
    "quickstart": "dspy-programs code start FOLDER",
    "reddb-mock": "no server is needed: --db none keeps events in memory, --db FILE in a file",
    "rl": f"no weights are trained here, instructions and demonstrations are: {_TRAIN} task",
    "spark": "dspy-programs code stack spark",
    "spark-script": "dspy-programs code stack spark --out FILE",
    "stream-topics": "dspy-programs code stack topics NAME",
    "stream-topics-create": "dspy-programs code stack topics NAME --bootstrap HOST:PORT --create",
    "sweep": "python -m optimizers.benchmark --module NAME",
    "teleprompt": f"{_TRAIN} task",
    "train": f"{_TRAIN} context, task, code, orchestrator or codegen",
    "workspace": "a folder is named with each command: dspy-programs code tree FOLDER",
    "write": "dspy-programs code extract FILE --symbol NAME --out PATH",
}
"""Old command -> what to use."""

OPTIONS: dict[str, str] = {
    "--api-key": "export DSPY_PROGRAMS_API_KEY",
    "--approval": "dspy-programs code edit shows the changes; only --apply writes them",
    "--base-url": "--api-base URL",
    "--device": "leave it out",
    "--file": "name the file without an option",
    "--flash": "leave it out",
    "--force-json": "export DSPY_FORCE_JSON_OBJECT=true",
    "--budget": "python -m optimizers.train_code --auto light, medium or heavy",
    "--embeddings": "dspy-programs code index FOLDER --vectors",
    "--files": "--file FILE, repeatable",
    "--hf": "leave it out",
    "--model": _LM,
    "--ollama": "--lm openai/NAME --api-base http://localhost:11434/v1, or export OLLAMA_MODEL=NAME",
    "--no-ollama": "leave it out",
    "--path": "name the file or folder without an option",
    "--pattern": "write the pattern without an option",
    "--persist": "leave it out: the index is kept",
    "--root": "name the folder without an option, at the end",
    "--smart": "leave it out: code is cut by its definitions",
    "--stream": "leave it out",
    "--structured": "leave it out: that is the default",
    "--train": "python -m optimizers.train_code --workspace FOLDER --module task",
    "--workspace": "name the folder without an option, at the end",
}
"""Old option -> what to use."""


class WithOldNames(TyperGroup):
    """A group of commands that answers the old names."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        if args and args[0] not in self.commands:
            name = args[0].replace("_", "-")
            if name not in self.commands and name in ANSWERS:
                raise UsageError(f"{args[0]} is the old name; use this: {ANSWERS[name]}")
            args = [name if name in self.commands else args[0], *args[1:]]
        name_found, command, left = super().resolve_command(ctx, args)
        if command is not None:
            known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
            _refuse_old_options(f"{self.name} {name_found}", left, known)
        return name_found, command, left

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands with their whole first sentence, which click would cut."""
        commands = [(name, self.commands[name]) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(200)) for name, each in commands if not each.hidden])


def _refuse_old_options(command: str, words: Sequence[str], known: set[str]) -> None:
    """Raise UsageError for an option that dspy-code has, and the command has not."""
    for word in words:
        if word == "--":
            return
        option = word.partition("=")[0]
        if option in OPTIONS and option not in known:
            raise UsageError(f"{option} is the old name of an option, which {command} has not; use this: {OPTIONS[option]}")
