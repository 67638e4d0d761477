"""What several tests of the agent work in."""

import pytest


@pytest.fixture
def shop(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "a.txt").write_text("Total: 42\n")
    return folder
