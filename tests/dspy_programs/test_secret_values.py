"""Secrets in a text: where they are, also where one is inside another; their makers' forms; none in texts that only look so."""

import base64
import random
import string
import time

import pytest

from dspy_programs.secret_values import secrets_in, without_secrets

_DRAW = random.Random(5)
HEX, ALL, WORD = "0123456789abcdef", string.ascii_letters + string.digits, string.ascii_letters + string.digits + "_-"


def drawn(count, letters=ALL):
    return "".join(_DRAW.choice(letters) for _ in range(count - 1)) + "7"


def pair(name):
    return base64.b64encode(f"{name}:{drawn(9)}".encode()).decode()


FORMS = {
    f"glpat-{drawn(27, WORD)}.a1.{drawn(9)}": "gitlab_token",
    f"https://hooks.slack.com/workflows/T0A1B2C3D/A0A1B2C3D/{drawn(18, string.digits)}/{drawn(24)}": "slack_token",
    f"sk_org_live_{drawn(60)}": "stripe_key",
    f"sk-or-v1-{drawn(64, HEX)}": "openai_key",
    f"1//0{drawn(60, WORD)}": "google_key",
    f"aXb8Q~{drawn(34)}": "azure_key",
    f"{drawn(76)}AZDO{drawn(4)}": "azure_key",
    f"https://discord.com/api/webhooks/{drawn(18, string.digits)}/{drawn(68, WORD)}": "discord_token",
    **{f"{prefix}{drawn(40, HEX)}": "service_token" for prefix in ("sbp_", "pul-", "squ_", "bkua_", "dapi", "shippo_live_")},
    **{
        f"{prefix}{drawn(52)}": "service_token"
        for prefix in ("gsk_", "pplx-", "lin_api_", "ntn_", "glsa_", "dp.pt.", "nvapi-", "HRKU-")
    },
    f"dckr_pat_{drawn(27, WORD)}": "service_token",
    f"pat{drawn(14)}.{drawn(64, HEX)}": "service_token",
}
SAID = [
    "redis://:{}@cache.acme.internal:6379/0",
    "https://x-{}@git.acme.io/a.git",
    "jdbc:oracle:thin:app/{}@//db:1521/shop",
    "curl -u ann:{} https://acme.net",
    "mysql -u root -p{} shop",
    "tool --password {} shop",
    "sshpass -p {} ssh a@b",
    "DB_PASS={}",
    "machine acme.net login ann password {}",
    "<password>{}</password>",
    "Cookie: a=1; sessionid={}",
    "https://a.net/f?code={}",
]
CALM = [
    "the pass rate was 0.93 and pass@1 is 17",
    "DB_PASS=your-password-1",
    "curl -u user:password1example https://a.net",
    "mysql -p shop",
    "Basic authentication with aGVsbG8gd29ybGQ",
    "def passed(self): pass",
    "https://example.org/search?key=installation-guide",
    "sha512-Zy0e9C1uGZ8rVxT3bJ0m4q7wq2nN5kK3xX8dD1sS6fF9gG2hH4jJ7lL0pP== in package-lock.json",
    "sha256:" + "9f3c2ab7" * 8,
    "secret_sharing_scheme_for_three_parties",
    "jina_embeddings_v3",
    "sk-learn",
    "git@github.com:ann/a.git",
    "https://github.com/ann/a/blob/9f3c2ab7714d0a3b9f3c2ab7714d0a3b9f3c2ab7/x.py",
    "--token-limit 4096",
    "--secret NAME",
    "ico-png-32",
    "Authorization: Bearer <token>",
    "Cookie: token=deleted; path=/",
    "<password>changeme123</password>",
    "key=lambda row: row[1]",
]


@pytest.mark.parametrize("token", FORMS)
def test_a_form_that_its_maker_documents_is_found_whole(token):
    assert [(secret.kind, secret.end - secret.start) for secret in secrets_in(f"x = {token} # y")] == [
        (FORMS[token], len(token))
    ]


@pytest.mark.parametrize("said", SAID)
def test_a_password_is_found_where_commands_and_addresses_have_it(said):
    password = drawn(28)
    assert password not in without_secrets(said.format(password))


@pytest.mark.parametrize(
    "text", [f"Authorization: Basic {pair('ann')}", f'"auth": "{pair("ann")}"', f"//a.net/:_auth={pair('ann')}"]
)
def test_a_name_and_its_password_in_base64_are_found(text):
    assert "[" in without_secrets(text) and pair("ann")[:6] not in without_secrets(text)


@pytest.mark.parametrize("text", CALM)
def test_what_only_looks_like_a_secret_is_none(text):
    assert secrets_in(text) == []


@pytest.mark.parametrize(
    "part", ["://a:", " -u a:", "mysql a -p", "Cookie: token=", "?key=", "pass=", "Basic ", "A1a.", "secret_1", "thin:a/x@"]
)
def test_no_line_keeps_it_busy(part):
    began = time.process_time()
    secrets_in((part * 20_000)[:200_000])
    assert time.process_time() - began < 3


TOKEN = "ghp_" + "a1B2" * 9
KEY = f"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n{TOKEN}\nQ2xv\n-----END RSA PRIVATE KEY-----"


def test_a_key_inside_a_private_key_is_no_secret_of_its_own():
    assert [(secret.kind, secret.start, secret.end) for secret in secrets_in(KEY)] == [("private_key", 0, len(KEY))]


def test_the_text_around_secrets_stays_with_its_lines():
    assert without_secrets(f"a\n{KEY}\nb {TOKEN} c") == "a\n[private_key]\n\n\n\n\nb [github_token] c"
