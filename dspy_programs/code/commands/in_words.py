"""A command whose first argument is a sentence: where it is not in quotes, one line says so."""

from typing import Any

from typer.core import TyperCommand

from dspy_programs.errors import UsageError


class InWords(TyperCommand):
    """Takes a sentence and a folder. Raises UsageError for more."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.allow_extra_args = True
        beyond = super().parse_args(ctx, args)
        if beyond and not ctx.resilient_parsing:
            from dspy_programs.text import printable

            raise UsageError(
                printable(f'too many words, from {beyond[0]} on: put them in quotes, {ctx.command_path} "ALL THE WORDS"')
            )
        return beyond
