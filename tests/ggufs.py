"""Small GGUF files: whole ones that hold no model, for what reads headers, hashes and names; and a tiny model that runs."""

import math
import random
import struct
from collections.abc import Sequence

CHAT = {
    "general.architecture": "llama",
    "llama.context_length": 4096,
    "tokenizer.chat_template": "{{ messages }}",
    "tokenizer.ggml.tokens": ["<s>", "a", "é"],
    "tokenizer.ggml.scores": [0.0, 1.5],
    "general.quantized": True,
    "llama.rope.freq_base": 10000.0,
}
TENSORS = {"token_embd.weight": ((32, 3), 2), "output_norm.weight": ((32,), 0)}  # name -> shape, type: Q4_0, F32


def gguf(values=None, without=(), tensors=None, weights: bytes | None = None, version: int = 3) -> bytes:
    """A file of two tensors. values: change or add metadata; without: keys to leave out; weights: other bytes of data."""
    metadata = {key: value for key, value in {**CHAT, **(values or {})}.items() if key not in without}
    tensors = TENSORS if tensors is None else tensors
    out = struct.pack("<4sIQQ", b"GGUF", version, len(tensors), len(metadata))
    for key, value in metadata.items():
        out += text(key) + as_value(value)
    offset = 0
    for name, (shape, kind) in tensors.items():
        out += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
        offset += -(-data_size(shape, kind) // 32) * 32
    out += bytes(-len(out) % 32)
    return out + (weights or bytes(end_of(tensors)))


def end_of(tensors) -> int:
    end = offset = 0
    for shape, kind in tensors.values():
        end = offset + data_size(shape, kind)
        offset += -(-data_size(shape, kind) // 32) * 32
    return end


def data_size(shape, kind) -> int:
    count = 1
    for length in shape:
        count *= length
    return count // 32 * 18 if kind == 2 else count * 4


def text(value: str) -> bytes:
    content = value.encode()
    return struct.pack("<Q", len(content)) + content


def as_value(value) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + text(value)
    items = [as_value(item) for item in value]
    kind = struct.pack("<I", 5) if isinstance(value[0], int) else items[0][:4]  # llama.cpp wants the kinds of tokens signed
    return struct.pack("<I", 9) + kind + struct.pack("<Q", len(items)) + b"".join(item[4:] for item in items)


LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *LETTERS]
WIDTH = 32
RUNS = {
    "llama.context_length": 8192,
    "llama.embedding_length": WIDTH,
    "llama.block_count": 1,
    "llama.feed_forward_length": WIDTH,
    "llama.attention.head_count": 1,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "llama.rope.dimension_count": WIDTH,
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.tokens": VOCABULARY,
    "tokenizer.ggml.scores": [0.0] * len(VOCABULARY),
    "tokenizer.ggml.token_type": [2, 3, 3, *[6] * 256, *[1] * len(LETTERS)],
    "tokenizer.ggml.unknown_token_id": 0,
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.chat_template": "{% for message in messages %}{{ message['content'] }}{% endfor %}",
}
SPECIAL = [f"tokenizer.ggml.{name}_token_id" for name in ("unknown", "bos", "eos")]
SQUARES = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


def babbler(seed: int = 0, control_tokens: Sequence[str] = ()) -> bytes:
    """A model that llama.cpp loads in a moment and that says letters without end: of one layer, drawn at random.

    control_tokens: more of them than its vocabulary has.
    """
    draw = random.Random(seed)
    tokens = [*control_tokens, *VOCABULARY]
    values = RUNS | {
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [0.0] * len(tokens),
        "tokenizer.ggml.token_type": [*[3] * len(control_tokens), *RUNS["tokenizer.ggml.token_type"]],
        **{key: RUNS[key] + len(control_tokens) for key in SPECIAL},
    }
    tensors = {"token_embd.weight": (WIDTH, len(tokens)), "output.weight": (WIDTH, len(tokens))}
    tensors |= {name: (WIDTH,) for name in ("output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight")}
    tensors |= {f"blk.0.{name}.weight": (WIDTH, WIDTH) for name in SQUARES}
    data = b"".join(drawn(draw, name, shape) for name, shape in tensors.items())
    return gguf(values, tensors={name: (shape, 0) for name, shape in tensors.items()}, weights=data)


def drawn(draw: random.Random, name: str, shape: tuple[int, ...]) -> bytes:
    if "norm" in name:
        values = [1.0] * WIDTH
    else:
        silent = (shape[-1] - len(LETTERS)) * WIDTH if name == "output.weight" else 0  # what is no letter is never said
        values = [0.0] * silent + [draw.gauss(0, 1) for _ in range(math.prod(shape) - silent)]
    return struct.pack(f"<{len(values)}f", *values)
