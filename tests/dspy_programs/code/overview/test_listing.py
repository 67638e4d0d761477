"""The listing has a folder's own files and its logs, and nothing behind a link."""

from dspy_programs.code.overview.listing import listing_of


def test_logs_behind_links_are_not_the_folders(tmp_path):
    top, outside = tmp_path / "repo", tmp_path / "outside"
    for folder in (top / "logs", top / "log-of-us", outside / "deep"):
        folder.mkdir(parents=True)
    for path in (top / "logs" / "app.log", top / "log-of-us" / "a.log", outside / "secret.log", outside / "deep" / "b.log"):
        path.write_text("ERROR\n")
    (top / ".gitignore").write_text("*.log\n")
    (top / "log-linked").symlink_to(outside)
    (top / "logs" / "more").symlink_to(outside)
    (top / "linked.log").symlink_to(outside / "secret.log")
    assert listing_of(top).splitlines() == [".gitignore", "log-of-us/a.log", "logs/app.log"]
