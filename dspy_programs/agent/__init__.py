"""The agent: plans, acts with tools in a workspace, checks, and reports.

from dspy_programs.agent import Agent

print(Agent(workspace="invoices", lm="local/qwen2.5-coder-1.5b").run("Read report.txt and write the total to answer.txt"))
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.agent.acting.actors import Persona
    from dspy_programs.agent.agent import Agent
    from dspy_programs.agent.config import AgentConfig as AgentConfig, read_config as read_config
    from dspy_programs.agent.configured import (
        agent_of as agent_of,
        bundled as bundled,
        checked_workspace as checked_workspace,
    )
    from dspy_programs.agent.limits import Cost, Limits
    from dspy_programs.agent.permissions.hooks import Guard
    from dspy_programs.agent.permissions.policy import Decision, Policy, Rule
    from dspy_programs.agent.planning.ledger import Ledger, LedgerTask
    from dspy_programs.agent.result import AgentResult, CheckedCriterion
    from dspy_programs.agent.sessions import Session, Sessions
    from dspy_programs.agent.telling.record import Event as Event
    from dspy_programs.agent.telling.show import asked_here as asked_here, printed as printed
    from dspy_programs.agent.tools.default import default_tools as default_tools
    from dspy_programs.agent.tools.tool import AgentTool, Scope, ToolError, tool
    from dspy_programs.agent.workspace.alone import run_alone as run_alone
    from dspy_programs.agent.workspace.putting import put_file as put_file, set_mode as set_mode
    from dspy_programs.agent.workspace.regular_files import is_leftover as is_leftover
    from dspy_programs.agent.workspace.snapshot import Snapshot as Snapshot
    from dspy_programs.agent.workspace.supervise import Finished as Finished
    from dspy_programs.agent.workspace.workspace import MOST_BYTES as MOST_BYTES, Workspace as Workspace

_HOMES = {
    "Agent": "agent",
    "AgentConfig": "config",
    "AgentResult": "result",
    "AgentTool": "tools.tool",
    "CheckedCriterion": "result",
    "Cost": "limits",
    "Decision": "permissions.policy",
    "Event": "telling.record",
    "Finished": "workspace.supervise",
    "Guard": "permissions.hooks",
    "Ledger": "planning.ledger",
    "LedgerTask": "planning.ledger",
    "Limits": "limits",
    "MOST_BYTES": "workspace.workspace",
    "Persona": "acting.actors",
    "Policy": "permissions.policy",
    "Rule": "permissions.policy",
    "Scope": "tools.tool",
    "Session": "sessions",
    "Sessions": "sessions",
    "Snapshot": "workspace.snapshot",
    "ToolError": "tools.tool",
    "Workspace": "workspace.workspace",
    "agent_of": "configured",
    "asked_here": "telling.show",
    "bundled": "configured",
    "checked_workspace": "configured",
    "default_tools": "tools.default",
    "is_leftover": "workspace.regular_files",
    "printed": "telling.show",
    "put_file": "workspace.putting",
    "read_config": "config",
    "run_alone": "workspace.alone",
    "set_mode": "workspace.putting",
    "tool": "tools.tool",
}
__all__ = [
    "Agent",
    "AgentResult",
    "AgentTool",
    "CheckedCriterion",
    "Cost",
    "Decision",
    "Guard",
    "Ledger",
    "LedgerTask",
    "Limits",
    "Persona",
    "Policy",
    "Rule",
    "Scope",
    "Session",
    "Sessions",
    "ToolError",
    "tool",
]

if not TYPE_CHECKING:  # a type checker reads the imports above, and refuses any other name
    __getattr__ = exports(__name__, _HOMES)
