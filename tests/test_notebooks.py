"""Every notebook runs top to bottom without a key: two on the small embedded model, all on a server that keeps to schemas."""

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.displayhook import CapturingDisplayHook
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from traitlets.config import Config

from tests.dspy_programs.lm.dialects import Loopback, chat
from tests.processes import Started

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EMBEDDED = ("03_failure_judge", "06_section_scorer")  # the others take the small model a minute or more of writing


def least(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Any:
    """Return the least value that a JSON schema allows."""
    if "$ref" in schema:
        return least(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
    if "anyOf" in schema:
        return least(schema["anyOf"][0], whole)
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: least(schema["properties"][name], whole) for name in schema.get("required", ())}
        case "array":
            return [least(schema["items"], whole) for _ in range(schema.get("minItems", 0))]
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case "null":
            return None
    return "a short reply"[: schema.get("maxLength")]


def obeys(path, body):
    form = body.get("response_format", {}).get("json_schema", {})
    return chat(json.dumps(least(form["schema"], form["schema"])) if form else "A short reply.")


class Shell(InteractiveShell):
    """IPython, of which plots in the page ask for a window system: they need none."""

    def enable_gui(self, gui: str | None = None) -> None:
        pass


def run_cells(argv: Sequence[str]) -> int:
    """Run a notebook's cells as its kernel would, which takes seconds to start: in a new IPython, on a running event loop."""
    notebook = nbformat.read(argv[0], as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "commit notebooks without outputs"
    os.chdir(ROOT)
    shell = Shell.instance(config=Config(HistoryManager={"enabled": False}))
    shell.display_pub = shown = CapturingDisplayPublisher()
    shell.display_trap.hook = CapturingDisplayHook(shell, shown.outputs)
    shell.enable_matplotlib("inline")

    async def all_cells() -> None:
        for cell in notebook.cells:
            if cell.cell_type == "code":
                code = shell.transform_cell(cell.source)
                (await shell.run_cell_async(cell.source, transformed_cell=code)).raise_error()
                shell.events.trigger("post_execute")  # plots are shown then

    asyncio.run(all_cells())
    assert any("image/png" in output["data"] for output in shown.outputs), "the plot"
    return 0


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_top_to_bottom_on_a_server_that_keeps_to_schemas(path, monkeypatch, tmp_path):
    with Loopback(obeys) as server:
        monkeypatch.setenv("DSPY_PROGRAMS_LM", "openai/scripted")
        monkeypatch.setenv("DSPY_PROGRAMS_API_BASE", server.url)
        monkeypatch.setenv("DSPY_PROGRAMS_API_KEY", "k")
        process = Started(run_cells, [str(path)], tmp_path, IPYTHONDIR=str(tmp_path))
        said = "".join(process.communicate(timeout=240))
        assert process.returncode == 0, said
        assert server.bodies or path.stem == "08_tools", "the model is asked"


@pytest.mark.model
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", EMBEDDED)
def test_notebook_runs_top_to_bottom_in_a_kernel_on_the_small_model(name, monkeypatch):
    monkeypatch.setenv("DSPY_PROGRAMS_LM", "local/smollm2-135m")
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(ROOT)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs), "the plot"
