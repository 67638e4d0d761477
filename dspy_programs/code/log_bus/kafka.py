"""Logs from Kafka: each partition of `logs.raw.NAME` is followed as a file is. Needs the kafka extra.

Input      a message is a line, or JSON with a "line".
Guarantees offsets are in the bus, with the events, so a message is counted once whatever is killed.
Raises     MissingExtra; UsageError if no broker answers.
"""

import json
import time
from typing import Any

from dspy_programs.code.log_bus.topics import topics_of
from dspy_programs.errors import MissingExtra, UsageError
from dspy_programs.logs import LONGEST, Event, EventReader, LogLine, plain

_SECONDS = 10.0  # for a broker to answer
_AT_ONCE = 1_000  # messages
_SETTLE = 2.0  # seconds without a message after which an event counts as finished


def kafka_client() -> Any:
    try:
        import confluent_kafka
    except ImportError:
        raise MissingExtra('Kafka needs an extra: pip install "dspy-programs[kafka]"') from None
    return confluent_kafka


def partitions_of(name: str, bootstrap: str, once: bool = False, seconds: float = _SECONDS) -> "list[FollowedPartition]":
    """Return the partitions of a log's raw topic. Raises UsageError: no broker answers within so many seconds, or has it."""
    kafka, topic = kafka_client(), topics_of(name).raw
    consumer = kafka.Consumer(_config(bootstrap))
    try:
        found = consumer.list_topics(topic, timeout=seconds).topics[topic]
    except kafka.KafkaException as error:
        raise UsageError(f"--bootstrap {bootstrap}: does not answer: {error.args[0].str()}") from None
    finally:
        consumer.close()
    if found.error is not None or not found.partitions:
        raise UsageError(f"{topic}: there is no such topic; `dspy-programs code stack topics {name}` shows how to make it")
    return [FollowedPartition(name, number, bootstrap, once) for number in sorted(found.partitions)]


def _config(bootstrap: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": bootstrap,
        "group.id": "dspy-programs",  # asked for, and not used: offsets are in the bus
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "log_level": 0,
    }


class FollowedPartition:
    """One partition of a topic. once: what is there now is all."""

    def __init__(self, name: str, partition: int, bootstrap: str, once: bool = False) -> None:
        self.name, self.partition, self.once, self.ended = name, partition, once, False
        self._last: int | None = None
        self.topic = topics_of(name).raw
        self.key = f"position:kafka:{self.topic}:{partition}"
        self.notes: list[str] = []
        self.has_more = False
        self.size = 0
        self._kafka = kafka_client()
        self._consumer = self._kafka.Consumer(_config(bootstrap))
        self._events, self._next, self._mark, self._grown = EventReader(), 0, 0, time.monotonic()
        self.restore(None)

    @property
    def position(self) -> Any:
        """The offset that is read next after a restart; None at the beginning."""
        return (self._mark if self._events.held is not None else self._next) or None

    def restore(self, position: Any) -> None:
        """Go on at an offset; without one at the first that there is."""
        begin = position if isinstance(position, int) else self._kafka.OFFSET_BEGINNING
        self._events, self._next = EventReader(), position or 0
        self._consumer.assign([self._kafka.TopicPartition(self.topic, self.partition, begin)])

    def read(self, most: int) -> list[Event]:
        """Return the events that the messages which are there complete."""
        found: list[Event] = []
        messages = self._consumer.consume(_AT_ONCE, 0.05)
        for message in messages:
            if message.error():
                self._note(str(message.error().str()))
            else:
                found += self._taken(message.offset(), message.value() or b"")
        self.has_more = bool(messages) or (self.once and self._next < self._end())
        self.ended = self.once and not self.has_more
        if messages:
            self._grown = time.monotonic()
        elif self._events.held is not None and time.monotonic() - self._grown >= _SETTLE:
            found += self._events.end()
        return found

    def _end(self) -> int:
        """Return the offset after the last message that was there at first; 0 if there was none."""
        if self._last is None:
            place = self._kafka.TopicPartition(self.topic, self.partition)
            low, high = self._consumer.get_watermark_offsets(place, timeout=_SECONDS)
            self._last = high if high > low else 0
        return self._last

    def _taken(self, offset: int, value: bytes) -> list[Event]:
        found: list[Event] = []
        self.size += len(value)
        lines = _text_of(value).split("\n")
        for text in lines:
            line = LogLine(f"{self.topic}[{self.partition}]", offset, plain(text[:LONGEST].rstrip("\r")))
            was = self._events.held
            found += self._events.take(line)
            if self._events.held is not None and (was is None or self._events.held.number != was.number):
                self._mark = offset
        self._next = offset + 1
        return found + list(self._events.end()) if len(lines) > 1 else found  # an offset is of a whole message

    def _note(self, note: str) -> None:
        note = f"{self.topic}[{self.partition}]: {note}"
        if note not in self.notes:
            self.notes.append(note)

    def end(self) -> list[Event]:
        return list(self._events.end())

    def close(self) -> None:
        self._consumer.close()


def _text_of(value: bytes) -> str:
    text = value.decode("utf-8", "replace").replace("\0", "").rstrip("\n")
    if text.startswith("{") and '"line"' in text:
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return str(row["line"]) if isinstance(row.get("line"), str) else text
    return text
