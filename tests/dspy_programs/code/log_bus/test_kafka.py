"""Kafka against the mock broker that librdkafka has: real connections, real offsets."""

import json
import time

import pytest

from dspy_programs.__main__ import main
from dspy_programs.code.log_bus import Bus, Publisher, follow, opened_storage
from dspy_programs.code.log_bus.kafka import FollowedPartition, _text_of, partitions_of
from dspy_programs.code.log_bus.sources import Sources
from dspy_programs.errors import UsageError
from dspy_programs.logs import Event

kafka = pytest.importorskip("confluent_kafka", reason='needs pip install "dspy-programs[kafka]"')
RAW = "logs.raw.app"


class Broker:
    def __init__(self):
        self.producer = kafka.Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 0})
        (broker,) = self.producer.list_topics(timeout=10).brokers.values()
        self.address = f"{broker.host}:{broker.port}"
        self.producer.list_topics(RAW, timeout=10)  # makes it

    def send(self, *texts, partition=0):
        for text in texts:
            self.producer.produce(RAW, text.encode(), partition=partition)
        assert self.producer.flush(10) == 0

    def received(self, topic):
        consumer = kafka.Consumer({"bootstrap.servers": self.address, "group.id": "test", "log_level": 0})
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        places = [kafka.TopicPartition(topic, number, 0) for number in partitions]
        consumer.assign(places)
        wanted = sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
        found, until = [], time.monotonic() + 20
        while len(found) < wanted and time.monotonic() < until:
            found += [json.loads(message.value()) for message in consumer.consume(100, 0.2) if not message.error()]
        consumer.close()
        return found


@pytest.fixture(scope="module")
def brokers():
    made = []
    yield lambda: made.append(Broker()) or made[-1]
    made.clear()


@pytest.fixture
def broker(brokers):
    return brokers()


@pytest.fixture
def bus(tmp_path):
    return Bus(opened_storage(tmp_path / "e.sqlite"))


def found_in(bus, broker):
    sources = Sources(once=True)
    for partition in partitions_of("app", broker.address, once=True):
        sources.add(partition)
    found = [event.lines for each in follow(bus, sources, once=True, interval=0) for _, event in each.events]
    sources.close()
    return found


def test_each_message_is_counted_once_over_restarts_and_traces_are_whole(broker, bus):
    broker.send("INFO up", "ERROR job 1", "Traceback (most recent call last):", '  File "a.py", line 1, in f', "KeyError: 1")
    broker.send('{"line": "WARNING disk", "ts": 1}', "ERROR a\nERROR b", partition=1)
    first = found_in(bus, broker)
    assert sorted(map(len, first)) == [1, 1, 1, 4] and ["WARNING disk"] in first and ["ERROR a"] in first
    assert found_in(bus, broker) == []
    broker.send("ERROR job 2")
    assert found_in(bus, broker) == [["ERROR job 2"]]
    assert bus.containers()[0].counts == {"error": 4, "warning": 1}


def test_an_event_that_is_not_finished_is_read_again_after_a_kill(broker, bus):
    broker.send("ERROR job 1", "  at step 1")
    (partition, *_) = partitions_of("app", broker.address)
    until = time.monotonic() + 20
    while partition.size == 0 and time.monotonic() < until:
        assert partition.read(1_000) == []
    assert partition.position is None  # nothing was kept: killed here, it begins anew
    partition.close()
    assert found_in(bus, broker) == [["ERROR job 1", "  at step 1"]]


def test_what_is_kept_is_published_once_with_key_points(broker, bus):
    bus.add("app", [Event("app.log", 1, 3, ["ERROR token=hunter2hunter2"])], 1)
    bus.add("we b", [Event("web.log", 1, 1, ["WARNING x"])], 1)
    publisher = Publisher(bus, broker.address)
    assert publisher.publish() == 2 and publisher.publish() == 0
    bus.add("app", [Event("app.log", 2, 3, ["ERROR two"])], 1)
    assert Publisher(bus, broker.address).publish() == 1
    assert [row["lines"] for row in broker.received("logs.ctx.app")] == [["ERROR token=[secret]"], ["ERROR two"]]
    assert len(broker.received("logs.ctx.we_b")) == 1
    assert any("ERROR two" in point for row in broker.received("agent.results.app") for point in row["key_points"])


def test_the_worker_command_reads_and_publishes(broker, tmp_path, capsys):
    broker.send("ERROR no disk")
    command = ["code", "worker", "--topic", "app", "--bootstrap", broker.address, "--db", str(tmp_path / "e.sqlite"), "--once"]
    assert main(command) == 0
    assert capsys.readouterr().err == f"1 new event kept in {tmp_path / 'e.sqlite'}, 1 published\n"
    assert [row["lines"] for row in broker.received("logs.ctx.app")] == [["ERROR no disk"]]


def test_a_broker_that_does_not_answer_is_one_line():
    with pytest.raises(UsageError, match=r"--bootstrap 127\.0\.0\.1:9: does not answer"):
        partitions_of("app", "127.0.0.1:9", seconds=0.5)


class Endless:
    """A client of a partition whose last offsets are no messages: Kafka says its end, the watermark is beyond."""

    OFFSET_BEGINNING, KafkaError = -2, kafka.KafkaError

    def __init__(self, *turns):
        self.turns = list(turns)

    def Consumer(self, config):
        self.tells_end = config["enable.partition.eof"]
        return self

    def TopicPartition(self, *place):
        return place

    def assign(self, places): ...

    def consume(self, most, seconds):
        return self.turns.pop(0) if self.turns else []

    def get_watermark_offsets(self, place, timeout):
        return 0, 9


class Message:
    def __init__(self, offset, value=None):
        self.offset, self.value = lambda: offset, lambda: value
        self.error = lambda: kafka.KafkaError(kafka.KafkaError._PARTITION_EOF) if value is None else None


def test_once_ends_where_the_last_offsets_are_no_messages():
    client = Endless([Message(0, b"ERROR 1"), Message(1, b"ERROR 2")], [], [Message(9)])
    partition = FollowedPartition("app", 0, "unused", once=True, kafka=client)
    assert client.tells_end
    found, ended = [], []
    for _ in range(3):
        found += partition.read(1_000)
        ended.append(partition.ended)
        assert partition.has_more != partition.ended
    found += partition.end()
    assert [event.lines for event in found] == [["ERROR 1"], ["ERROR 2"]] and ended == [False, False, True]
    assert partition.notes == [] and partition.position == 2


def test_once_ends_in_time_where_the_broker_dies_on_the_way():
    partition = FollowedPartition("app", 0, "unused", once=True, kafka=Endless([Message(0, b"ERROR 1")]), seconds=0.2)
    began = time.monotonic()
    with pytest.raises(
        UsageError, match=r"^logs\.raw\.app\[0\]: the broker has not answered for 0\.2 s; what was read is kept"
    ):
        while time.monotonic() - began < 20:
            partition.read(1_000)
    assert partition.size == len(b"ERROR 1")
    forever = FollowedPartition("app", 0, "unused", kafka=Endless([Message(0, b"ERROR 1")]), seconds=0.01)
    for _ in range(3):
        forever.read(1_000)
        time.sleep(0.02)


def test_what_a_broker_refuses_is_one_line(bus):
    partition = FollowedPartition("app", 0, "127.0.0.1:9", once=True, seconds=0.3)
    with pytest.raises(UsageError, match=r"^logs\.raw\.app\[0\]: cannot be read: .+$"):
        for _ in range(100):
            partition.read(1_000)
    partition.close()


def test_what_the_client_cannot_send_is_one_line(bus):
    publisher = Publisher(bus, "127.0.0.1:9")
    with pytest.raises(UsageError, match=r"^KAFKA_BOOTSTRAP_SERVERS=127\.0\.0\.1:9: not published: .+$"):
        publisher._produce("logs.ctx.", "app", "x" * 2_000_000)


@pytest.mark.parametrize(
    ("value", "text"),
    [(b"a\0b\n", "ab"), (b'{"line": 7}', '{"line": 7}'), (b'{"line": "x"', '{"line": "x"'), (b"\xff", "\ufffd"), (b"", "")],
)
def test_a_message_may_be_anything(value, text):
    assert _text_of(value) == text
