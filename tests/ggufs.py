"""Small GGUF files that are whole, but hold no model: for what reads headers, hashes and names."""

import struct

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
    return struct.pack("<I", 9) + items[0][:4] + struct.pack("<Q", len(items)) + b"".join(item[4:] for item in items)
