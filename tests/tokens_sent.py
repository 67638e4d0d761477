"""python -m tests.tokens_sent GGUF [--data FILE] [--name NAME]: our count of real conversations against what llama.cpp reads.

llama.cpp runs a model of one small layer with the vocabulary and the chat template of the given file, so no weights are
needed: the file of an embedded model, or its first 50 MB. It writes the conversation by the template and splits it; ours is
memory/sent.py's sum. Told: ours / llama.cpp's, median, least and most, with the model's own vocabulary and with the estimate
for a model whose file is not here; and how many single texts are counted differently.
"""

import argparse
import json
import math
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

from dspy_programs.lm.embedded.llama_server import LlamaServer
from dspy_programs.lm.embedded.machine import import_xllamacpp
from dspy_programs.lm.weights.gguf import read
from dspy_programs.lm.weights.vocabulary import token_count
from dspy_programs.memory.sending.chat import chat_messages
from dspy_programs.memory.sessions.adapters import store_of
from dspy_programs.tokens import TokenCounter, counter_named
from tests.ggufs import RUNS, SQUARES, WIDTH, gguf

LISTS = ("tokenizer.ggml.tokens", "tokenizer.ggml.merges", "tokenizer.ggml.token_type")
KEY = "only here"


def without_weights(path: Path) -> bytes:
    """Return a model of zeros with the vocabulary and the template of another."""
    header = read(path, LISTS)
    words = {key: value for key, value in {**header.values, **header.wanted}.items() if key.startswith("tokenizer.")}
    others = {key: value for key, value in RUNS.items() if not key.startswith("tokenizer.")}
    count = len(header.wanted[LISTS[0]])
    shapes = {"token_embd.weight": (WIDTH, count), "output.weight": (WIDTH, count)}
    shapes |= {name: (WIDTH,) for name in ("output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight")}
    shapes |= {f"blk.0.{name}.weight": (WIDTH, WIDTH) for name in SQUARES}
    zeros = bytes(4 * sum(math.prod(shape) for shape in shapes.values()))
    tensors = {name: (shape, 0) for name, shape in shapes.items()}
    return gguf({**others, **words}, without=("tokenizer.ggml.scores",), tensors=tensors, weights=zeros)


def served(path: Path):
    params = import_xllamacpp().CommonParams()
    params.model.path, params.hostnames, params.port, params.api_keys = str(path), ["127.0.0.1"], 0, [KEY]
    params.n_ctx, params.n_parallel, params.ui, params.verbosity, params.warmup = 512, 1, False, -1, False
    params.cpuparams.n_threads = 1
    return import_xllamacpp().Server(params)


def conversations(path: Path, count: int) -> list:
    return [row["traj"] for row in json.loads(path.read_text(encoding="utf-8"))[:count]]


def told(name: str, counter: TokenCounter, found: list, truths: list[int]) -> None:
    ratios = []
    for raw, truth in zip(found, truths, strict=True):
        store = store_of(raw, counter).store
        ratios.append((store.opening + store.token_total()) / truth)
    low, middle = sum(ratio < 1 for ratio in ratios), statistics.median(ratios)
    print(f"{name}: median {middle:.3f}, least {min(ratios):.3f}, most {max(ratios):.3f}; {low} below the truth")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gguf", type=Path)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data/failure_judge/tau_bench_gpt4o_airline/gpt-4o-airline.json")
    )
    parser.add_argument("--name", default="local/qwen2.5-coder-1.5b")
    parser.add_argument("--count", type=int, default=30)
    asked = parser.parse_args()
    found = conversations(asked.data, asked.count)
    count = token_count(asked.gguf)
    with TemporaryDirectory() as folder:
        path = Path(folder, "words.gguf")
        path.write_bytes(without_weights(asked.gguf))
        kept = served(path)  # it ends when nobody holds it
        server = LlamaServer(kept.listening_address, KEY)
        truths, texts, differ = [], 0, 0
        for raw in found:
            messages = chat_messages(store_of(raw).store)
            truths.append(server.count_tokens(server.post("/apply-template", {"messages": messages})["prompt"]))
            for text in (message["content"] for message in messages if message["content"]):
                texts += 1
                differ += server.count_tokens(text) != count(text)
    print(f"{len(found)} conversations, {sum(truths):,} tokens as llama.cpp reads them; {differ} of {texts} texts differ")
    told("own vocabulary", TokenCounter(asked.name, True, count, asked.name.removeprefix("local/")), found, truths)
    told("estimate, no file here", counter_named("openai/" + asked.name.removeprefix("local/")), found, truths)


if __name__ == "__main__":
    main()
