"""The examples of docs/cluster.md: YAML of the right kinds, keys from secrets only, commands that exist."""

import importlib
import re
import shlex

import pytest
import typer
import yaml

from tests.docs.examples import ROOT

FOLDER = ROOT / "docs" / "examples"
FILES = ("kubernetes_job.yaml", "kubernetes_ray.yaml", "sky.yaml")


def content(name):
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def containers(name):
    """Yield every container of an example for Kubernetes."""
    spec = content(name)["spec"]
    if name == "kubernetes_job.yaml":
        pods = [spec["template"]]
    else:
        cluster = spec["rayClusterSpec"]
        pods = [cluster["headGroupSpec"]["template"], *(group["template"] for group in cluster["workerGroupSpecs"])]
    return [(pod["spec"], container) for pod in pods for container in pod["spec"]["containers"]]


def commands(name):
    """Return the commands of ours that an example runs, each as (module, arguments)."""
    found = content(name)
    if name == "kubernetes_job.yaml":
        [(_, container)] = containers(name)
        text = shlex.join([*container["command"], *container["args"]])
    else:
        text = found["run"] if name == "sky.yaml" else found["spec"]["entrypoint"]
    lines = re.findall(r"python -m (optimizers\.\w+) ([^\n&|;]*)", text)
    return [(module, shlex.split(arguments)) for module, arguments in lines]


@pytest.mark.parametrize("name", FILES)
def test_commands_take_the_options_that_an_example_gives(name):
    found = commands(name)
    assert found
    for module, arguments in found:
        command = typer.main.get_command(importlib.import_module(module).app)
        context = command.make_context(module, list(arguments))  # raises for an option that is missing, unknown or wrong
        assert context.params["module"] == "planner"
        assert ("--engine" in arguments) == (context.params["engine"] == "ray") == (name != "kubernetes_job.yaml")


def test_an_option_that_does_not_exist_would_be_found():
    command = typer.main.get_command(importlib.import_module("optimizers.evaluate").app)
    with pytest.raises(Exception, match="No such option"):
        command.make_context("evaluate", ["--module", "planner", "--machines", "3"])


@pytest.mark.parametrize(
    ("name", "kind"), [("kubernetes_job.yaml", "batch/v1 Job"), ("kubernetes_ray.yaml", "ray.io/v1 RayJob")]
)
def test_kubernetes_gets_what_it_requires(name, kind):
    found = content(name)
    assert f"{found['apiVersion']} {found['kind']}" == kind
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", found["metadata"]["name"])
    for pod, container in containers(name):
        assert {"name", "image", "env", "resources"} <= container.keys()
        assert container["image"].rpartition(":")[2] not in ("", "latest")
        known = {volume["name"] for volume in pod.get("volumes", [])}
        assert {mount["name"] for mount in container.get("volumeMounts", [])} == known
        for variable in container["env"]:
            assert isinstance(variable.get("value", ""), str) and ("value" in variable) != ("valueFrom" in variable)
            if re.search("KEY|TOKEN|SECRET", variable["name"]):
                assert variable["valueFrom"]["secretKeyRef"].keys() == {"name", "key"}


def test_a_job_that_is_tried_again_finds_its_answers():
    """The folder that the command runs in is on a volume, so the journal outlives the pod."""
    [(_, job)] = containers("kubernetes_job.yaml")
    assert job["workingDir"] in {mount["mountPath"] for mount in job["volumeMounts"]}
    [(_, head), *_] = containers("kubernetes_ray.yaml")
    entry = content("kubernetes_ray.yaml")["spec"]["entrypoint"]
    assert entry.startswith(f"cd {head['volumeMounts'][0]['mountPath']} && ")
    assert content("kubernetes_job.yaml")["spec"]["template"]["spec"]["restartPolicy"] in ("Never", "OnFailure")


def test_workers_of_the_ray_job_fit_in_it_and_have_the_key():
    spec = content("kubernetes_ray.yaml")["spec"]["rayClusterSpec"]
    cpus = sum(group["minReplicas"] * int(group["rayStartParams"]["num-cpus"]) for group in spec["workerGroupSpecs"])
    [(_, arguments)] = commands("kubernetes_ray.yaml")
    assert int(arguments[arguments.index("--workers") + 1]) <= cpus
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    for group in spec["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
        assert "DSPY_PROGRAMS_API_KEY" in {each["name"] for each in group["template"]["spec"]["containers"][0]["env"]}
    assert {container["image"] for _, container in containers("kubernetes_ray.yaml")} == {
        containers("kubernetes_ray.yaml")[0][1]["image"]
    }


def test_skypilot_gets_its_fields():
    found = content("sky.yaml")
    assert found.keys() <= {"name", "num_nodes", "resources", "secrets", "envs", "setup", "run", "workdir", "file_mounts"}
    assert found["secrets"] == {"DSPY_PROGRAMS_API_KEY": None}
    assert not any(re.search("KEY|TOKEN|SECRET", name) for name in found["envs"])
    [(_, arguments)] = commands("sky.yaml")
    cpus = found["num_nodes"] * int(found["resources"]["cpus"].rstrip("+"))
    assert int(arguments[arguments.index("--workers") + 1]) <= cpus
