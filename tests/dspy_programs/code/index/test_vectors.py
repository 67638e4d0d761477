"""Vectors: made once for each text, kept apart by embedder, gone with their files; and what is found by them."""

import importlib.util
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from dspy_programs.code import Embedder, Index, embed_chunks, embedder_named, search_by_meaning, search_fused, search_like
from dspy_programs.code.index.vectors import vectors_of
from dspy_programs.errors import UsageError
from tests.dspy_programs.agent.tools.answering import answering

ALIKE = {"buy": 0, "purchase": 0, "price": 1, "cost": 1, "star": 2, "planet": 2}


class Scripted:
    """An embedder that knows which words are alike, and which texts it was asked for."""

    def __init__(self):
        self.texts = []

    def __call__(self, texts):
        self.texts += texts
        counts = np.array([[text.lower().split().count(word) + 0.01 for word in ALIKE] for text in texts])
        return counts @ np.eye(3)[list(ALIKE.values())]

    def as_embedder(self, name="scripted"):
        return Embedder(name, self)


@pytest.fixture
def folder(tmp_path):
    top = tmp_path / "repo"
    top.mkdir()
    (top / "shop.py").write_text("def buy(thing):\n    return thing\n\n\ndef cost(thing):\n    return 1\n")
    (top / "sky.py").write_text("def star():\n    return 'planet'\n")
    return top


def opened(folder):
    index = Index(folder, folder.parent / "i.sqlite")
    index.refresh()
    return index


def test_what_has_other_words_of_the_same_meaning_is_found(folder):
    index, embedder = opened(folder), Scripted().as_embedder()
    assert [hit.symbol for hit in search_by_meaning(index, "purchase", 1, embedder)] == ["buy"]
    assert [hit.symbol for hit in search_fused(index, "purchase", 1, embedder)] == ["buy"]
    assert [hit.symbol for hit in search_fused(index, "star", 1, embedder)] == ["star"]
    assert search_by_meaning(index, "?!", 5, embedder) == search_fused(index, "", 5, embedder) == []


def test_code_like_other_code_is_found_and_not_itself(folder):
    (folder / "more.py").write_text("def purchase(x):\n    return x\n")
    index, embedder = opened(folder), Scripted().as_embedder()
    hits = search_like(index, "shop.py", 2, 5, embedder)
    assert hits[0].symbol == "purchase" and hits[0].score > 0.9 > hits[1].score
    assert "buy" not in [hit.symbol for hit in hits]
    for path, line, said in (("shop.py", 99, "no code at this line"), ("nowhere.py", 1, "not in the index")):
        with pytest.raises(UsageError, match=said):
            search_like(index, path, line, 5, embedder)


def test_an_empty_folder_has_nothing_and_no_error(tmp_path):
    (tmp_path / "repo").mkdir()
    index, embedder = opened(tmp_path / "repo"), Scripted().as_embedder()
    assert search_by_meaning(index, "buy", 5, embedder) == search_fused(index, "buy", 5, embedder) == []


def test_two_at_once_end_with_one_vector_a_place(folder):
    for number in range(50):
        (folder / f"m{number}.py").write_text(f"def f{number}():\n    return {number}\n")
    opened(folder).close()
    command = [sys.executable, "-c", TWO, folder, folder.parent / "i.sqlite"]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [each.wait(60) for each in both] == [0, 0]
    rows = opened(folder).database.rows
    assert rows("SELECT count(*) FROM vectors")[0][0] == rows("SELECT count(*) FROM places")[0][0] == 53


def test_overloads_are_not_like_each_other(folder):
    (folder / "over.py").write_text(
        "@overload\ndef star(x: int): ...\n@overload\ndef star(x: str): ...\ndef star(x):\n    return x\n"
    )
    hits = search_like(opened(folder), "over.py", 4, 5, Scripted().as_embedder())
    assert [(hit.path, hit.symbol) for hit in hits[:1]] == [("sky.py", "star")]
    assert "over.py" not in [hit.path for hit in hits]


def test_only_what_has_changed_is_embedded(folder):
    scripted = Scripted()
    index, embedder = opened(folder), scripted.as_embedder()
    assert embed_chunks(index, embedder) == 3
    assert embed_chunks(index, embedder) == 0
    scripted.texts.clear()
    shop = (folder / "shop.py").read_text()
    (folder / "shop.py").write_text(
        f"# A comment above that is a chunk of its own.\nx = 1\n\n\n{shop.replace('return 1', 'return 2')}"
    )
    (folder / "sky.py").rename(folder / "space.py")
    index.refresh()
    assert embed_chunks(index, embedder) == 2, "the lines above, and the function that has another body"
    assert not any("star" in text or "buy" in text for text in scripted.texts)
    places = {row["id"] for row in index.database.rows("SELECT id FROM places")}
    assert set(vectors_of(index, embedder)[0].tolist()) == places
    assert index.database.rows("SELECT count(*) FROM vectors")[0][0] == len(places), "none is kept of what is gone"


def test_another_embedder_has_vectors_of_its_own(folder):
    index, one, other = opened(folder), Scripted(), Scripted()
    assert embed_chunks(index, one.as_embedder("one")) == embed_chunks(index, other.as_embedder("other")) == 3
    assert embed_chunks(index, one.as_embedder("one")) == 0


def test_secrets_have_no_vectors(folder):
    (folder / ".env").write_text("KEY=star\n")
    (folder / "id_rsa").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nplanet\n")
    scripted = Scripted()
    embed_chunks(opened(folder), scripted.as_embedder())
    assert not any("KEY" in text or "PRIVATE" in text for text in scripted.texts)


def raises(texts):
    raise RuntimeError("the key is sk-canary-4711")


@pytest.mark.parametrize(
    "answer",
    [raises, lambda texts: None, lambda texts: [1.0], lambda texts: [[1.0]], lambda texts: [[float("nan")] for _ in texts]],
)
def test_an_embedder_that_does_not_answer_with_vectors_is_one_line_without_keys(folder, answer):
    index = opened(folder)
    with pytest.raises(UsageError, match="the embedder bad ") as raised:
        embed_chunks(index, Embedder("bad", answer))
    assert "4711" not in str(raised.value)
    assert index.database.rows("SELECT count(*) FROM vectors")[0][0] == 0


@pytest.mark.parametrize("name", ["", "openai", "a b/c", "/", "x/y\n"])
def test_a_name_that_is_no_embedder_is_refused(name):
    with pytest.raises(UsageError, match="name one as provider/model"):
        embedder_named(name)


TWO = """
import sys, time
import numpy as np
from dspy_programs.code import Embedder, Index, embed_chunks
from dspy_programs.code.index import vectors
vectors._BATCH = 5
def embed(texts):
    time.sleep(0.01)
    return np.ones((len(texts), 2))
embed_chunks(Index(sys.argv[1], sys.argv[2]), Embedder("scripted", embed))
"""


def test_a_hosted_embedder_is_asked_for_vectors(folder):
    """The command, as it is run: DSPy's own client speaks to a server."""
    asked, scripted = [], Scripted()

    def answer(request):
        asked.append((request.path, json.loads(request.body)["input"]))
        vectors = [
            {"object": "embedding", "index": at, "embedding": one.tolist()} for at, one in enumerate(scripted(asked[-1][1]))
        ]
        return (
            200,
            {"Content-Type": "application/json"},
            json.dumps({"object": "list", "model": "any", "data": vectors}).encode(),
        )

    words = ["code", "search", "purchase", folder, "-k", "1", "--by", "meaning", "--embedder", "openai/any"]
    with answering(answer) as address:
        env = os.environ | {"OPENAI_API_BASE": f"{address}/v1", "OPENAI_API_KEY": "sk-canary-4711"}
        done = subprocess.run(
            [sys.executable, "-m", "dspy_programs", *words], capture_output=True, text=True, env=env, timeout=120, check=False
        )
    assert done.returncode == 0 and "shop.py:1  buy" in done.stdout and done.stderr == "", done.stderr
    assert {path for path, _ in asked} == {"/v1/embeddings"} and asked[-1][1] == ["purchase"]


KILLED = """
import os, signal, sys
import numpy as np
from dspy_programs.code import Embedder, Index, embed_chunks
from dspy_programs.code.index import vectors
vectors._BATCH = 20
asked = []
def embed(texts):
    asked.append(1)
    if len(asked) > 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return np.ones((len(texts), 2))
index = Index(sys.argv[1], sys.argv[2])
index.refresh()
embed_chunks(index, Embedder("scripted", embed))
"""


def test_a_killed_process_loses_one_batch_and_the_next_one_goes_on(folder):
    for number in range(200):
        (folder / f"m{number}.py").write_text(f"def f{number}():\n    return {number}\n")
    file = folder.parent / "i.sqlite"
    done = subprocess.run([sys.executable, "-c", KILLED, folder, file], check=False)
    assert done.returncode == -signal.SIGKILL
    index = opened(folder)
    held = index.database.rows("SELECT count(*) FROM vectors")[0][0]
    assert 0 < held < 203
    assert embed_chunks(index, Scripted().as_embedder()) == 203 - held


@pytest.mark.skipif(importlib.util.find_spec("wordllama") is None, reason="needs the embed extra")
def test_the_embedder_on_this_machine_needs_no_network(folder):
    index = opened(folder)
    assert search_by_meaning(index, "celestial body", 1)[0].symbol == "star"


def test_old_indexes_are_read_again_for_what_they_lack(folder):
    from dspy_programs.code.index.tables import SCHEMA
    from dspy_programs.database import Database

    file = folder.parent / "i.sqlite"
    old = Database(file, "index of code", SCHEMA[:1], ["files"])
    status = (folder / "sky.py").stat()
    values = ("sky.py", status.st_size, 1, b"x", "", "python", "symbols", 2, "")
    old.write(f"INSERT INTO files VALUES (1, {', '.join('?' * len(values))})", values)
    old.close()
    os.utime(folder / "sky.py", ns=(1, 1))
    index = opened(folder)
    assert [one.symbol.name for one in index.definitions(path="sky.py")] == ["star"]
