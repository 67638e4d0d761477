"""Logs from Kafka: each partition of `logs.raw.NAME` is followed as a file is. Needs the kafka extra.

Input      a message is a line, or JSON with a "line".
Guarantees offsets are in the bus, with the events, so a message is counted once whatever is killed.
Raises     MissingExtra; UsageError if no broker answers, or one refuses; also if what is there is to be read to its end, and a
           broker that has answered falls silent.
"""

import contextlib
import json
import time
from collections.abc import Iterator
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


@contextlib.contextmanager
def kafka_errors(where: str) -> Iterator[None]:
    """Raise UsageError for what Kafka's client raises."""
    kafka = kafka_client()
    try:
        yield
    except kafka.KafkaException as error:
        why = error.args[0]
        raise UsageError(f"{where}: {' '.join(str(why.str() if isinstance(why, kafka.KafkaError) else why).split())}") from None


def partitions_of(name: str, bootstrap: str, once: bool = False, seconds: float = _SECONDS) -> "list[FollowedPartition]":
    """Return the partitions of a log's raw topic. Raises UsageError: no broker answers within so many seconds, or has it."""
    kafka, topic = kafka_client(), topics_of(name).raw
    with kafka_errors(f"--bootstrap {bootstrap}: does not answer"):
        consumer = kafka.Consumer(_config(bootstrap))
        try:
            found = consumer.list_topics(topic, timeout=seconds).topics[topic]
        finally:
            consumer.close()
    if found.error is not None or not found.partitions:
        raise UsageError(f"{topic}: there is no such topic; `dspy-programs code stack topics {name}` shows how to make it")
    return [FollowedPartition(name, number, bootstrap, once) for number in sorted(found.partitions)]


def _config(bootstrap: str, once: bool = False) -> dict[str, Any]:
    return {
        "bootstrap.servers": bootstrap,
        "group.id": "dspy-programs",  # asked for, and not used: offsets are in the bus
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "enable.partition.eof": once,
        "log_level": 0,
    }


class FollowedPartition:
    """One partition of a topic.

    once: what is there now is all; kafka: the client, by default confluent_kafka; seconds: for a broker to answer.
    """

    def __init__(
        self, name: str, partition: int, bootstrap: str, once: bool = False, kafka: Any = None, seconds: float = _SECONDS
    ) -> None:
        self.name, self.partition, self.once, self.ended = name, partition, once, False
        self._last: int | None = None
        self.topic = topics_of(name).raw
        self.key = f"position:kafka:{self.topic}:{partition}"
        self.notes: list[str] = []
        self.has_more = False
        self.size = 0
        self._kafka, self._seconds = kafka or kafka_client(), seconds
        self._consumer = self._kafka.Consumer(_config(bootstrap, once))
        self._events, self._next, self._mark, self._grown = EventReader(), 0, 0, time.monotonic()
        self._silent = 0.0  # since when no message has come
        self.restore(None)

    @property
    def position(self) -> Any:
        """The offset that is read next after a restart; None at the beginning."""
        return (self._mark if self._events.held is not None else self._next) or None

    def restore(self, position: Any) -> None:
        """Go on at an offset; without one at the first that there is."""
        self.ended = False
        begin = position if isinstance(position, int) else self._kafka.OFFSET_BEGINNING
        self._events, self._next = EventReader(), position or 0
        self._consumer.assign([self._kafka.TopicPartition(self.topic, self.partition, begin)])

    def read(self, most: int) -> list[Event]:
        """Return the events that the messages which are there complete."""
        found: list[Event] = []
        with kafka_errors(f"{self.topic}[{self.partition}]: cannot be read"):
            messages = self._consumer.consume(_AT_ONCE, 0.05)
            # Markers of transactions and what was compacted have offsets and are no messages: only Kafka knows the end.
            at_end = any(_is_end(self._kafka, message) for message in messages)
            self.ended = self.once and (at_end or (not messages and self._next >= self._end()))
        if self.once:
            self._require_answer(bool(messages))
        for message in messages:
            if message.error() is None:
                found += self._taken(message.offset(), message.value() or b"")
            elif not _is_end(self._kafka, message):
                self._note(str(message.error().str()))
        self.has_more = not self.ended if self.once else bool(messages)
        if messages:
            self._grown = time.monotonic()
        elif self._events.held is not None and time.monotonic() - self._grown >= _SETTLE:
            found += self._events.end()
        return found

    def _require_answer(self, has_answered: bool) -> None:
        """Raise UsageError if nothing has come for long, and the end is not reached: there is more, and the broker is gone."""
        now = time.monotonic()
        self._silent = 0.0 if has_answered or self.ended else self._silent or now
        if self._silent and now - self._silent > self._seconds:
            said = f"the broker has not answered for {self._seconds:g} s; what was read is kept"
            raise UsageError(f"{self.topic}[{self.partition}]: {said}; the same command goes on where it ended")

    def _end(self) -> int:
        """Return the offset after the last message that was there at first; 0 if there was none."""
        if self._last is None:
            place = self._kafka.TopicPartition(self.topic, self.partition)
            low, high = self._consumer.get_watermark_offsets(place, timeout=self._seconds)
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


def _is_end(kafka: Any, message: Any) -> bool:
    return bool(message.error() is not None and message.error().code() == kafka.KafkaError._PARTITION_EOF)


def _text_of(value: bytes) -> str:
    text = value.decode("utf-8", "replace").replace("\0", "").rstrip("\n")
    if text.startswith("{") and '"line"' in text:
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return str(row["line"]) if isinstance(row.get("line"), str) else text
    return text
