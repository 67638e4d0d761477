"""The page of judgments to read, made with a scripted judge."""

from tests.dspy_programs.data.judging.judges import GOOD
from tests.fakes import ChatServer
from tests.judgments_read import labelled_pairs, main


def test_half_of_the_pairs_are_what_people_preferred():
    found = labelled_pairs(50)
    assert len({pair.id for pair, _ in found}) == 50
    assert [status for _, status in found].count("approved") == 25
    assert all(pair.output.strip() for pair, _ in found)


def test_the_page_has_every_pair_and_the_same_command_pays_nothing_twice(tmp_path, capsys):
    with ChatServer(lambda prompt: GOOD) as server:
        argv = ["--out", str(tmp_path), "--pairs", "6", "--lm", "openai/mine", "--api-base", server.url]
        assert main(argv) == main(argv) == 0
        assert len(server.requests) == 6
    page = (tmp_path / "read.md").read_text()
    assert page.count("- [ ] right") == 6 == page.count("openai/mine: correctness 10.0")
    assert "people: approved" in page and "people: rejected" in page
    assert "refused: no better than chance" in capsys.readouterr().out
