"""What a bus keeps, to Kafka: kinds of events to `logs.ctx.NAME`, each log's key points to `agent.results.NAME`.

Guarantees it comes at least once, and in order for each log: what was sent is remembered in the bus. Needs the kafka extra.
Raises     MissingExtra; UsageError if no broker takes it.
"""

import json
from typing import Any

from dspy_programs.code.log_bus.bus import STREAM, Bus
from dspy_programs.code.log_bus.kafka import kafka_client, kafka_errors
from dspy_programs.code.log_bus.log_status import log_containers
from dspy_programs.code.log_bus.storage import Batch
from dspy_programs.code.log_bus.topics import EVENTS, RESULTS, topic_name, topics_of
from dspy_programs.errors import UsageError

_SECONDS = 10.0  # for a broker to answer
_AT_ONCE = 1_000  # messages


class Publisher:
    """Sends what a bus keeps, and remembers in it what was sent."""

    def __init__(self, bus: Bus, bootstrap: str) -> None:
        self.bus, self.bootstrap = bus, bootstrap
        self._where = f"KAFKA_BOOTSTRAP_SERVERS={bootstrap}: not published"
        with kafka_errors(self._where):
            self._producer = kafka_client().Producer(
                {"bootstrap.servers": bootstrap, "enable.idempotence": True, "log_level": 0}
            )
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
                with kafka_errors(self._where):
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
            raise UsageError(f"{self._where}: {why}; what is kept is sent at the next start")


def create_topics(name: str, bootstrap: str) -> list[str]:
    """Create the topics of a log; return those that are new. Raises UsageError."""
    kafka = kafka_client()
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
