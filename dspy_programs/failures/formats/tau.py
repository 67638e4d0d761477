"""Runs of tau-bench (records with their reward) and tau2-bench (simulations, with the tools and the policy of their domain).

The goal is what the user said first: the agent never saw the user's own instruction. A simulation that was stopped from
outside and has no reward is no run that can be judged.

Source     github.com/sierra-research/tau-bench (historical_trajectories), tau2-bench (data model of simulations).
"""

from typing import Any

from dspy_programs.conversation import Message, as_dict, error_text, first_text, keys_of, kind_of, messages_of, text_id
from dspy_programs.errors import UsageError
from dspy_programs.failures.formats.offer import Offer
from dspy_programs.failures.formats.turns import trace_of
from dspy_programs.types import Trace

_WHOLE = 1 - 1e-6  # a reward is a product of floats, and 0.9999999999 a full one
_ENDED = ("user_stop", "agent_stop")


def is_tau(raw: Any) -> bool:
    return isinstance(raw, dict) and (isinstance(raw.get("traj"), list) or _is_simulation(raw))


def _is_simulation(raw: dict[str, Any]) -> bool:
    return isinstance(raw.get("messages"), list) and "reward_info" in raw and "task_id" in raw


def read_tau(raw: Any, info: Any = None) -> Trace:
    """Read a record. `info` is what tau2 says of all its simulations. Raises UsageError for one without a run."""
    if not is_tau(raw):
        seen = (
            f"traj: is missing; the record has the keys {keys_of(raw)}"
            if isinstance(raw, dict)
            else f"is {kind_of(raw)}, no record"
        )
        raise UsageError(seen)
    key = "traj" if isinstance(raw.get("traj"), list) else "messages"
    own, rewarded, world = (
        as_dict(raw.get("info")),
        as_dict(raw.get("reward_info")),
        as_dict(as_dict(info).get("environment_info")),
    )
    reward, ended = raw.get("reward", rewarded.get("reward")), raw.get("termination_reason")
    stopped = ended if isinstance(ended, str) and ended not in _ENDED else None
    if key == "messages" and reward is None and stopped:
        raise UsageError(f"reward_info: is null; the simulation {text_id(raw, 'id') or ''} was stopped ({stopped})")
    error = error_text(own.get("error")) or stopped
    if not raw[key] and not error:
        raise UsageError(f"{key}: is empty; there is no run to read")
    messages = messages_of(raw[key], key)
    policy = first_text(world, "policy")
    if policy and not any(message.role == "system" for message in messages):
        messages.insert(0, Message("system", policy))
    task, trial = text_id(raw, "task_id"), text_id(raw, "trial")
    return trace_of(
        messages,
        trace_id=f"{task or ''}" + (f"/{trial}" if trial else ""),
        is_successful=reward >= _WHOLE if isinstance(reward, (int, float)) else None,
        error=error,
        offer=Offer(own.get("tools"), raw.get("tools"), world.get("tool_defs")),
    )
