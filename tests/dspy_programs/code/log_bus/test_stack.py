"""The files that `code stack` writes: valid, without keys, and their commands are commands."""

import ast
import re
import shlex
import sys

import pytest
import typer
import yaml

from dspy_programs.__main__ import app, main
from dspy_programs.code.log_bus.kubernetes import kubernetes
from dspy_programs.code.log_bus.stack import compose, dockerfile
from dspy_programs.code.log_bus.topics import topic_name
from dspy_programs.errors import UsageError
from dspy_programs.serve.keys import VARIABLE
from tests.docs.test_compose_example import faults_of

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "logs").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(context, words):
    """Return the parameters of a command line as Typer reads it, or fail."""
    group = typer.main.get_command(app)
    while words and hasattr(group, "commands"):
        group, words = group.commands[words[0]], words[1:]
    return group.make_context("x", list(words)).params


@pytest.mark.parametrize("kafka", [False, True])
def test_the_compose_file_is_valid_and_its_command_is_one(here, kafka):
    content = yaml.safe_load(compose(here, here, here / "logs", kafka=kafka))
    assert faults_of(content) == []
    service = content["services"]["logs"]
    params = run(app, service["command"])
    assert params["status_host"] == "0.0.0.0" and params["logs"] == ["/logs"]
    assert service["ports"] == [f"127.0.0.1:{params['status_port']}:{params['status_port']}"]
    assert f"{here / 'logs'}:/logs:ro" in service["volumes"]
    assert ("kafka" in content["services"]) == kafka == ("KAFKA_BOOTSTRAP_SERVERS" in service["environment"])


def test_the_digest_is_of_what_is_in_the_file(here):
    one, two = (yaml.safe_load(compose(here, here, here / "logs", kafka=kafka)) for kafka in (False, True))
    digests = [each["services"]["logs"]["environment"]["DSPY_PROGRAMS_COMPOSE"] for each in (one, two)]
    assert digests[0] != digests[1] and all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests)


def test_no_key_is_in_a_file(here, monkeypatch):
    monkeypatch.setenv("DSPY_PROGRAMS_SERVER_KEY", "a-key-of-the-environment")
    monkeypatch.setenv("REDDB_TOKEN", "a-token-of-the-environment")
    assert main(["code", "stack", "init", "--kafka"]) == 0
    for path in (here / "docker").rglob("*"):
        assert path.is_dir() or "of-the-environment" not in path.read_text()
    service = yaml.safe_load((here / "docker/lightweight/docker-compose.yml").read_text())["services"]["logs"]
    for name, value in service["environment"].items():
        if re.search("KEY|TOKEN", name):
            assert value.startswith(f"${{{name}:"), name


def test_the_image_is_built_from_a_clone_or_an_index(here):
    from dspy_programs import __version__

    assert f'"dspy-programs[serve]=={__version__}"' in dockerfile()
    assert "COPY . /src" in dockerfile(source=True)
    (here / "clone").mkdir()
    build = yaml.safe_load(compose(here, here, here / "logs", here / "clone"))["services"]["logs"]["build"]
    assert build == {"context": str(here / "clone"), "dockerfile": str(here / "Dockerfile")}


def test_the_key_is_the_one_that_the_server_reads(here):
    environment = yaml.safe_load(compose(here, here, here / "logs"))["services"]["logs"]["environment"]
    (workload, *_) = yaml.safe_load_all(kubernetes("image"))
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    assert VARIABLE in environment and VARIABLE in {each["name"] for each in container["env"]}


def test_a_folder_cannot_put_a_command_into_those_that_are_printed(here, capsys):
    assert main(["code", "stack", "init", "--out", "a; touch b"]) == 0
    commands = [line for line in capsys.readouterr().out.splitlines() if line.startswith("docker")]
    assert commands and all(shlex.split(line)[3] == "a; touch b/docker-compose.yml" for line in commands)


@pytest.mark.parametrize("name", ["a:b", "no such"])
def test_a_folder_that_cannot_be_mounted_is_refused(here, name):
    if ":" in name:
        (here / name).mkdir()
    with pytest.raises(UsageError, match=r"cannot (?:name|mount) it"):
        compose(here, here, here / name)


def test_a_dollar_in_a_path_stays_one(here):
    (here / "a$HOME").mkdir()
    volumes = yaml.safe_load(compose(here, here, here / "a$HOME"))["services"]["logs"]["volumes"]
    assert f"{here}/a$$HOME:/logs:ro" in volumes


def test_kubernetes_resources_are_valid_and_their_commands_are_commands():
    text = kubernetes("registry.example.com/logs:1", "ops", "kafka:9092", ["app", "Web_UI"])
    resources = list(yaml.safe_load_all(text))
    assert [each["kind"] for each in resources] == ["DaemonSet", "StatefulSet", "StatefulSet"]
    for each in resources:
        assert each["apiVersion"] == "apps/v1" and each["metadata"]["namespace"] == "ops"
        assert re.fullmatch(LABEL, each["metadata"]["name"])
        spec, template = each["spec"], each["spec"]["template"]
        assert spec["selector"]["matchLabels"] == template["metadata"]["labels"]
        (container,) = template["spec"]["containers"]
        run(app, container["args"])
        volumes = {volume["name"] for volume in template["spec"].get("volumes", ())}
        volumes |= {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", ())}
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes
        assert {"KAFKA_BOOTSTRAP_SERVERS", "DSPY_PROGRAMS_CODE"} <= {one["name"] for one in container["env"]}
        if each["kind"] == "StatefulSet":
            assert spec["serviceName"] == each["metadata"]["name"]


def test_each_topic_has_a_worker_of_its_own_with_a_name_that_pods_can_have():
    topics = ["app", "a.b", "a_b", "a-b", "A-B", "-", "_", "x-" * 15 + "x", "x" * 32, "x" * 200, "x" * 199 + "y", "app"]
    text = kubernetes("image", bootstrap="kafka:9092", topics=topics)
    workers = {each["metadata"]["name"]: each for each in list(yaml.safe_load_all(text))[1:]}
    asked = [each["spec"]["template"]["spec"]["containers"][0]["args"][-1] for each in workers.values()]
    assert asked == topics[:-1]
    for name in workers:
        assert re.fullmatch(LABEL, name) and len(name) <= 52, name
    assert "dspy-programs-worker-app" in workers and "dspy-programs-worker-a-b" in workers


def test_a_worker_without_kafka_is_refused():
    with pytest.raises(UsageError, match="name the brokers with --kafka"):
        kubernetes("image", topics=["app"])


def test_files_that_are_there_are_not_replaced_unless_so_asked(here, capsys):
    assert main(["code", "stack", "init"]) == main(["code", "stack", "init"]) == 0
    path = here / "docker/lightweight/Dockerfile"
    path.write_text("mine")
    before = {each: each.read_bytes() for each in path.parent.iterdir()}
    capsys.readouterr()
    assert main(["code", "stack", "init", "--kafka"]) == 2
    assert "--force replaces it" in capsys.readouterr().err
    assert {each: each.read_bytes() for each in path.parent.iterdir()} == before
    assert main(["code", "stack", "init", "--force"]) == 0 and path.read_text() != "mine"


def test_topics_are_printed_as_kafkas_commands(capsys):
    assert main(["code", "stack", "topics", "app", "--bootstrap", "localhost:29092"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == ["logs.raw.app", "logs.ctx.app", "agent.results.app"]
    assert main(["code", "stack", "topics", "a b"]) == 2


@pytest.mark.parametrize(("name", "topic"), [("web", "web"), ("we b/ü", "we_b__"), ("", "_"), ("x" * 300, "x" * 200)])
def test_any_log_has_a_topic(name, topic):
    assert topic_name(name) == topic


def test_the_spark_job_stands_alone(here, capsys):
    assert main(["code", "stack", "spark", "--out", "job.py"]) == 0
    tree = ast.parse((here / "job.py").read_text())
    imported = {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"typing", "pyspark"}
    assert capsys.readouterr().out.splitlines()[-1].startswith("spark-submit --packages org.apache.spark:spark-sql-kafka")


def test_spark_counts_what_goes_wrong_by_window_log_and_severity(monkeypatch):
    pytest.importorskip("pyspark", reason='needs pip install "dspy-programs[spark]" and Java')
    import json
    from datetime import datetime

    from pyspark.sql import SparkSession

    from dspy_programs.code.log_bus.spark_job import windows_of

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    spark = SparkSession.builder.master("local[1]").config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
    when = datetime(2026, 1, 1, 12, 0, 1)
    rows = [("logs.raw.app", text, when) for text in ("ERROR a", "ERROR b", "INFO 0 errors", "WARN c", "panic: d")]
    found = windows_of(spark.createDataFrame(rows, ["topic", "value", "timestamp"])).collect()
    spark.stop()
    counts = {json.loads(row["value"])["severity"]: json.loads(row["value"])["count"] for row in found}
    assert counts == {"error": 2, "warning": 1, "fatal": 1} and {row["topic"] for row in found} == {"logs.ctx.app"}


OLD = (
    *("lightweight_init", "lightweight_up", "lightweight_down", "lightweight_status", "lightweight_build"),
    *("stream-topics", "stream_topics", "stream-topics-create", "deploy-topics", "deploy_topics"),
    *("spark-script", "k8s-render", "reddb-mock", "datasearch", "databackend", "logs", "spark"),
)


@pytest.mark.parametrize("name", OLD)
def test_an_old_command_is_answered_by_one_line_that_names_the_new_one(capsys, name):
    assert main(["code", name, "--workspace", ".", "x"]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {name} is the old name; use this: ") and told.count("\n") == 1
    for command in re.findall(r"dspy-programs code ((?:stack )?[a-z0-9]+)", told):
        group = typer.main.get_command(app).commands["code"]
        for word in command.split():
            group = group.commands[word]
