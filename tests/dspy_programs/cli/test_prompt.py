"""Lines that are typed at a prompt: which of them are never kept."""

import pytest

from dspy_programs.cli.prompt import has_secret


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("edit 'rename a to b' --api-key letmein0", True),
        ("ask 'why is " + "ghp_" + "a1B2" * 9 + " refused?'", True),
        ("search 'where is the api key read?'", False),
        ("grep token src", False),
    ],
)
def test_a_line_with_a_key_is_not_kept(line, expected):
    assert has_secret(line) is expected
