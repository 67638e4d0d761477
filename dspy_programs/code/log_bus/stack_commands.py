"""python -m dspy_programs code stack|worker: thin commands over stack.py, kafka.py and spark_job.py."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.cli import new_app
from dspy_programs.code.log_bus.commands import DbOption
from dspy_programs.code.printing import say

app = new_app(
    "Files that run `code up` elsewhere: Docker, Kubernetes, Kafka, Spark. They are written, and the commands printed."
)
_Force = Annotated[bool, typer.Option("--force", help="Replace existing files.")]
_Bootstrap = Annotated[
    str, typer.Option("--bootstrap", metavar="HOST:PORT", envvar="KAFKA_BOOTSTRAP_SERVERS", help="The brokers of Kafka.")
]


@app.command()
def init(
    workspace: Annotated[Path, typer.Option("--workspace", "-w", help="The code whose index the status page shows.")] = Path(
        "."
    ),
    logs: Annotated[Path, typer.Option(help="The folder of logs.")] = Path("logs"),
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the files are written.")] = Path("docker/lightweight"),
    source: Annotated[Path | None, typer.Option(help="Build the image from this clone. Default: from a package index.")] = None,
    kafka: Annotated[bool, typer.Option("--kafka", help="Also a broker, to which events are published.")] = False,
    force: _Force = False,
) -> None:
    """Write a Dockerfile and a compose file that follow a folder of logs, and print what to do next."""
    from dspy_programs.code.log_bus.stack import PORT, compose, dockerfile

    extras = ("serve", "kafka") if kafka else ("serve",)
    content = {
        out / "Dockerfile": dockerfile(source is not None, extras),
        out / "docker-compose.yml": compose(out, workspace, logs, source, kafka),
    }
    _write(content, force)
    command = f"docker compose -f {shlex.quote(str(out / 'docker-compose.yml'))}"
    say("export DSPY_PROGRAMS_SERVER_KEY=$(openssl rand -hex 32)")
    for what in ("build", "up -d", "ps", "logs -f logs", "exec logs dspy-programs code last", "down -v"):
        say(f"{command} {what}")
    say(f'curl -H "X-API-Key: $DSPY_PROGRAMS_SERVER_KEY" http://127.0.0.1:{PORT}/containers')


@app.command()
def k8s(
    image: Annotated[str, typer.Option(help="The image, built from `stack init`'s Dockerfile.")],
    namespace: Annotated[str, typer.Option(help="Where the resources belong.")] = "default",
    out: Annotated[Path, typer.Option("--out", "-o", help="The file.")] = Path("deploy/k8s/logs.yaml"),
    kafka: Annotated[str, typer.Option("--kafka", metavar="HOST:PORT", help="Publish events to these brokers.")] = "",
    topic: Annotated[list[str] | None, typer.Option(help="Also a worker that reads logs.raw.TOPIC; repeatable.")] = None,
    force: _Force = False,
) -> None:
    """Write a DaemonSet that follows the logs of all pods, with workers for Kafka topics, and print what to do next."""
    from dspy_programs.code.log_bus.kubernetes import kubernetes

    _write({out: kubernetes(image, namespace, kafka, topic or ())}, force)
    where = shlex.quote(namespace)
    say(
        f"kubectl -n {where} create secret generic dspy-programs-logs --from-literal=server-key=$(openssl rand -hex 32)\n"
        f"kubectl apply -f {shlex.quote(str(out))}\n"
        f"kubectl -n {where} port-forward daemonset/dspy-programs-logs 8765:8765"
    )


@app.command()
def topics(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Logs: `app` for logs.raw.app and the others.")],
    bootstrap: _Bootstrap = "localhost:9092",
    create: Annotated[bool, typer.Option("--create", help="Create them now. Needs the kafka extra.")] = False,
) -> None:
    """Print the commands that create the Kafka topics of logs, or create them."""
    from dspy_programs.code.log_bus.publishing import create_topics
    from dspy_programs.code.log_bus.topics import creating

    for name in names:
        for line in create_topics(name, bootstrap) if create else creating(name, bootstrap):
            say(line)


@app.command()
def spark(
    out: Annotated[Path, typer.Option("--out", "-o", help="The file.")] = Path("spark_logs.py"),
    bootstrap: _Bootstrap = "localhost:9092",
    force: _Force = False,
) -> None:
    """Write a Spark structured streaming job that counts what goes wrong in all topics, and print how to run it."""
    from dspy_programs.code.log_bus import spark_job

    text = Path(spark_job.__file__).read_text(encoding="utf-8")
    _write({out: text}, force)
    packages = next(line for line in text.splitlines() if line.startswith("spark-submit")).split()[2]
    job = f"{shlex.quote(str(out))} --bootstrap {shlex.quote(bootstrap)}"
    say(f"spark-submit --packages {packages} {job} --checkpoint checkpoints/logs")


def worker(
    topic: Annotated[str, typer.Option(help="Reads logs.raw.TOPIC, writes logs.ctx.TOPIC and agent.results.TOPIC.")],
    bootstrap: _Bootstrap = "localhost:9092",
    db: DbOption = None,
    once: Annotated[bool, typer.Option("--once", help="Stop when everything there has been read.")] = False,
) -> None:
    """Follow a log on Kafka, keep what goes wrong, and publish it. Needs the kafka extra.

    Each message is counted once, even if this is killed: the offsets are kept with the events, not in Kafka.
    """
    from dspy_programs.code.log_bus import Bus, ended_by_signals, opened_storage
    from dspy_programs.code.log_bus.kafka import partitions_of
    from dspy_programs.code.log_bus.keeping import keep
    from dspy_programs.code.log_bus.publishing import Publisher
    from dspy_programs.code.log_bus.sources import Sources

    sources = Sources(once=once)
    for partition in partitions_of(topic, bootstrap, once):
        sources.add(partition)
    bus = Bus(opened_storage(db))
    with ended_by_signals() as stop:
        print(keep(bus, sources, stop, 0.5, once, Publisher(bus, bootstrap)), file=sys.stderr)


def _write(content: dict[Path, str], force: bool) -> None:
    """Write files, all or none if one is there and differs. Raises UsageError."""
    from dspy_programs.atomic_file import write_atomically
    from dspy_programs.errors import UsageError

    for path, text in content.items():
        if path.exists() and not force and (not path.is_file() or path.read_bytes() != text.encode()):
            raise UsageError(f"{path}: is there, and differs; --force replaces it, --out names another place")
    for path, text in content.items():
        write_atomically(path, text)
        say(f"{path} written")
