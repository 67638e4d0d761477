"""docs/examples/documents_compose.yaml: valid by Compose's specification, commands that exist, no flag twice, no key in it."""

import re
import tomllib

import pytest
import typer
import yaml

from dspy_programs.serve.commands import app
from tests.docs.examples import ROOT

FILE = ROOT / "docs" / "examples" / "documents_compose.yaml"
TOP = {"name", "services", "volumes", "networks", "secrets", "configs", "include"}
OF_SERVICE = {
    *("image", "build", "command", "entrypoint", "environment", "env_file", "secrets", "configs", "ports", "expose", "volumes"),
    *("depends_on", "healthcheck", "restart", "deploy", "networks", "user", "read_only", "working_dir", "tmpfs", "init"),
}
OF_HEALTHCHECK = {"test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
RESTARTS = r"no|always|unless-stopped|on-failure(:\d+)?"
DURATION = r"(\d+(h|m|s|ms|us))+"
PORT = r"(\d+\.\d+\.\d+\.\d+:)?\d{1,5}:\d{1,5}(/(tcp|udp))?"


def faults_of(content: dict) -> list[str]:
    """Return what the Compose specification forbids in a file: the rules that concern what such a file has."""
    found = [f"top: {name}" for name in content.keys() - TOP]
    services = content.get("services") or {}
    for name, service in services.items():
        found += [f"{name}: {key}" for key in service.keys() - OF_SERVICE]
        found += [f"{name}: neither image nor build"] * (not service.keys() & {"image", "build"})
        found += [f"{name}: port {port}" for port in service.get("ports", ()) if not re.fullmatch(PORT, str(port))]
        found += [f"{name}: restart"] * (not re.fullmatch(RESTARTS, service.get("restart", "no")))
        for kind in ("volumes", "secrets"):
            used = {each.partition(":")[0] for each in service.get(kind, ())}
            found += [f"{name}: {kind} {each}" for each in used - (content.get(kind) or {}).keys() if each[:1] not in "./~"]
        for other, how in service.get("depends_on", {}).items():
            healthy = how.get("condition") != "service_healthy" or "healthcheck" in services.get(other, {})
            found += [f"{name}: depends_on {other}"] * (not (other in services and how["condition"] in CONDITIONS and healthy))
        check = service.get("healthcheck", {})
        found += [f"{name}: healthcheck {key}" for key in check.keys() - OF_HEALTHCHECK]
        found += [f"{name}: healthcheck test"] * (bool(check) and check["test"][0] not in ("CMD", "CMD-SHELL", "NONE"))
        times = [check[key] for key in ("interval", "timeout", "start_period") if key in check]
        found += [f"{name}: {each}" for each in times if not re.fullmatch(DURATION, str(each))]
        found += [
            f"{name}: {key}" for key, value in service.get("environment", {}).items() if not isinstance(value, (str, int))
        ]
        flags = [each.partition("=")[0] for each in service.get("command", ()) if each.startswith("--")]
        found += [f"{name}: {flag} twice" for flag in {each for each in flags if flags.count(each) > 1}]
    return found


def content() -> dict:
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def test_the_file_is_valid():
    assert faults_of(content()) == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("comand", {"comand": []}),
        ("port", {"ports": ["127.0.0.1:http"]}),
        ("volumes other", {"volumes": ["other:/data"]}),
        ("secrets other", {"secrets": ["other"]}),
        ("depends_on llm", {"depends_on": {"llm": {"condition": "service_healthy"}}}),
        ("--port twice", {"command": ["--port=1", "--port=2"]}),
        ("10", {"healthcheck": {"test": ["CMD", "x"], "interval": 10}}),
    ],
)
def test_a_fault_would_be_found(name, change):
    changed = content()
    changed["services"]["documents"] |= change
    assert faults_of(changed) == [f"documents: {name}" if name != "port" else "documents: port 127.0.0.1:http"]


def test_the_server_takes_the_options_and_they_fit_the_other_service():
    services = content()["services"]
    ours, llama = services["documents"], services["llama"]
    assert ours["command"][:5] == ["python", "-m", "dspy_programs", "serve", "http"]
    http = typer.main.get_command(app).commands["http"]
    given = http.make_context("http", list(ours["command"][5:])).params
    model = given["lm"].removeprefix("local/")
    assert (
        f"--alias={model}" in llama["command"]
        and f"--port={ours['environment']['DSPY_PROGRAMS_LLAMA'].rsplit(':')[-1]}" in (llama["command"])
    )
    assert any(each.startswith("--slot-save-path=") for each in llama["command"])  # else nothing can be kept
    assert ours["ports"] == [f"127.0.0.1:8000:{given['port']}"]
    assert str(given["documents"]).startswith("/data/") and ours["environment"]["DSPY_PROGRAMS_PROMPTS"].startswith("/data/")
    assert str(given["key_file"]).rpartition("/")[2] in ours["secrets"]


def test_the_image_is_built_from_the_clone_with_extras_that_exist():
    build = content()["services"]["documents"]["build"]
    project = tomllib.loads((FILE.parent / build["context"] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (extras,) = re.findall(r'pip install "/src\[(.*)\]"', build["dockerfile_inline"])
    assert set(extras.split(",")) <= project["optional-dependencies"].keys()
    assert "COPY . /src\nRUN pip install" in build["dockerfile_inline"]


def test_no_key_is_in_the_file():
    for service in content()["services"].values():
        for name, value in service["environment"].items():
            if re.search("KEY|TOKEN|SECRET", name):
                assert re.fullmatch(rf"\$\{{{name}:\?[^}}]+\}}", value)
