"""Secrets in the shapes that logs have them in are taken out, quickly; what only speaks of them stays."""

import time

import pytest

from dspy_programs.code.log_bus.redaction import redacted_lines

SECRET = r"""
redis://:s3cretvalue@db:6379 ;; mysql://root:p@s3cretvalue@db/x ;; authorization: basic s3cretvalue
Authorization: Token s3cretvalue
{"user": "a", "password": "s3cretvalue"} ;; {'api_key': 's3cretvalue'} ;; "{\"access_token\": \"s3cretvalue\"}"
password="two s3cretvalue words" ;; password: s3cretvalue ;; pwd = s3cretvalue ;; auth_token: s3cretvalue
X-API-Key: s3cretvalue
<password>s3cretvalue</password> ;; x --db-password s3cretvalue ;; curl --user a:s3cretvalue x
{"Set-Cookie": "sid=s3cretvalue"}
{"private_key": "-----BEGIN PRIVATE KEY-----\nMIIs3cretvalue==\n-----END PRIVATE KEY-----\n"}
"""
NONE = r"""
Unexpected token: identifier ;; unexpected token: '}' ;; KeyError: 'password' ;; password: authentication failed for bob
GET http://host:8080/x@y ;; postgres://db:5432/app timed out ;; password = get_password(user) ;; no primary_key: orders
token expired: please log in ;; secret: none ;; n_tokens: 2000 ;; git@github.com:a/b ;; wrong password (3 tries)
"""


def each(block: str) -> list[str]:
    return [text for row in block.strip("\n").splitlines() for text in row.split(" ;; ")]


@pytest.mark.parametrize("line", each(SECRET))
def test_a_secret_is_taken_out(line):
    assert "s3cretvalue" not in "".join(redacted_lines([line]))


@pytest.mark.parametrize("line", each(NONE))
def test_what_only_speaks_of_secrets_stays(line):
    assert redacted_lines([line]) == [line]


@pytest.mark.parametrize(
    "line",
    [
        "-----BEGIN PRIVATE KEY-----" + "a " * 3_000 + "!",
        "-----BEGIN PRIVATE KEY-----" * 1_000,
        "password='" * 2_000,
        "://a:" * 4_000,
        "x-key-" * 3_000 + ":",
    ],
)
def test_no_line_keeps_it_busy(line):
    began = time.process_time()
    redacted_lines([line])
    assert time.process_time() - began < 2
