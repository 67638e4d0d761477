"""A Dockerfile and a compose file that run `code up`.

Guarantees no key is in a file: it comes from the environment; the status page is published on loopback; logs and code are
           mounted read-only.
Raises     UsageError for a folder that is not there, or whose name a compose file cannot have.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from dspy_programs import __version__
from dspy_programs.errors import UsageError

PORT = 8765
KAFKA_IMAGE = "apache/kafka:3.9.1"
KEY, _ASKED = "DSPY_PROGRAMS_SERVER_KEY", "a key of your choice, 16 characters or more"
_HEALTH = f"import urllib.request; urllib.request.urlopen('http://localhost:{PORT}/health')"
_PASSED = ("DB_BACKEND", "REDDB_URL", "REDDB_NAMESPACE", "REDDB_TOKEN")
DATA = {"DSPY_PROGRAMS_CODE": "/data"}


def dockerfile(source: bool = False, extras: Sequence[str] = ("serve",)) -> str:
    """Return a Dockerfile. source: this project is built from the build's folder, not installed from an index."""
    wanted = ",".join(extras)
    install = f'COPY . /src\nRUN pip install --no-cache-dir "/src[{wanted}]"'
    if not source:
        install = f'RUN pip install --no-cache-dir "dspy-programs[{wanted}]=={__version__}"'
    return f'FROM python:3.12-slim\n{install}\nVOLUME /data\nENTRYPOINT ["dspy-programs"]\n'


def compose(folder: Path, workspace: Path, logs: Path, source: Path | None = None, kafka: bool = False) -> str:
    """Return a compose file.

    Args:
        folder: Where it and its Dockerfile are.
        workspace: The code whose index the status page shows.
        logs: The folder of logs that is followed.
        source: A clone of this project, to build the image from; None: it is installed from an index.
        kafka: Also a broker; what is kept is published to it.

    Returns:
        YAML.
    """
    image = f"dspy-programs-logs:{__version__}"
    build = (
        {"context": str(_mounted(source)), "dockerfile": str((folder / "Dockerfile").resolve())} if source else {"context": "."}
    )
    environment = {
        KEY: f"${{{KEY}:?{_ASKED}}}",
        **DATA,
        "DSPY_PROGRAMS_IMAGE": image,
        **{name: f"${{{name}:-}}" for name in _PASSED},
    }
    service: dict[str, Any] = {
        "image": image,
        "build": build,
        "command": ["code", "up", "/logs", "--status-host=0.0.0.0", f"--status-port={PORT}", "--workspace=/workspace"],
        "environment": environment,
        "ports": [f"127.0.0.1:{PORT}:{PORT}"],
        "volumes": [f"{_mounted(logs)}:/logs:ro", f"{_mounted(workspace)}:/workspace:ro", "data:/data"],
        "healthcheck": {"test": ["CMD", "python", "-c", _HEALTH], "interval": "10s", "timeout": "5s", "start_period": "10s"},
        "init": True,
        "read_only": True,
        "tmpfs": ["/tmp"],
        "restart": "unless-stopped",
    }
    content: dict[str, Any] = {"name": "logs", "services": {"logs": service}, "volumes": {"data": None}}
    if kafka:
        environment["KAFKA_BOOTSTRAP_SERVERS"] = "kafka:9092"
        service["depends_on"] = {"kafka": {"condition": "service_started"}}
        content["services"]["kafka"] = _broker()
        content["volumes"]["kafka"] = None
    digest = hashlib.sha256(yaml.safe_dump(content).encode()).hexdigest()
    environment["DSPY_PROGRAMS_COMPOSE"] = digest
    return f"# {KEY}=... docker compose up -d\n{yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)}"


def _broker() -> dict[str, Any]:
    """Return one Kafka broker without ZooKeeper: kafka:9092 inside, localhost:29092 outside."""
    return {
        "image": KAFKA_IMAGE,
        "environment": {
            "KAFKA_NODE_ID": 1,
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_LISTENERS": "INSIDE://:9092,OUTSIDE://:29092,CONTROLLER://:9093",
            "KAFKA_ADVERTISED_LISTENERS": "INSIDE://kafka:9092,OUTSIDE://localhost:29092",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "KAFKA_INTER_BROKER_LISTENER_NAME": "INSIDE",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@kafka:9093",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": 1,
            "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
        },
        "ports": ["127.0.0.1:29092:29092"],
        "volumes": ["kafka:/var/lib/kafka/data"],
        "restart": "unless-stopped",
    }


def _mounted(path: Path | None) -> str:
    found = str(path.resolve()) if path is not None else ""
    if path is None or not path.is_dir():
        raise UsageError(f"{path}: no folder; a container cannot mount it")
    if ":" in found or "\n" in found:
        raise UsageError(f"{found}: a compose file cannot name it, because of its colon or line break")
    return found.replace("$", "$$")
