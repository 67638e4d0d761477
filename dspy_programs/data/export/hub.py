"""Files of an export on the Hugging Face hub, as one commit of a dataset repository.

Raises     UsageError, in one line: no token, a name that is none, a hub that refuses or is not there. Nothing says the token.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from dspy_programs.data.export.export import Exported
from dspy_programs.errors import UsageError
from dspy_programs.text import quantity

TOKENS = ("HF_TOKEN", "HUGGINGFACE_TOKEN")
_WHY = {401: "the token is not accepted", 403: "the token may not write there", 404: "there is no such owner"}


def hub_token() -> str:
    """Return the token of the environment, or the one that `hf auth login` stored. Raises UsageError."""
    from huggingface_hub import get_token

    token = next(filter(None, (os.environ.get(name, "").strip() for name in TOKENS)), None) or get_token()
    if not token:
        raise UsageError(f"no token for the hub; set {TOKENS[0]}, or run: hf auth login")
    return token


def checked_repo(repo: str) -> str:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise UsageError(f"--repo {repo[:100]!r}: {' '.join(str(error).split())[:200]}") from None
    if repo.count("/") != 1:
        raise UsageError(f"--repo {repo[:100]!r}: give OWNER/NAME")
    return repo


def push_export(exported: Exported, repo: str, private: bool = True) -> str:
    """Upload what `export_pairs` wrote, with its card, as one commit; return its URL.

    repo: OWNER/NAME, made if there is none. The token is the environment's. Raises UsageError.
    """
    paths = [part.path for part in exported.parts] + ([exported.card] if exported.card else [])
    message = f"{exported.dataset}: {quantity(exported.rows, 'row')}"
    return push_files(paths, checked_repo(repo), hub_token(), private, message)


def push_files(paths: Sequence[Path], repo: str, token: str, private: bool, message: str) -> str:
    """Upload the files by their names; return the URL of the commit. The repository is made if there is none."""
    import httpx
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=token)
    try:
        api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        additions = [CommitOperationAdd(path.name, path) for path in paths]
        done = api.create_commit(repo, additions, commit_message=message, repo_type="dataset")
    except HfHubHTTPError as error:
        status = error.response.status_code
        why = {401: "the token is not accepted", 403: "the token may not write there", 404: "there is no such owner"}.get(
            status
        )
        raise UsageError(f"{repo}: the hub answers {status}: {why or ' '.join(str(error).split())[:200]}") from None
    except (httpx.HTTPError, OSError) as error:
        raise UsageError(f"{repo}: {api.endpoint} cannot be reached: {type(error).__name__}") from None
    return str(done.commit_url)
