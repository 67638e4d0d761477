"""Every error this library raises deliberately. Commands turn each into one line and exit code 2.

* ProgramsError
  + UsageError            a flag, a name or a file that cannot be used as given
  + DatasetError          a data file or a row in it
  + LanguageModelError    a language model that is unavailable or does not answer
    - UnknownModel        a `local/` name that is not in the catalogue
    - MissingExtra        a package from an optional extra is not installed
    - WeightsError        weights that cannot be downloaded, stored or trusted
    - NotKept             a prompt that llama.cpp did not keep on the disk
    - ModelFailing        a model that keeps failing while a run depends on it
    - ModelLost           a thread that cannot see the model chosen in another thread
  + RunError              a run directory
    - RunLocked           another process is using it
    - RunMismatch         it belongs to another program, data set, metric, model, seed or version
    - RunInterrupted      stopped by a signal before there was a result
    - BudgetSpent         a limit in tokens, money or minutes was reached; what was found so far is kept
  + CompiledProgramError  a compiled program's JSON
    - CompiledMissing     no compiled program for this language model
    - CompiledMismatch    it was compiled for other fields, types or code
  + ToolError             what an agent's tool says when it could not do its work; the model reads it
  + JudgeNotTrusted       a judge meant as a gate is no better than chance, or was never compared with people
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class ProgramsError(Exception):
    """Base class. The message says what went wrong, where, and what to do next."""


class UsageError(ProgramsError):
    pass


class DatasetError(ProgramsError):
    pass


class LanguageModelError(ProgramsError):
    pass


class UnknownModel(LanguageModelError):
    pass


class MissingExtra(LanguageModelError):
    pass


class WeightsError(LanguageModelError):
    pass


class NotKept(LanguageModelError):
    pass


class ModelFailing(LanguageModelError):
    pass


class ModelLost(LanguageModelError):
    pass


class RunError(ProgramsError):
    pass


class RunLocked(RunError):
    pass


class RunMismatch(RunError):
    pass


class RunInterrupted(RunError):
    pass


class BudgetSpent(RunError):
    pass


class CompiledProgramError(ProgramsError):
    pass


class CompiledMissing(CompiledProgramError):
    pass


class CompiledMismatch(CompiledProgramError):
    pass


class ToolError(ProgramsError):
    pass


class JudgeNotTrusted(ProgramsError):
    pass


def first_fault(error: "ValidationError", whole: str) -> str:
    """Say in one line which field is wrong first, and how; `whole` names what was read if it is wrong as a whole.

    A key that nobody knows comes first: mistyped, it is why another is missing.
    """
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    fault = next((each for each in faults if each["type"] == "extra_forbidden"), faults[0])
    said = "unknown key" if fault["type"] == "extra_forbidden" else fault["msg"]
    said = said.replace("valid tuple", "valid list").replace("Tuple should", "List should")  # no file has tuples
    return f"{'.'.join(map(str, fault['loc'])) or whole}: {said}"
