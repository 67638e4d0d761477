"""The header of a GGUF file: what it says, and every kind of file that is not a whole chat model."""

import os
import struct

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.errors import WeightsError
from dspy_programs.lm.weights.gguf import chat_model, read
from tests.ggufs import TENSORS, gguf


def written(folder, content: bytes, name="model.gguf"):
    path = folder / name
    path.write_bytes(content)
    return path


def test_chat_model_says_architecture_context_and_size(tmp_path):
    path = written(tmp_path, gguf())
    header = chat_model(path)
    assert (header.architecture, header.context_tokens, header.size) == ("llama", 4096, path.stat().st_size)
    assert header.least == header.size, "the table of tensors says where the file ends"


@pytest.mark.parametrize(
    "template", [{"tokenizer.chat_template.tool_use": "x"}, {"tokenizer.chat_templates": ["default", "tool_use"]}]
)
def test_chat_model_takes_named_templates(tmp_path, template):
    assert chat_model(written(tmp_path, gguf(template, without=["tokenizer.chat_template"]))).has_chat_template


def test_tensors_of_an_unknown_type_are_no_fault(tmp_path):
    assert chat_model(written(tmp_path, gguf(tensors={"new.weight": ((32,), 999)}, weights=bytes(40))))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"not a GGUF file \(it starts with b''\)"),
        (b"<html>sign in first</html>", r"not a GGUF file .* use a file that ends in \.gguf"),
        (b"PK\x03\x04" + bytes(100), "not a GGUF file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer.*git lfs pull"),
        (gguf(version=1), "GGUF version 1"),
        (gguf(version=3 << 24), "GGUF version 50331648"),
        (gguf()[:10], "cut off in its header"),
        (gguf()[:200], "cut off in its header"),
        (gguf()[:-1], r"cut off: [\d,]+ bytes of at least [\d,]+; download it again"),
        (gguf(without=["tokenizer.chat_template"]), "no chat template.*instruct or chat version"),
        (gguf(without=["llama.context_length"]), "does not declare its architecture or context length"),
        (gguf(without=["general.architecture"]), "does not declare its architecture"),
        (gguf({"llama.pooling_type": 3}), "for embeddings.*cannot chat"),
        (gguf({"llama.attention.causal": False}), "for embeddings"),
        (gguf({"general.architecture": "nomic-bert", "nomic-bert.context_length": 512}), "for embeddings"),
        (gguf({"general.type": "adapter"}), "contains 'adapter', not a model"),
        (gguf({"split.count": 3}), "one piece of a split model.*llama-gguf-split --merge"),
        (struct.pack("<4sIQQ", b"GGUF", 3, 0, 2**63), "damaged: a length of"),
        (struct.pack("<4sIQQQ", b"GGUF", 3, 0, 1, 2**62), "damaged: a length of"),
        (struct.pack("<4sIQQQ1sI", b"GGUF", 3, 0, 1, 1, b"k", 77), "unknown type 77"),
        (struct.pack("<4sIQQQ1sIIQ", b"GGUF", 3, 0, 1, 1, b"k", 9, 9, 1), "list of unknown type 9"),
        (struct.pack("<4sIQQQ1sIIQ", b"GGUF", 3, 0, 1, 1, b"k", 9, 12, 2**60), "cut off"),
        (struct.pack("<4sIQQQ1sIIQQ", b"GGUF", 3, 0, 1, 1, b"k", 9, 8, 1000, 2**60), "cut off"),
    ],
)
def test_file_that_is_no_whole_chat_model_is_refused_in_one_line(tmp_path, content, reason):
    path = written(tmp_path, content)
    with pytest.raises(WeightsError, match=reason) as caught:
        chat_model(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_piece_of_a_split_model_is_known_by_its_name_too(tmp_path):
    with pytest.raises(WeightsError, match="one piece of a split model"):
        chat_model(written(tmp_path, gguf(), "big-00002-of-00003.gguf"))
    assert chat_model(written(tmp_path, gguf(), "small-00001-of-00001.gguf"))


def test_path_that_is_no_file_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        chat_model(tmp_path / "nothing.gguf")
    with pytest.raises(WeightsError, match="not a file; give the GGUF file itself"):
        chat_model(tmp_path)
    with pytest.raises(WeightsError, match=r"no such file|cannot be read"):
        chat_model(tmp_path / "a\0b.gguf")
    with pytest.raises(WeightsError, match="cannot be read: File name too long"):
        chat_model(tmp_path / f"{'x' * 300}.gguf")


@pytest.mark.skipif(os.name != "posix", reason="needs a pipe with a name")
def test_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(WeightsError, match="not a file"):
        chat_model(tmp_path / "pipe.gguf")


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damaged_header_is_an_error_of_ours_and_never_another(tmp_path_factory, data):
    content = bytearray(gguf(tensors=TENSORS))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(4, 300))] = data.draw(st.integers(0, 255))
    path = written(tmp_path_factory.mktemp("damaged"), bytes(content[: data.draw(st.integers(0, len(content)))]))
    try:
        assert read(path).size == path.stat().st_size
    except WeightsError as error:
        assert str(path) in str(error)
