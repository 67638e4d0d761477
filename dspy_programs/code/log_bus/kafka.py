"""Logs from Kafka, and what went wrong in them back to it. Needs the kafka extra.

FollowedPartition   a partition of `logs.raw.NAME`, as a log that is followed: a message is a line, or JSON with a "line".
Publisher           sends what a bus keeps to `logs.ctx.NAME`, and each log's key points to `agent.results.NAME`.
Guarantees          offsets are in the bus, with the events, so a line is counted once whatever is killed; what is published
                    comes at least once and in order.
Raises              MissingExtra; UsageError if no broker answers.
"""

import json
import time
from typing import Any

from dspy_programs.code.log_bus.bus import STREAM, Bus
from dspy_programs.code.log_bus.log_status import log_containers
from dspy_programs.code.log_bus.storage import Batch
from dspy_programs.code.log_bus.topics import EVENTS, RESULTS, topic_name, topics_of
from dspy_programs.errors import MissingExtra, UsageError
from dspy_programs.logs import LONGEST, Event, EventReader, LogLine, plain

_SECONDS = 10.0  # for a broker to answer
_AT_ONCE = 1_000  # messages
_SETTLE = 2.0  # seconds without a message after which an event counts as finished


def _client() -> Any:
    try:
        import confluent_kafka
    except ImportError:
        raise MissingExtra('Kafka needs an extra: pip install "dspy-programs[kafka]"') from None
    return confluent_kafka


def partitions_of(name: str, bootstrap: str, once: bool = False, seconds: float = _SECONDS) -> "list[FollowedPartition]":
    """Return the partitions of a log's raw topic. Raises UsageError if no broker answers in so many seconds, or has it."""
    kafka, topic = _client(), topics_of(name).raw
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
        self._kafka = _client()
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


class Publisher:
    """Sends what a bus keeps, and remembers in it what was sent."""

    def __init__(self, bus: Bus, bootstrap: str) -> None:
        self.bus, self.bootstrap = bus, bootstrap
        self._producer = _client().Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "log_level": 0})
        self._failed = ""

    def publish(self) -> int:
        """Send what has not been sent; return how many entries. Raises UsageError if they are not taken."""
        sent, storage = 0, self.bus.storage
        for stream in storage.streams():
            if not stream.name.startswith(STREAM):
                continue
            name, key = topic_name(stream.name.removeprefix(STREAM)), f"published:{stream.name}"
            while entries := storage.read(stream.name, after=(before := storage.get(key)) or 0, most=_AT_ONCE):
                for entry in entries:
                    self._produce(EVENTS, name, entry.value)
                self._flush()
                storage.write(Batch({key: before}, {key: entries[-1].offset}))
                sent += len(entries)
        if sent:
            for container, told in log_containers(self.bus)["containers"].items():
                self._produce(RESULTS, topic_name(container), told)
            self._flush()
        return sent

    def _produce(self, begins: str, name: str, value: Any) -> None:
        """Send a value. Its key is the log's name, so that all of a log are in one partition, and so in order."""
        data = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        while True:
            try:
                self._producer.produce(begins + name, data, key=name, on_delivery=self._delivered)
                return
            except BufferError:
                self._producer.poll(1.0)

    def _delivered(self, error: Any, message: Any) -> None:
        if error is not None:
            self._failed = str(error.str())

    def _flush(self) -> None:
        left, failed = self._producer.flush(_SECONDS), self._failed
        self._failed = ""
        if left or failed:
            why = failed or f"no answer within {_SECONDS:g} s"
            raise UsageError(
                f"KAFKA_BOOTSTRAP_SERVERS={self.bootstrap}: not published: {why}; what is kept is sent at the next start"
            )


def create_topics(name: str, bootstrap: str) -> list[str]:
    """Create the topics of a log; return those that are new. Raises UsageError."""
    kafka = _client()
    from confluent_kafka.admin import AdminClient, NewTopic

    admin, made = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}), []
    wanted = [NewTopic(topic, num_partitions=-1, replication_factor=-1) for topic in topics_of(name)]
    for topic, future in admin.create_topics(wanted, request_timeout=_SECONDS).items():
        try:
            future.result(2 * _SECONDS)
            made.append(topic)
        except kafka.KafkaException as error:
            if error.args[0].code() != kafka.KafkaError.TOPIC_ALREADY_EXISTS:
                raise UsageError(f"--bootstrap {bootstrap}: {topic} was not created: {error.args[0].str()}") from None
        except TimeoutError:
            raise UsageError(f"--bootstrap {bootstrap}: does not answer") from None
    return made
