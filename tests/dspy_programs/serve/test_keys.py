"""Several keys with names, that change while the server runs; and strangers who try keys."""

import asyncio
import concurrent.futures
import contextlib
import os
import threading
import time

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.serve.keys import VARIABLE, KeyFile, Keys, keys_from, read_keys
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.logins import WrongKeys
from dspy_programs.serve.problems import Busy
from tests.servers import HEALTHY, HTTP, running

ANN, BOB, NEW = "ann-key-0123456789", "bob-key-0123456789", "new-key-0123456789"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "keys"
    path.touch(mode=0o600)
    return path


def owner_of(key, keys):
    return keys.owner([key])


def test_each_key_has_its_name(file):
    file.write_text(f"# clients\nann: {ANN}\n\nbob:{BOB}\n  {NEW}  \n")
    keys = keys_from(file, {VARIABLE: "another-key-0123456789"})
    assert [owner_of(key, keys) for key in (ANN, BOB, NEW)] == ["ann", "bob", "default"]
    assert owner_of(ANN[:-1], keys) is owner_of("another-key-0123456789", keys) is keys.owner([]) is None


def test_key_of_the_environment_may_have_a_colon():
    assert owner_of("a:b-0123456789-0123", keys_from(None, {VARIABLE: " a:b-0123456789-0123 "})) == "default"
    assert keys_from(None, {}) is keys_from(None, {VARIABLE: " "}) is None


def test_one_name_may_have_an_old_and_a_new_key(file):
    file.write_text(f"ann: {ANN}\nann: {NEW}\n")
    assert owner_of(ANN, KeyFile(file)) == owner_of(NEW, KeyFile(file)) == "ann"


def test_only_digests_are_kept(file):
    file.write_text(f"ann: {ANN}\nbob: {BOB}\n")
    for keys in (KeyFile(file), Keys.of(ANN)):
        assert ANN not in repr(vars(keys)) and BOB not in repr(vars(keys))
        assert all(isinstance(name, bytes) and len(name) == 32 for name in keys.names)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no key"),
        (b"\n# nothing\n", "has no key"),
        (b"ann: two words-0123456789", "keys:1: a key must be printable"),
        (b"ann: good-key-0123456789\nbob: secret-4711", "keys:2: the key has 11 characters; use at least 16"),
        (b"ann b: good-key-0123456789", "keys:1: a name has"),
        (b": good-key-0123456789", "keys:1: a name has"),
        (b"ann: good-key-0123456789\nbob: good-key-0123456789", "keys:2: this key has two names"),
        (b"\xff\xfe", "not ASCII"),
        (b"caf\xc3\xa9-0123456789", "not ASCII"),
        (b"a\x00b-0123456789-0123", "keys:1: a key must be printable"),
        (b"x" * 1_000_001, "larger than"),
        (None, "No such file"),
    ],
)
def test_file_that_is_no_file_of_keys(content, said, file):
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        keys_from(file, {})
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert not any(secret in str(caught.value) for secret in ("4711", "two words", "good-key"))


def test_short_key_of_the_environment_is_refused():
    with pytest.raises(UsageError, match=r"^DSPY_PROGRAMS_SERVER_KEY: the key has 5 characters; use at least 16"):
        keys_from(None, {VARIABLE: "short"})


def test_the_key_of_a_server_of_documents_locks_what_serves_documents():
    said = {"CAG_API_KEY": ANN}
    assert owner_of(ANN, keys_from(None, said, has_documents=True)) == "default" and keys_from(None, said) is None
    assert owner_of(ANN, keys_from(None, {**said, VARIABLE: BOB}, has_documents=True)) is None
    with pytest.raises(UsageError, match=r"^CAG_API_KEY: the key has 5 characters"):
        keys_from(None, {"CAG_API_KEY": "short"}, has_documents=True)


@pytest.mark.parametrize(("mode", "says"), [(0o600, ""), (0o640, "others can read"), (0o604, "others can read")])
def test_file_that_others_can_read_is_warned_of(mode, says, file, caplog):
    file.write_text(ANN)
    file.chmod(mode)
    KeyFile(file)
    assert (says in caplog.text) if says else not caplog.text


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_file_that_others_can_write_is_refused(mode, file):
    file.write_text(ANN)
    file.chmod(mode)
    with pytest.raises(UsageError, match="others can write keys into it; chmod 600"):
        KeyFile(file)


def test_pipe_of_keys_is_read_once(tmp_path):
    """A shell's <(...): looking at it again would wait for ever."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    threading.Thread(target=lambda: path.write_text(ANN), daemon=True).start()
    keys = KeyFile(path, seconds=0)
    assert owner_of(ANN, keys) == owner_of(ANN, keys) == "default"


def test_changed_file_counts_at_once(file, caplog):
    file.write_text(f"ann: {ANN}\n")
    keys = KeyFile(file, seconds=0)
    assert owner_of(ANN, keys) == "ann"
    file.write_text(f"ann: {NEW}\n")  # in place, and of the same size
    assert owner_of(ANN, keys) is None and owner_of(NEW, keys) == "ann"
    other = file.with_name("other")
    other.touch(mode=0o600)
    other.write_text(f"bob: {BOB}\n")
    other.rename(file)
    assert owner_of(NEW, keys) is None and owner_of(BOB, keys) == "bob"
    assert BOB not in caplog.text


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_text(f"bob: {BOB}\nann: short"),
        lambda file: file.write_bytes(b"\xff"),
        lambda file: file.write_text(""),
        lambda file: file.unlink(),
        lambda file: file.chmod(0o622),
    ],
    ids=["short key", "binary", "empty", "gone", "writable"],
)
def test_damaged_file_keeps_the_old_keys_and_says_so_once(damage, file, caplog):
    file.write_text(f"ann: {ANN}\n")
    keys = KeyFile(file, seconds=0)
    damage(file)
    assert {owner_of(ANN, keys) for _ in range(3)} == {"ann"} and owner_of(BOB, keys) is None
    assert caplog.text.count("the keys stay as they were") == 1 and ANN not in caplog.text
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(f"bob: {BOB}\n")
    assert owner_of(ANN, keys) is None and owner_of(BOB, keys) == "bob"


def test_file_is_looked_at_once_a_second(file):
    clock = [0.0]
    file.write_text(f"ann: {ANN}\n")
    keys = KeyFile(file, seconds=1.0, now=lambda: clock[0])
    file.write_text(f"ann: {NEW}\n")
    assert owner_of(ANN, keys) == "ann"
    clock[0] = 1.0
    assert owner_of(ANN, keys) is None


def test_rotation_on_a_running_server(file):
    file.write_text(f"ann: {ANN}\n")
    with running(Limits(seconds_for_wrong_key=0), key=KeyFile(file, seconds=0)) as server:
        assert status(server, ANN) == 200 and status(server, NEW) == 401
        file.write_text(f"ann: {NEW}\n")
        assert status(server, ANN) == 401 and status(server, NEW) == 200


def status(server, key):
    return HTTP.post(f"{server.url}/v1/failures/classify", json={"trace": HEALTHY}, headers={"X-API-Key": key}).status_code


def test_wrong_keys_are_answered_later_and_later_and_logged_without_the_key(caplog):
    with running(Limits(seconds_for_wrong_key=0.4), key=ANN) as server:
        took = [seconds_of(lambda: status(server, "wrong-key-4711-4711")) for _ in range(4)]
        assert took[0] < took[3] and took[3] >= 0.4
        assert seconds_of(lambda: HTTP.post(f"{server.url}/a2a")) < 0.3, "no key is no wrong key"
    assert caplog.text.count("a wrong key from 127.0.0.1") == 4 and "number 4" in caplog.text
    assert "4711" not in caplog.text


def seconds_of(call):
    began = time.monotonic()
    call()
    return time.monotonic() - began


def test_right_key_is_answered_at_once_while_wrong_ones_wait():
    """Behind a proxy all clients have one address: a stranger must not lock the others out."""
    limits = Limits(seconds_for_wrong_key=2)
    with running(limits, key=Keys(read_keys(f"ann: {ANN}", "keys"))) as server, contextlib.ExitStack() as stack:
        many = stack.enter_context(concurrent.futures.ThreadPoolExecutor(30))
        tries = [many.submit(status, server, "wrong-key-0123456789") for _ in range(30)]
        concurrent.futures.wait(tries, timeout=0.5)
        assert not all(one.done() for one in tries)
        assert status(server, ANN) == 200
        assert seconds_of(lambda: status(server, ANN)) < 2


def test_only_so_many_wrong_keys_wait():
    async def many():
        wrong = WrongKeys(Limits(seconds_for_wrong_key=0.2))
        asked = [wrong.wait(f"10.0.0.{number % 2}") for number in range(60)]
        of_two = await asyncio.gather(*asked, return_exceptions=True)
        of_all = await asyncio.gather(*(wrong.wait(f"10.1.{n}.1") for n in range(100)), return_exceptions=True)
        return [sum(isinstance(one, Busy) for one in answers) for answers in (of_two, of_all)], wrong._waiting

    refused, waiting = asyncio.run(many())
    assert refused == [60 - 32, 100 - 64] and not waiting


def test_wrong_keys_that_are_refused_are_logged_in_one_line_a_second(caplog):
    async def many():
        wrong = WrongKeys(Limits(seconds_for_wrong_key=0.2))
        await asyncio.gather(*(wrong.wait("10.0.0.1") for _ in range(300)), return_exceptions=True)
        await asyncio.sleep(1.2)
        return wrong._refused

    left = asyncio.run(many())
    assert caplog.text.count("a wrong key from 10.0.0.1") == 16 and "284 more wrong keys from 10.0.0.1" in caplog.text
    assert len(caplog.records) == 17 and not left


def test_request_is_one_try(caplog):
    with running(Limits(seconds_for_wrong_key=0), key=ANN) as server:
        tries = [("X-API-Key", f"wrong-key-{number:06}") for number in range(100)]
        for headers, expected in (([*tries, ("X-API-Key", ANN)], 401), ([("X-API-Key", ANN), *tries], 200)):
            answer = HTTP.post(f"{server.url}/v1/failures/classify", json={"trace": HEALTHY}, headers=headers)
            assert answer.status_code == expected
    assert caplog.text.count("a wrong key from") == 1


def test_addresses_are_forgotten_and_never_too_many():
    clock = [0.0]
    wrong = WrongKeys(Limits(seconds_for_wrong_key=0), now=lambda: clock[0])

    async def try_from(*addresses):
        for address in addresses:
            await wrong.wait(address)

    asyncio.run(try_from("10.0.0.1", "10.0.0.1"))
    assert wrong.by_address["10.0.0.1"].number == 2
    clock[0] = 601.0
    asyncio.run(try_from("10.0.0.1"))
    assert wrong.by_address["10.0.0.1"].number == 1
    asyncio.run(try_from(*(f"10.{n >> 8}.{n & 255}.9" for n in range(5000))))
    assert len(wrong.by_address) == 4096 and "10.0.0.1" not in wrong.by_address
    asyncio.run(try_from(*(f"2001:db8::{n:x}" for n in range(9)), "2001:db8:1::1"))
    assert wrong.by_address["2001:db8::/64"].number == 9, "a whole /64 belongs to one person"
