"""Secrets in a text: where they are, also where one is inside another."""

from dspy_programs.secret_values import secrets_in, without_secrets

TOKEN = "ghp_" + "a1B2" * 9
KEY = f"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n{TOKEN}\nQ2xv\n-----END RSA PRIVATE KEY-----"


def test_a_key_inside_a_private_key_is_no_secret_of_its_own():
    assert [(secret.kind, secret.start, secret.end) for secret in secrets_in(KEY)] == [("private_key", 0, len(KEY))]


def test_the_text_around_secrets_stays_with_its_lines():
    assert without_secrets(f"a\n{KEY}\nb {TOKEN} c") == "a\n[private_key]\n\n\n\n\nb [github_token] c"
