"""A wheel built from the project, put somewhere else, has all it needs: code, rows and compiled programs."""

import json
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the unpacked wheel, as pip would lay it out, beside Hugging Face `datasets`."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    site = folder / "site"
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    hugging_face = find_spec("datasets")
    (site / "datasets").symlink_to(Path(hugging_face.origin).parent)  # where pip has put it
    return site


def run(installed, tmp_path, *command):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run([sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True)


def test_wheel_holds_the_rooms_and_no_folder_that_hides_hugging_face(installed):
    top = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert top == {"dspy_programs", "metrics", "optimizers", "datasets"} and (installed / "datasets").is_symlink()
    assert all((installed / room / "py.typed").is_file() for room in ("dspy_programs", "metrics", "optimizers"))


def test_installed_wheel_reads_its_own_rows(installed, tmp_path):
    done = run(installed, tmp_path, "-m", "optimizers.train", "--module", "planner", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "300 train" in done.stdout


def test_wheel_leaves_the_builders_of_rows_out_and_says_so(installed, tmp_path):
    assert not (installed / "optimizers" / "sources").exists()
    for command in (("optimizers.build", "planner", "--raw", "."), ("optimizers.calibrate", "--raw", ".")):
        done = run(installed, tmp_path, "-m", *command)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and "needs a checkout" in done.stderr


def test_hugging_face_beside_the_wheel_is_what_is_imported(installed, tmp_path):
    code = "import datasets, optimizers.data; print(datasets.__file__, datasets.load_from_disk, optimizers.__file__)"
    done = run(installed, tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(str(installed)) == 2


def test_installed_wheel_loads_its_compiled_planner(installed, tmp_path):
    code = (
        "import dspy_programs, warnings; warnings.simplefilter('error'); from dspy_programs import load; "
        "p = load('planner', 'local/qwen2.5-coder-1.5b'); print(dspy_programs.__file__); print(p.plan.signature.instructions)"
    )
    done = run(installed, tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    assert str(installed) in done.stdout


def test_installed_wheel_writes_its_pages(installed, tmp_path):
    turns = [{"turn_number": 0, "role": "user", "content": "How many?"}, {"turn_number": 1, "role": "agent", "content": "OK"}]
    (tmp_path / "run.json").write_text(json.dumps({"trace_id": "one", "original_goal": "Count", "turns": turns}))
    for command, page in (("classify", "one.html"), ("batch", "all.html")):
        done = run(installed, tmp_path, "-m", "dspy_programs", "failures", command, "run.json", "--html", page)
        assert done.returncode == 0, done.stderr
        assert "Content-Security-Policy" in (tmp_path / page).read_text()
