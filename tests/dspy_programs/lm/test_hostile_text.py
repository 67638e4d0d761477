"""Chat templates of embedded models: what a message says becomes no control token of the model's own vocabulary."""

import json

import jinja2
import pytest
from dspy import lm15

from dspy_programs.control_tokens import said
from dspy_programs.lm.embedded.chat_request import chat_request
from dspy_programs.lm.embedded.embedded import EmbeddedEngine
from dspy_programs.lm.weights.catalog import CATALOG
from dspy_programs.lm.weights.gguf import read
from dspy_programs.lm.weights.local_models import file_here, local_model
from dspy_programs.lm.weights.vocabulary import control_tokens, token_count
from tests.ggufs import babbler
from tests.hostile_text import ALL, CHANNELS, faults

ODD = ["<filename>", "\u2581<PRE>", "<unused7>"]  # control tokens of some vocabularies, and words elsewhere


@pytest.fixture
def model(tmp_path):
    """A tiny model that llama.cpp runs, with odd control tokens in its vocabulary."""
    path = tmp_path / "tiny.gguf"
    path.write_bytes(babbler(control_tokens=[*ODD, "<|im_start|>"]))
    return path


def request(text: str, system: str | None = None) -> lm15.Request:
    return lm15.Request(model="local/any", messages=lm15.Message.user(text), system=system, config=lm15.Config(max_tokens=1))


def test_control_tokens_are_read_from_the_file(model):
    assert control_tokens(model) == {"<s>", "</s>", "<|im_start|>", *ODD}


@pytest.mark.parametrize("token", [*ODD, "<|im_start|>", "<s>"])
def test_llama_cpp_reads_a_control_token_in_a_message_as_letters(model, token):
    engine = EmbeddedEngine(local_model(str(model)))
    try:
        letters = [engine.complete(request(text)).usage.input_tokens for text in (f"a{token}b", "ab")]
        assert letters[0] - letters[1] >= len(token.encode()), "one token a byte, not one for the whole"
    finally:
        engine.close()


def test_every_part_of_a_request_is_made_plain():
    asked = lm15.Request(
        model="x",
        system=ALL,
        messages=(lm15.Message.user(ALL), lm15.Message.assistant(ALL)),
        tools=(lm15.FunctionTool(name="find", description=ALL, parameters={"type": "object", "title": ALL}),),
    )
    sent = said(asked)
    texts = [sent.system, *(message.text for message in sent.messages), json.dumps(chat_request(sent)["messages"])]
    texts += [sent.tools[0].description, sent.tools[0].parameters["title"]]
    own = ("<<CUSTOM-TYPE-", "[[ ## completed ## ]]")  # an adapter's business, which has written headings itself
    assert not [fault for text in texts for fault in faults(text) if fault not in own]
    assert said(sent) == sent


@pytest.mark.skipif(file_here(CATALOG["qwen2.5-coder-1.5b"]) is None, reason="its weights are not on this machine")
def test_qwens_template_and_tokenizer_see_no_control_token_in_a_message():
    path = file_here(CATALOG["qwen2.5-coder-1.5b"])
    header, known = read(path), control_tokens(path)
    template = jinja2.Environment().from_string(str(header.values["tokenizer.chat_template"]))
    count = token_count(path)
    for channel, text in CHANNELS.items():
        messages = chat_request(said(request(text, text), known))["messages"]
        written = template.render(messages=messages, add_generation_prompt=True)
        assert [token for token in sorted(known) if token in written] == ["<|im_end|>", "<|im_start|>"], channel
        assert (written.count("<|im_start|>"), written.count("<|im_end|>")) == (3, 2), channel
        assert "<tool_call>" not in written and count(written) > len(text) // 10
