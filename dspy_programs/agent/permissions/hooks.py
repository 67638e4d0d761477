"""What happens before and after each call: the policy, hooks of the caller, a question to the user, the audit log.

Order      before: arguments are copied, policy and hooks decide (the strictest counts; a hook's "allow" answers an "ask" but
           lifts no "deny"), a remembered answer or the user decides about "ask", the log tells it. After: hooks may replace
           the result, the log tells what came of it.
Guarantees "ask" with nobody there is deny; what is neither yes nor no is asked again, once; a hook that raises denies;
           nothing runs that the log could not tell of.
Raises     ToolError with the reason, for the model, where a call is not permitted.
"""

import copy
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from pydantic import JsonValue

from dspy_programs.agent.permissions.answers import Answers
from dspy_programs.agent.permissions.audit import AuditLog
from dspy_programs.agent.permissions.policy import STRICT, Decision, Policy
from dspy_programs.agent.tools.tool import AgentTool
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.errors import ToolError

Before = Callable[[AgentTool, Mapping[str, JsonValue], Workspace], Decision | None]
"""Returns a decision, or None to leave it to others."""
After = Callable[[AgentTool, Mapping[str, JsonValue], JsonValue], JsonValue]
"""Returns the result that the model will see."""
_LONGEST = 600  # characters of a question
_SAID = 40  # characters of an answer that is shown again
_YES, _NO = ("y", "yes", "a", "always", "j", "ja"), ("n", "no", "never", "nein")
_CHOICES = "yes / no / always / never"


class Caller(Protocol):
    """The part of a Scope that is needed here."""

    @property
    def workspace(self) -> Workspace: ...
    @property
    def ask(self) -> Callable[[str], str | None]: ...


class Guard:
    """Stands around every call."""

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        audit: AuditLog | None = None,
        answers: Answers | None = None,
        before: Sequence[Before] = (),
        after: Sequence[After] = (),
    ) -> None:
        self.policy = policy or Policy()
        self._closed = self.policy.closed()
        self._audit = audit or AuditLog()
        self._answers = answers or Answers()
        self._before, self._after = before, after

    def before(self, tool: AgentTool, arguments: Mapping[str, JsonValue], scope: Caller) -> Decision:
        """Decide about a call, asking if need be. Raises ToolError if it is not permitted."""
        given = copy.deepcopy(dict(arguments))
        scope.workspace.closed = self._closed
        decision = self._decision(tool, given, scope.workspace)
        told, by = decision.verdict, "policy"
        if told == "ask":
            decision, by = self._asked(tool, given, scope, decision)
        self._audit.write(kind="call", tool=tool.name, arguments=given, **decision._asdict(), by=by)
        if decision.verdict != "allow":
            raise ToolError(f"not permitted: {decision.reason}")
        return decision

    def after(self, tool: AgentTool, arguments: Mapping[str, JsonValue], result: JsonValue) -> JsonValue:
        """Tell of a call that succeeded; return its result as the model may see it."""
        for hook in self._after:
            result = hook(tool, arguments, result)
        self._audit.write(kind="result", tool=tool.name, result=result)
        return result

    def failed(self, tool: AgentTool, error: BaseException) -> None:
        """Tell of a call that did not succeed."""
        self._audit.write(kind="error", tool=tool.name, error=f"{type(error).__name__}: {error}")

    def call(self, tool: AgentTool, arguments: dict[str, JsonValue], scope: "Caller") -> JsonValue:
        """Make a call with all that belongs around it. Raises ToolError."""
        self.before(tool, arguments, scope)
        try:
            result = tool.call(scope, arguments)  # type: ignore[arg-type]
        except Exception as error:
            self.failed(tool, error)
            raise
        return self.after(tool, arguments, result)

    @staticmethod
    def takes(question: str, answer: str) -> bool:
        """Return whether an answer can be used: where a call is asked about, a yes or a no."""
        return not question.endswith(_CHOICES) or _is_clear(answer)

    def _decision(self, tool: AgentTool, arguments: dict[str, JsonValue], workspace: Workspace) -> Decision:
        decision = self.policy.decide(tool, arguments, workspace)
        for hook in self._before:
            try:
                told = hook(tool, copy.deepcopy(arguments), workspace)
            except Exception as error:  # whatever it was to check is unchecked
                return Decision("deny", f"a hook failed ({type(error).__name__})", "hook")
            if told and (
                STRICT[told.verdict] > STRICT[decision.verdict] or (told.verdict, decision.verdict) == ("allow", "ask")
            ):
                decision = told
        return decision

    def _asked(
        self, tool: AgentTool, arguments: dict[str, JsonValue], scope: Caller, decision: Decision
    ) -> tuple[Decision, str]:
        folder = scope.workspace.root
        kept = self._answers.about(tool.name, arguments, folder)
        if kept:
            return Decision(kept, "the user said so before", decision.rule), "remembered answer"
        question = _question(tool, arguments, decision.reason)
        answer = scope.ask(question)
        if answer is not None and not _is_clear(answer):  # a slip must not decide
            answer = scope.ask(f"{answer.strip()[:_SAID]!r} is neither yes nor no. {question}")
        if answer is None:
            why = f"{decision.reason}, and nobody is there to be asked; a rule of the user's policy may allow it"
            return Decision("deny", why, decision.rule), "nobody"
        word = answer.strip().casefold()
        if word in _YES:
            if word in ("a", "always"):
                self._answers.keep(tool.name, arguments, folder, "allow")
            return Decision("allow", "the user allowed it", decision.rule), "user"
        if word == "never":
            self._answers.keep(tool.name, arguments, folder, "deny")
        said = "" if word in ("", *_NO) else f": {answer.strip()[:_LONGEST]}"
        return Decision("deny", f"the user said no{said}", decision.rule), "user"


def _is_clear(answer: str) -> bool:
    """Return whether an answer is a yes or a no; a no may go on ("no, use the other file"), and nothing is a no."""
    word = answer.strip().casefold()
    return word in ("", *_YES) or re.split(r"\W", word)[0] in _NO


def _question(tool: AgentTool, arguments: Mapping[str, JsonValue], reason: str) -> str:
    """Ask so that a person sees what would happen; control characters, which could hide it, are shown as such."""
    told = ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in arguments.items())
    shown = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in f"{tool.name}({told})")
    cut = shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST // 2]} [...] {shown[-_LONGEST // 2 :]}"
    return f"May I call {cut}? Reason to ask: {reason}. {_CHOICES}"
