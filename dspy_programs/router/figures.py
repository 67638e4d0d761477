"""What the router has done so far, as JSON and in Prometheus's text format.

Guarantees the latency of an answer from the cache is not mixed with those of models; a failure counts once per request.
"""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

_WINDOW = 100  # latest answers


class Figures:
    """Counts requests. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._usage: Counter[str] = Counter()
        self._asked: deque[float] = deque(maxlen=_WINDOW)
        self._cached: deque[float] = deque(maxlen=_WINDOW)

    def answered(self, model: str, ms: float, cached: bool, attempts: int = 1) -> None:
        with self._lock:
            self._counts["total"] += 1
            self._counts["cached"] += cached
            self._counts["fallback"] += attempts > 1
            self._usage[model] += 1
            (self._cached if cached else self._asked).append(ms)

    def failed(self) -> None:
        with self._lock:
            self._counts["total"] += 1
            self._counts["failed"] += 1

    def shown(self) -> dict[str, Any]:
        with self._lock:
            asked, cached = sorted(self._asked), sorted(self._cached)
            total, hits = self._counts["total"], self._counts["cached"]
            return {
                "timestamp": time.time(),
                "total_requests": total,
                "cached_requests": hits,
                "hit_rate": round(hits / total, 4) if total else None,
                "fallback_requests": self._counts["fallback"],
                "errors_count": self._counts["failed"],
                "avg_latency_ms": _mean(asked),
                "p95_latency_ms": quantile(asked, 0.95),
                "p99_latency_ms": quantile(asked, 0.99),
                "cached_avg_latency_ms": _mean(cached),
                "model_usage": dict(self._usage),
            }


def prometheus(told: dict[str, Any]) -> str:
    """Return the figures in Prometheus's text format, version 0.0.4."""
    lines: list[str] = []
    for name, kind, says in (
        ("total_requests", "counter", "Requests."),
        ("cached_requests", "counter", "Requests answered from the cache."),
        ("fallback_requests", "counter", "Requests that another model than the best, or a second try, answered."),
        ("errors_count", "counter", "Requests without an answer."),
        ("avg_latency_ms", "gauge", "Mean latency of the last 100 answers of models, in milliseconds."),
        ("p95_latency_ms", "gauge", "95th percentile of the same."),
        ("p99_latency_ms", "gauge", "99th percentile of the same."),
        ("spent_usd_today", "gauge", "Money spent since midnight UTC."),
    ):
        if (value := told.get(name)) is not None:
            metric = f"router_{name}" + ("_total" if kind == "counter" and not name.startswith("total") else "")
            lines += [f"# HELP {metric} {says}", f"# TYPE {metric} {kind}", f"{metric} {value}"]
    lines += ["# HELP router_model_usage_total Answers of a model.", "# TYPE router_model_usage_total counter"]
    lines += [f"router_model_usage_total{{model={_quoted(name)}}} {count}" for name, count in told["model_usage"].items()]
    lines += ["# HELP router_model_latency_ms Latency to expect of a model.", "# TYPE router_model_latency_ms gauge"]
    for name, model in told["model_latencies"].items():
        lines.append(f"router_model_latency_ms{{model={_quoted(name)}}} {model['expected_latency_ms']}")
    lines += ["# HELP router_model_available Whether a model's circuit is closed.", "# TYPE router_model_available gauge"]
    for name, model in told["model_latencies"].items():
        lines.append(f"router_model_available{{model={_quoted(name)}}} {int(model['circuit'] == 'closed')}")
    return "\n".join(lines) + "\n"


def _quoted(label: str) -> str:
    escaped = label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 3) if values else None


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the least of the values that at least this share of them does not exceed (the nearest rank), None of none."""
    return round(ordered[max(1, math.ceil(share * len(ordered))) - 1], 3) if ordered else None
