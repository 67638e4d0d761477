"""dspy-programs chat: the agent as a conversation.

    /goal TEXT   work on a goal          /plan TEXT   show a plan, do nothing
    /quit /exit  end                     other text   is answered

Output     what happens, line by line, as it happens; the answers to other text as they are written, where the model streams.
Guarantees the conversation is in the session, shortened by the memory when it is long; with prompt-toolkit there are history
           and completion, without it plain input. The end of the input is /quit; Ctrl-C stops the goal, not the chat.
Raises     nothing if a model does not answer: the chat says so and goes on.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import dspy
from dspy import lm15
from dspy.utils.exceptions import LMError

from dspy_programs.agent.agent import Agent
from dspy_programs.agent.planning.ledger import Ledger
from dspy_programs.agent.result import AgentResult
from dspy_programs.agent.sessions import Session
from dspy_programs.errors import ProgramsError
from dspy_programs.lm import running_on
from dspy_programs.memory import compress_session
from dspy_programs.text import printable
from dspy_programs.tokens import counter_for
from dspy_programs.types import Turn

COMMANDS = ("/goal", "/plan", "/quit", "/exit", "/help")
HELP = "/goal TEXT works on a goal, /plan TEXT shows a plan, /quit ends; anything else is answered"
_TALK = "chat"  # the task under which the session keeps what was said
_BUDGET = 2000  # tokens of the conversation that the model is sent
_LONGEST_ANSWER = 400  # tokens
_SYSTEM = "You are a helpful assistant. Answer briefly. To work on files, the user types /goal and what to do."

NewAgent = Callable[[Session], Agent]


class Chat:
    """One conversation. agent_for: makes the agent of a goal, with a session of its own."""

    def __init__(
        self,
        lm: dspy.LM | None,
        session: Session,
        new_session: Callable[[str], Session],
        agent_for: NewAgent,
        write: Callable[[str], object],
    ) -> None:
        self.lm, self.session, self.new_session, self.agent_for, self.write = lm, session, new_session, agent_for, write

    def talk(self, lines: Iterable[str]) -> None:
        """Read what the user types until the end, /quit or /exit."""
        for line in lines:
            word, _, rest = line.strip().partition(" ")
            if word in ("/quit", "/exit"):
                return
            with self._told():
                self._answer(word, rest.strip(), line.strip())

    def _answer(self, word: str, rest: str, line: str) -> None:
        if not line:
            return
        if word == "/goal" and rest:
            self.write(_summary(self._work(rest)))
        elif word == "/plan" and rest:
            self.write(Ledger(self.agent_for(self.session).plan(rest)).to_markdown())  # a plan needs no session of its own
        elif word.startswith("/"):
            self.write(f"{HELP}\n")
        else:
            self._reply(line)

    def _work(self, goal: str) -> AgentResult:
        session = self.new_session(goal)
        agent = self.agent_for(session)
        try:
            result = agent.run(goal)
        except KeyboardInterrupt:
            self.write(f"stopped; to go on: dspy-programs run --resume {session.id}\n")
            raise
        finally:
            session.close()
        self._keep("user", f"/goal {goal}")
        self._keep("agent", _summary(result))
        return result

    def _reply(self, text: str) -> None:
        """Answer, piece by piece as the model writes."""
        if self.lm is None:
            self.write(f"There is no model to talk to; {HELP}\n")
            return
        self._keep("user", text)
        messages, _ = compress_session(self._messages(), _BUDGET, counter=counter_for(self.lm))
        said = ""
        with running_on(self.lm):
            for piece in _streamed(self.lm, messages):
                said += piece
                self.write(printable(piece))
        self.write("\n")
        self._keep("agent", said)

    def _messages(self) -> list[dict[str, Any]]:
        turns = self.session.turns(_TALK)
        said = [{"role": "assistant" if turn.role == "agent" else "user", "content": turn.content} for turn in turns]
        return [{"role": "system", "content": _SYSTEM}, *said]

    def _keep(self, role: str, content: str) -> None:
        self.session.say(_TALK, Turn.model_validate({"turn_number": 0, "role": role, "content": content}))

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Tell an error instead of ending the conversation."""
        try:
            yield
        except KeyboardInterrupt:
            self.write("\n")
        except (ProgramsError, LMError, lm15.LM15Error) as error:
            self.write(f"error: {printable(str(error).splitlines()[0])}\n")


def _summary(result: AgentResult) -> str:
    head = {"completed": "done", "unverified": f"perhaps done: {result.why}"}.get(result.outcome, f"not done: {result.why}")
    said = f"\n{result.answer}" if result.answer and result.outcome != "failed" else ""
    files = f"\nwritten: {', '.join(result.artefacts)}" if result.artefacts else ""
    return printable(f"{Ledger(result.tasks).to_markdown()}{head}{said}{files}\n")


def _streamed(lm: dspy.LM, messages: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the pieces of an answer: as they are written by models that stream, else the whole."""
    system = "\n\n".join(str(each["content"]) for each in messages if each["role"] == "system")
    said = [(lm15.Message.assistant if each["role"] == "assistant" else lm15.Message.user, each) for each in messages]
    request = lm15.Request(
        model=lm.model,
        system=system,
        messages=tuple(make(str(each["content"])) for make, each in said if each["role"] != "system"),
        config=lm15.Config(max_tokens=lm.kwargs.get("max_tokens") or _LONGEST_ANSWER, temperature=lm.kwargs.get("temperature")),
    )
    for event in lm.engine.stream(request):
        if event.type == "delta" and event.delta.type == "text":
            yield event.delta.text
