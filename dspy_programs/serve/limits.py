"""How large a request may be, and how much the server does in parallel: all limits in one place, so they agree.

Input      none; tests and the command pass another Limits.
Output     Limits; the bounds that the request models declare in their schemas.
"""

from dataclasses import dataclass

MAX_TRACES = 200  # in one batch
MAX_TURNS = 2_000  # of one trace, after reading
MAX_MESSAGES = 10_000  # of one memory
MAX_PARTS = 1_000  # of one message
MAX_SECTIONS = 40  # of one prompt
MAX_CRITERIA = 20  # of one rubric
MAX_EXAMPLES = 1_000  # of one prompt
MAX_PAIRS = 10_000  # to validate or to score
MAX_JUDGED = 500  # pairs, of which each is a call to the model
MAX_SEEDS = 100
MAX_ISSUES = 1_000  # that one report of pairs lists
MAX_TEXT = 100_000  # characters of one section, message or goal
MAX_TOKENS = 10_000_000  # a larger budget is no limit at all


@dataclass(frozen=True)
class Limits:
    """body_bytes: of a request; seconds: from its start to its answer.

    at_once: running operations that may ask the model, and as many others; waiting: queued ones of each kind.
    """

    body_bytes: int = 8 * 1024 * 1024
    call_bytes: int = 4 * 1024 * 1024  # of one call of A2A or MCP, which the SDKs read in the event loop
    seconds: float = 60.0
    at_once: int = 4
    processes: int = 2  # that do large work by the rules
    waiting: int = 256
    bytes_at_once: int = 256 * 1024 * 1024  # of the bodies of all requests
    seconds_for_head: float = 10.0  # for a request's head to arrive
    seconds_to_read: float = 20.0  # for a body to arrive
    seconds_to_write: float = 20.0  # in which a client must read at least 64 KB of its answer
    seconds_for_wrong_key: float = 5.0  # that its answer takes at most
    connections: int = 512  # at once; the one that waits for its client longest makes room for one more
    connections_of_one: int = 256  # of them from one address
    seconds_to_stop: float = 3.0  # for running work after SIGTERM
    task_bytes: int = 128 * 1024 * 1024  # of A2A tasks that have not ended, whether or not a request waits
    kept_bytes: int = 8 * 1024 * 1024  # of finished A2A tasks
    kept_tasks: int = 1_000  # of each key
    kept_seconds: float = 3_600.0
    calls_per_request: int | None = None  # to the model; None: no limit
    tokens_per_request: int | None = None
    calls_per_day: int | None = None  # of each key
    tokens_per_day: int | None = None
    sessions: int = 256  # of MCP over HTTP, each dropped when idle; one key has at most half
    idle_seconds: float = 600.0
