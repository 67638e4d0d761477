"""Parts are the whole text, each within the limit; the likeliest is the one with the question's rare words."""

from hypothesis import given, settings, strategies as st

from dspy_programs.documents import Corpora
from dspy_programs.documents.parts import likeliest, parts_of

TEXTS = st.lists(st.sampled_from(["word ", "end. ", "\n\n", "\n", "averylongwordwithoutspaces", "x"]), max_size=80).map("".join)


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(3, 40))
def test_parts_are_the_text_and_fit(text, most):
    parts = parts_of(text, most, len)
    assert "".join(parts) == text and all(len(part) <= most for part in parts)


def test_text_is_cut_between_paragraphs():
    assert parts_of("One two.\n\nThree four.\n\nFive.", 22, len) == ["One two.\n\n", "Three four.\n\nFive."]


def test_likeliest_part_has_the_rare_words_of_the_question(tmp_path):
    corpora = Corpora(tmp_path / "d.sqlite")
    corpora.put("a", ["The room is blue.", "The heron of the room sleeps.", "The room is red."], ["x"])
    corpora.put("b", ["heron heron heron"], ["x"])
    assert likeliest(corpora.database, "a", "Where does the heron sleep?")[0] == 1
    for hostile in ('"', "a OR b", "NEAR(", "*", "corpus:b", "-"):
        likeliest(corpora.database, "a", hostile)  # FTS5 has a language of its own, which a question does not speak


def test_likeliest_part_is_found_in_scripts_without_spaces(tmp_path):
    corpora = Corpora(tmp_path / "d.sqlite")
    corpora.put("a", ["北京的春天很美。", "王小明在北京大学学习数学。", "李华在上海工作。 GPT-3"], ["x"])
    assert likeliest(corpora.database, "a", "王小明在哪里学习？") == [1]
    assert likeliest(corpora.database, "a", "李华 GPT 北京")[0] == 2
    assert likeliest(corpora.database, "a", "谁付了钱？") == []


def test_tokens_are_counted_a_few_times_and_not_once_for_each_paragraph():
    counted = 0

    def count(text: str) -> int:
        nonlocal counted
        counted += len(text)
        return len(text)

    text = "\n\n".join(f"Room {i} is blue." for i in range(5_000))
    assert len(parts_of(text, 20_000, count)) == len(text) // 20_000 + 1
    assert counted < 5 * len(text)
