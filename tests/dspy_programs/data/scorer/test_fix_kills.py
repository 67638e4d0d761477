"""data fix --apply, killed at any moment: the old file or the new one, never a part of one."""

import json
import random
import shutil
import time
from collections import Counter

import pytest

from dspy_programs.__main__ import main
from tests.processes import Started

KILLS = 5


@pytest.mark.timeout(300)
def test_a_kill_leaves_the_old_file_or_the_new_one(tmp_path):
    rows = [{"instruction": f"  Say {number} ", "output": f"```text\nIt is {number}.\n```"} for number in range(4000)]
    old = "".join(json.dumps(row) + "\n" for row in rows)
    path = tmp_path / "rows.jsonl"
    path.write_text(old)
    for _ in range(2):  # the first starts what starts processes
        path.unlink(missing_ok=True)
        path.with_name("rows.jsonl.before").unlink(missing_ok=True)
        path.write_text(old)
        began = time.monotonic()
        whole = Started(main, ["data", "fix", "rows.jsonl", "--apply"], tmp_path)
        assert whole.communicate(120) and whole.returncode == 0
        seconds = time.monotonic() - began
    new = path.read_text()
    assert new != old
    draw, ends = random.Random(18), Counter()
    for number in range(KILLS):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "rows.jsonl").write_text(old)
        command = Started(main, ["data", "fix", "rows.jsonl", "--apply"], folder)
        time.sleep(seconds * draw.uniform(0.1, 1.0))
        command.kill()
        command.communicate(60)
        found = (folder / "rows.jsonl").read_text()
        assert found in (old, new), number
        before = folder / "rows.jsonl.before"
        assert found == old or before.read_text() == old
        assert not before.exists() or before.read_text() == old
        if found == old:
            again = Started(main, ["data", "fix", "rows.jsonl", "--apply"], folder)
            again.communicate(120)
            assert again.returncode == 0 and (folder / "rows.jsonl").read_text() == new and before.read_text() == old
        ends[found == old, before.exists()] += 1
        shutil.rmtree(folder)
    assert ends[True, False] + ends[True, True]
