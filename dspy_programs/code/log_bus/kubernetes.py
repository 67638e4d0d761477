"""Kubernetes resources that run `code up` on each node, and `code worker` for topics of Kafka.

Guarantees no key is in a file: it comes from a Secret; logs are mounted read-only.
Raises     UsageError for a worker without Kafka.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import yaml

from dspy_programs.code.log_bus.stack import DATA, KEY, PORT
from dspy_programs.code.log_bus.topics import topics_of
from dspy_programs.errors import UsageError

_LONGEST = 52  # characters of a StatefulSet's name: a label of its pods adds a hash, and has 63
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_DIGITS = 8  # of a hash, for a topic whose name Kubernetes does not take


def kubernetes(image: str, namespace: str = "default", bootstrap: str = "", topics: Sequence[str] = ()) -> str:
    """Return Kubernetes resources.

    Args:
        image: Built from the Dockerfile, in a registry that the cluster can reach.
        namespace: Where they belong.
        bootstrap: Of Kafka: what is kept is published to it.
        topics: One worker each, which reads `logs.raw.TOPIC`.

    Returns:
        YAML: a DaemonSet that follows the logs of each node's pods, with its status page on the pod's port; the workers.
    """
    named = {"app.kubernetes.io/name": "dspy-programs-logs"}
    secret = {"name": KEY, "valueFrom": {"secretKeyRef": {"name": "dspy-programs-logs", "key": "server-key"}}}
    kafka = [{"name": "KAFKA_BOOTSTRAP_SERVERS", "value": bootstrap}] if bootstrap else []
    data = [{"name": name, "value": value} for name, value in DATA.items()]
    container = {
        "name": "logs",
        "image": image,
        "args": ["code", "up", "/var/log/pods", "--status-host=0.0.0.0", f"--status-port={PORT}", "--workspace=/tmp"],
        "env": [secret, *data, *kafka],
        "ports": [{"name": "status", "containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": "status"}, "periodSeconds": 10},
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False},
        "volumeMounts": [
            {"name": "pods", "mountPath": "/var/log/pods", "readOnly": True},
            {"name": "data", "mountPath": "/data"},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }
    volumes = [
        {"name": "pods", "hostPath": {"path": "/var/log/pods", "type": "Directory"}},
        {"name": "data", "hostPath": {"path": "/var/lib/dspy-programs-logs", "type": "DirectoryOrCreate"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    follower = _workload("DaemonSet", "dspy-programs-logs", namespace, named, container, volumes)
    workers = [_worker(image, namespace, topic, kafka, data) for topic in dict.fromkeys(topics)]
    return "---\n".join(yaml.safe_dump(each, sort_keys=False, width=120) for each in (follower, *workers))


def _worker(image: str, namespace: str, topic: str, kafka: list[dict[str, Any]], data: list[dict[str, Any]]) -> dict[str, Any]:
    if not kafka:
        raise UsageError("--topic: its worker reads Kafka; name the brokers with --kafka HOST:PORT")
    topics_of(topic)
    name = _worker_name(topic)
    container = {
        "name": "worker",
        "image": image,
        "args": ["code", "worker", "--topic", topic],
        "env": [*data, *kafka],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    return _workload("StatefulSet", name, namespace, {"app.kubernetes.io/name": name}, container, [])


def _worker_name(topic: str) -> str:
    """Return a name of its own for each topic: `a.b` and `a_b` are not one worker."""
    begins = "dspy-programs-worker-"
    room = _LONGEST - len(begins)
    if _LABEL.fullmatch(topic) and len(topic) <= room:
        return begins + topic
    told = re.sub(r"[^a-z0-9]+", "-", topic.lower())[: room - _DIGITS - 1].strip("-")
    digest = hashlib.sha256(topic.encode()).hexdigest()[:_DIGITS]
    return f"{begins}{told}-{digest}" if told else begins + digest


def _workload(
    kind: str, name: str, namespace: str, labels: dict[str, str], container: dict[str, Any], volumes: list[dict[str, Any]]
) -> dict[str, Any]:
    spec: dict[str, Any] = {"selector": {"matchLabels": labels}}
    pod: dict[str, Any] = {"containers": [container]} | ({"volumes": volumes} if volumes else {})
    if kind == "StatefulSet":  # one worker, with its own store
        size = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        spec |= {"serviceName": name, "replicas": 1, "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": size}]}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": spec | {"template": {"metadata": {"labels": labels}, "spec": pod}},
    }
