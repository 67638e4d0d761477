"""A GGUF file of the user's own: how it is found, what it is called, and that another file is another model."""

import shutil
from pathlib import Path

import dspy
import pytest

from dspy_programs.errors import LanguageModelError, UnknownModel, WeightsError
from dspy_programs.lm import connect, is_embedded, spec_in_use
from dspy_programs.lm.embedded.embedded import EmbeddedEngine
from dspy_programs.lm.weights.local_models import canonical, local_model, located
from dspy_programs.registry import file_name
from optimizers.training import default_path
from tests.ggufs import gguf


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DSPY_PROGRAMS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with a model in it, that is not the working directory."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "Qwen3-1.7B.gguf").write_bytes(gguf())
    return folder


def test_path_absolute_relative_and_of_the_home_are_one_model(models, monkeypatch):
    monkeypatch.chdir(models)
    monkeypatch.setenv("HOME", str(models.parent))
    paths = [models / "Qwen3-1.7B.gguf", "Qwen3-1.7B.gguf", "./Qwen3-1.7B.gguf", "~/models/Qwen3-1.7B.gguf"]
    lms = [connect(f"local/{path}") for path in paths]
    assert len({lm.model for lm in lms}) == 1
    assert len({id(lm.engine) for lm in lms}) == 1, "it is loaded once"
    assert all(is_embedded(lm) for lm in lms)


def test_name_holds_no_path_and_begins_with_the_files_name(models):
    spec = connect(f"local/{models}/Qwen3-1.7B.gguf").model
    assert spec.startswith("local/Qwen3-1.7B.gguf@") and str(models) not in spec
    assert file_name(spec) == spec.removeprefix("local/").replace("@", "--")


def test_file_without_the_suffix_is_named_by_its_path(models):
    (models / "sha256-1a2b").write_bytes(gguf())
    assert connect(f"local/{models}/sha256-1a2b").model.startswith("local/sha256-1a2b@")


def test_moved_file_is_the_same_model_and_another_of_its_name_is_not(models, tmp_path):
    before = canonical(f"local/{models}/Qwen3-1.7B.gguf")
    moved = tmp_path / "elsewhere" / "Qwen3-1.7B.gguf"
    moved.parent.mkdir()
    shutil.move(models / "Qwen3-1.7B.gguf", moved)
    assert canonical(f"local/{moved}") == before
    (models / "Qwen3-1.7B.gguf").write_bytes(gguf({"general.name": "tuned"}))
    other = canonical(f"local/{models}/Qwen3-1.7B.gguf")
    assert other != before and file_name(other) != file_name(before)
    assert default_path("planner", other) != default_path("planner", before)


def test_name_stands_for_the_file_as_long_as_it_stays(models):
    spec = canonical(f"local/{models}/Qwen3-1.7B.gguf")
    assert canonical(spec) == spec
    assert local_model(spec.removeprefix("local/")).path == models / "Qwen3-1.7B.gguf"
    (models / "Qwen3-1.7B.gguf").unlink()
    assert canonical(spec) == spec, "what was compiled for it can still be listed"
    with pytest.raises(WeightsError, match=r"no known file Qwen3-1.7B.gguf has a SHA-256 starting with .* give its path"):
        connect(spec)


def test_spec_in_use_is_the_models_own_name(models, monkeypatch):
    spec = canonical(f"local/{models}/Qwen3-1.7B.gguf")
    assert spec_in_use(f"local/{models}/Qwen3-1.7B.gguf") == spec
    monkeypatch.setenv("DSPY_PROGRAMS_LM", f"local/{models}/Qwen3-1.7B.gguf")
    assert spec_in_use() == spec == connect().model
    with dspy.context(lm=connect(spec)):
        assert spec_in_use() == spec


@pytest.mark.parametrize("spec", ["local/smollm2-135m", "openai/gpt-4.1-mini", "ollama_chat/a/b.gguf", "local/hf:o/r/f.gguf"])
def test_other_specs_stay_as_they_are(spec):
    assert canonical(spec) == spec


def test_catalogue_still_answers_for_what_is_no_path():
    with pytest.raises(UnknownModel, match="Did you mean"):
        local_model("qwen2.5-coder-15b")


@pytest.mark.parametrize("name", ["nowhere/x.gguf", "x.gguf", "~nobody-has-this-name/x.gguf", "a\0b.gguf", "/"])
def test_file_that_is_not_there_is_said_at_once(name):
    with pytest.raises(WeightsError):
        connect(f"local/{name}")


def test_file_that_changed_after_it_was_named_is_not_loaded(models):
    model = local_model(f"{models}/Qwen3-1.7B.gguf")
    assert located(model).context_tokens == 4096
    (models / "Qwen3-1.7B.gguf").write_bytes(gguf({"general.name": "another"}))
    with pytest.raises(WeightsError, match="has changed since it was read"):
        EmbeddedEngine(model).server()


def test_file_that_llama_cpp_cannot_load_is_said_in_one_line_and_leaves_nothing(models, tmp_path_factory, monkeypatch):
    pytest.importorskip("xllamacpp")
    runtime = tmp_path_factory.mktemp("r")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.delenv("DSPY_PROGRAMS_SHARE")
    with pytest.raises(LanguageModelError, match=r"llama.cpp could not load .*Qwen3-1.7B.gguf"):
        connect(f"local/{models}/Qwen3-1.7B.gguf").engine.server()
    assert {path.suffix for path in runtime.rglob("*") if not path.is_dir()} <= {".lock"}


def test_hash_is_remembered_in_the_cache_and_not_beside_the_file(models, cache):
    canonical(f"local/{models}/Qwen3-1.7B.gguf")
    assert [path.name for path in models.iterdir()] == ["Qwen3-1.7B.gguf"]
    assert len(list((cache / "hashes").iterdir())) == 1
