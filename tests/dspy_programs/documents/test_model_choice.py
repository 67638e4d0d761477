"""The largest model that fits is chosen, by the rule by which models are loaded."""

import pytest

from dspy_programs.documents import MODEL_CHOICES, chosen_for
from dspy_programs.documents.model_choice import free_gpu
from dspy_programs.lm.weights.catalog import CATALOG
from dspy_programs.lm.weights.local_models import local_model
from tests.docs.examples import ROOT

GB = 1_000_000_000


@pytest.mark.parametrize(
    ("free", "name"),
    [(64, "14B"), (12.3, "14B"), (12.2, "7B"), (6.9, "7B"), (6.8, "1.5b"), (2.4, "1.5b"), (2.3, "0.5b"), (1.62, "0.5b")],
)
def test_largest_that_fits_is_chosen(free, name):
    assert name in chosen_for(int(free * GB)).lm


def test_none_fits_in_less():
    assert chosen_for(GB) is None


def test_rows_are_in_order_and_are_models():
    assert [*MODEL_CHOICES] == sorted(MODEL_CHOICES, key=lambda each: -each.needed) and len(MODEL_CHOICES) == 4
    for each in MODEL_CHOICES:
        model = local_model(each.lm.removeprefix("local/"))
        if model.id in CATALOG:
            assert (model.size, model.context_tokens) == (each.weights, each.longest)


def test_context_on_a_gpu_is_what_the_weights_leave():
    seven = MODEL_CHOICES[1]
    assert seven.context_in(5 * GB) == 0
    assert seven.context_in(6 * GB) == (6 * GB - seven.weights - GB) // seven.state == 5_580
    assert seven.context_in(80 * GB) == seven.longest


@pytest.mark.parametrize(
    ("says", "free"), [("echo 8000; echo 24000", 24000 * 1024 * 1024), ("echo no; exit 0", None), ("exit 9", None), ("", None)]
)
def test_gpu_with_most_room_counts_and_a_broken_tool_is_no_gpu(tmp_path, monkeypatch, says, free):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{says}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert free_gpu() == free


def test_documented_table_is_the_one_in_use():
    page = (ROOT / "docs" / "tools" / "documents.md").read_text(encoding="utf-8")
    for each in MODEL_CHOICES:
        assert f"| {each.needed / GB:.1f} GB | `{each.lm}` | {each.state // 1024} KB |" in page
