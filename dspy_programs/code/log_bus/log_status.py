"""What a bus has to tell about itself and its logs, as plain data: the commands and the status server show the same."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dspy_programs.code.log_bus.bus import Bus, Container
from dspy_programs.logs import Kind
from dspy_programs.text import quantity

_ALIVE = 60.0  # seconds since an `up` was last seen
_MOST_POINTS = 20
_LONGEST_POINT = 300  # characters
_MAP_TOKENS = 1_000


def log_figures(bus: Bus) -> dict[str, Any]:
    """Return what was read and kept, by log, and who follows."""
    up = bus.storage.get("up")
    logs = {
        one.name: {
            "bytes_read": one.bytes_read,
            "events": one.counts,
            "kept_entries": one.entries,
            "kept_bytes": one.bytes,
            "dropped_entries": one.dropped,
        }
        for one in bus.containers()
    }
    return {"storage": bus.storage.place, "up": {**up, "alive": is_alive(up)} if up else None, "containers": logs}


def is_alive(up: dict[str, Any]) -> bool:
    """Return whether what follows has not ended, and was seen lately."""
    try:
        return bool(up["runs"]) and abs((datetime.now(UTC) - datetime.fromisoformat(up["seen"])).total_seconds()) < _ALIVE
    except (KeyError, TypeError, ValueError):
        return False


def log_containers(bus: Bus) -> dict[str, Any]:
    """Return the key points of each log. plan: none, because no model is asked."""
    known = bus.containers()
    return {"names": [one.name for one in known], "containers": {one.name: _container(bus, one) for one in known}}


def _container(bus: Bus, one: Container) -> dict[str, Any]:
    kinds = bus.kinds(one.name)
    points = [f"{kind.severity} {quantity(kind.count, 'time')} {kind.at}: {_point(kind)}" for kind in kinds[:_MOST_POINTS]]
    last = max((kind.last for kind in kinds), default="") or None
    return {"summary": summary_of(one.counts, kinds), "key_points": points, "plan": None, "ts": last}


def _point(kind: Kind) -> str:
    """Return what a kind says in a line: of a Python trace also its end."""
    first, last = kind.lines[0].strip(), kind.lines[-1].strip()
    is_trace = any(line.lstrip().startswith("Traceback ") for line in kind.lines)
    return (f"{first} -> {last}" if is_trace and last != first else first)[:_LONGEST_POINT]


def summary_of(counts: Mapping[str, int], kinds: Sequence[Kind]) -> str:
    """Return what went wrong, in a line. counts: of events, by severity; kinds: of them, the worst first."""
    if not counts:
        return "nothing went wrong"
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    worst = f"; the worst: {_point(kinds[0])}" if kinds else ""
    return f"{told}{worst}"


def code_summary(workspace: Path) -> dict[str, Any]:
    """Return what the index of a folder has: figures, and a map of what its code uses most."""
    from dspy_programs.code.index.index import Index
    from dspy_programs.code.kept_files import index_file
    from dspy_programs.code.overview.repo_map import map_of

    folder = workspace.resolve()
    if not index_file(folder).exists():
        return {"workspace": str(folder), "indexed": False, "next": f"dspy-programs code index {folder}"}
    index = Index(folder)
    try:
        rows = index.database.rows(
            "SELECT language, count(*) AS files, sum(lines) AS lines FROM files WHERE why = '' GROUP BY 1 ORDER BY 3 DESC"
        )
        languages = {row["language"] or "text": {"files": row["files"], "lines": row["lines"]} for row in rows}
        return {"workspace": str(folder), "indexed": True, "languages": languages, "summary": map_of(index, _MAP_TOKENS).text}
    finally:
        index.close()


def log_prometheus(told: dict[str, Any]) -> str:
    """Return log_figures() in Prometheus's text format, version 0.0.4."""
    lines: list[str] = []
    for key, kind, metric, says in (
        ("bytes_read", "counter", "log_bytes_read_total", "Bytes of a log that were read."),
        ("kept_entries", "gauge", "log_entries_kept", "Entries of events that are kept."),
        ("kept_bytes", "gauge", "log_bytes_kept", "Their size."),
        ("dropped_entries", "counter", "log_entries_dropped_total", "Entries that made room for newer ones."),
    ):
        lines += [f"# HELP {metric} {says}", f"# TYPE {metric} {kind}"]
        lines += [f"{metric}{{container={_label(name)}}} {one[key]}" for name, one in told["containers"].items()]
    lines += ["# HELP log_events_total Events of a log.", "# TYPE log_events_total counter"]
    for name, one in told["containers"].items():
        for severity, count in one["events"].items():
            lines.append(f"log_events_total{{container={_label(name)},severity={_label(severity)}}} {count}")
    alive = int(bool(told["up"] and told["up"]["alive"]))
    lines += ["# HELP log_up Whether logs are followed now.", "# TYPE log_up gauge", f"log_up {alive}"]
    return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    escaped = " ".join(text.split()).replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'
