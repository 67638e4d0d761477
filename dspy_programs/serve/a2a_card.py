"""The agent card: what the A2A agent is, where it answers, and what it can do: every operation is a skill.

Guarantees it is made once: anybody may ask for it, and making it takes 20 milliseconds.
"""

import functools
import hashlib
import json
import re
from urllib.parse import urlsplit

from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentSkill,
    APIKeySecurityScheme,
    HTTPAuthSecurityScheme,
    SecurityRequirement,
    SecurityScheme,
    StringList,
)
from starlette.responses import Response

import dspy_programs
from dspy_programs.errors import UsageError
from dspy_programs.serve.operations import OPERATIONS, Operation

JSON = "application/json"
PATH = "/a2a"
_PLACE = "http://place.invalid"  # of the server, in what is made once
_PLAIN_URL = re.compile(r"[A-Za-z0-9._~:/\[\]%-]{1,500}")


def public_url_of(given: str | None) -> str | None:
    """Return the URL without a slash at its end. Raises UsageError for one that is no address of a server."""
    if given is None:
        return None
    try:
        parts = urlsplit(given)
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right or parts.username is not None or parts.query or parts.fragment or not _PLAIN_URL.fullmatch(given):
        raise UsageError(f"--public-url {given!r}: give the address that clients use, such as https://tools.example.com")
    return given.rstrip("/")


def agent_card(url: str, needs_key: bool) -> AgentCard:
    """Return the card for a client that reached this server at `url`."""
    schemes = {
        "apiKey": SecurityScheme(api_key_security_scheme=APIKeySecurityScheme(location="header", name="X-API-Key")),
        "bearer": SecurityScheme(http_auth_security_scheme=HTTPAuthSecurityScheme(scheme="Bearer")),
    }
    address = url.rstrip("/") + PATH
    return AgentCard(
        name="dspy-programs",
        description="Tools for people who build LM agents: find out why runs fail, compress memory, shrink prompts, make data.",
        version=dspy_programs.__version__,
        supported_interfaces=[
            AgentInterface(url=address, protocol_binding="JSONRPC", protocol_version="1.0"),
            AgentInterface(url=address, protocol_binding="JSONRPC", protocol_version="0.3"),
        ],
        capabilities=AgentCapabilities(streaming=True, push_notifications=False),
        default_input_modes=[JSON, "text/plain"],
        default_output_modes=[JSON],
        skills=[_skill_of(operation) for operation in OPERATIONS.values()],
        security_schemes=schemes if needs_key else {},
        security_requirements=[SecurityRequirement(schemes={name: StringList()}) for name in schemes] if needs_key else [],
    )


def card_response(url: str, needs_key: bool, known: str | None) -> Response:
    """Return the card for a client that reached this server at `url`; known: the tag of the one that it has."""
    card = _template(needs_key).replace(_PLACE, json.dumps(url.rstrip("/"))[1:-1]).encode()
    tag = f'W/"{hashlib.sha256(card).hexdigest()}"'
    if known == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(card, media_type=JSON, headers={"ETag": tag})


@functools.cache
def _template(needs_key: bool) -> str:
    return json.dumps(agent_card_to_dict(agent_card(_PLACE, needs_key)))


def _skill_of(operation: Operation) -> AgentSkill:
    [given] = operation.request.model_json_schema()["examples"]
    example = json.dumps({"skill": operation.name, "input": given})
    return AgentSkill(
        id=operation.name, name=operation.title, description=operation.says, tags=operation.tags, examples=[example]
    )
