"""Raw files to section scorer rows: what is taken out of a prompt, what a row holds, and that splits share nothing."""

import json
from random import Random

import dspy
import pytest

from dspy_programs.errors import DatasetError
from dspy_programs.programs.section_scorer import DOUBT, pairs_in_doubt, shares_by_rules
from dspy_programs.programs.section_scorer.section_scorer import CUT, CheckSection
from dspy_programs.text import jaccard, words
from dspy_programs.types import Rubric, Section
from optimizers.recipes.demonstrations.section_scorer import LONGEST_SECTION, as_demonstration, kind_shown, pair_shown
from optimizers.sources.followbench_criteria import CRITERIA
from optimizers.sources.ifeval_kinds import KINDS, places, states
from optimizers.sources.section_scorer import (
    HARD,
    build,
    followbench_prompt,
    group_rows,
    ifeval_prompt,
    read_ifeval,
)

NONE = {"num_words": None}
CONSTRAINTS = [
    ("punctuation:no_comma", {}, "Do not use commas in your reply."),
    ("length_constraints:number_sentences", {"relation": "at least", "num_sentences": 8}, "Use at least 8 sentences."),
    ("startend:quotation", {}, "Wrap your entire response with double quotation marks."),
    ("detectable_format:title", {}, "Add a title in double angular brackets, i.e. <<title>>."),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "Close with a postscript starting with P.S."),
]
TOPICS = "sea forest desert moon river city island castle garden market volcano harbour".split()


def record(number: int) -> dict:
    """A prompt about one topic, with two constraints that can be told apart."""
    topic = TOPICS[number]
    chosen = [CONSTRAINTS[number % 5], CONSTRAINTS[(number + 1) % 5]]
    return {
        "key": number,
        "prompt": f"{topic} {topic}s {topic}ly describe{number}. " + " ".join(text for *_, text in chosen),
        "instruction_id_list": [type_ for type_, *_ in chosen],
        "kwargs": [arguments | NONE for _, arguments, _ in chosen],
    }


@pytest.fixture
def raw(tmp_path):
    """Twelve prompts, one example with levels, and six patterns, as the publishers write them."""
    for folder in ("ifeval", "followbench", "fabric_patterns"):
        (tmp_path / folder).mkdir()
    lines = "".join(json.dumps(record(number)) + "\n" for number in range(len(TOPICS)))
    (tmp_path / "ifeval" / "input_data.jsonl").write_text(lines)
    for category in {key[0] for key in CRITERIA}:
        (tmp_path / "followbench" / f"{category}_constraints.json").write_text("[]")
    levels = ["How did US states get their names?", "How did US states get their names? Please respond like Shakespeare."]
    rows = [{"example_id": 3, "level": level, "instruction": text} for level, text in enumerate(levels)]
    (tmp_path / "followbench" / "style_constraints.json").write_text(json.dumps(rows))
    patterns = [
        {"name": str(i), "text": f"# IDENTITY\n\nYou are expert number {i} in old maps. {'You think. ' * 20}"} for i in range(6)
    ]
    (tmp_path / "fabric_patterns" / "system_prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in patterns))
    return tmp_path


def built(raw):
    return build(raw, {"train": 5, "val": 3, "test": 4}, {"train": 15, "val": 8, "test": 12})


def test_build_gives_the_same_rows_every_time(raw):
    assert built(raw) == built(raw)
    assert {split: len(rows) for split, rows in built(raw).items()} == {"train": 15, "val": 8, "test": 12}


def test_build_keeps_groups_tasks_and_ids_in_one_split(raw):
    splits = built(raw)
    ids = [row["id"] for rows in splits.values() for row in rows]
    assert len(ids) == len(set(ids))
    groups = [{row["group"] for row in rows} for rows in splits.values()]
    assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
    tasks = {row["group"]: frozenset(words(row["sections"][-1]["content"])) for rows in splits.values() for row in rows}
    found = list(tasks.values())
    assert all(jaccard(a, b) <= 1 for a in found for b in found)


def test_build_rows_are_labelled_as_their_sections_say(raw):
    for row in [row for rows in built(raw).values() for row in rows]:
        sections = [Section(**section) for section in row["sections"]]
        rubric = Rubric(**row["rubric"])
        names = [criterion.name for criterion in rubric.criteria]
        assert 3 <= len(names) <= 5 and list(row["gold"]) == list(row["covering"]) == names
        assert row["overall"] == pytest.approx(rubric.overall(row["gold"]), abs=1e-6)
        known = {section.name for section in sections}
        assert len(known) == len(sections) and "task" in known
        for name in names:
            assert bool(row["covering"][name]) == bool(row["gold"][name]) and set(row["covering"][name]) <= known
        descriptions = {criterion.description for criterion in rubric.criteria}
        assert not descriptions & {section.content for section in sections}


def test_build_rows_of_a_group_differ_in_what_is_dropped_alone(raw):
    rows = [row for rows in built(raw).values() for row in rows]
    for group in {row["group"] for row in rows}:
        own = [row for row in rows if row["group"] == group]
        assert all(row["rubric"] == own[0]["rubric"] and row["task"] == own[0]["task"] for row in own)
        assert len({sum(row["gold"].values()) for row in own}) == len(own)


def test_build_begins_with_all_hard_kinds(raw):
    rows = built(raw)["train"]
    kinds = {row["hard"] for row in rows}
    assert kinds <= set(HARD) and {row["hard"] for row in rows[: len(kinds)]} == kinds


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: (raw / "ifeval" / "input_data.jsonl").unlink(), "--raw must name the folder"),
        (lambda raw: (raw / "ifeval" / "input_data.jsonl").write_text("{"), "input_data.jsonl:1: not JSON"),
        (lambda raw: (raw / "ifeval" / "input_data.jsonl").write_text('{"prompt": 5}'), "input_data.jsonl:1: not a record"),
        (lambda raw: (raw / "ifeval" / "input_data.jsonl").write_text(""), "tasks and"),
        (lambda raw: (raw / "followbench" / "style_constraints.json").write_text('[{"level": 1}]'), "not records of Follow"),
        (lambda raw: (raw / "fabric_patterns" / "system_prompts.jsonl").write_text("[]"), "not a record of Fabric"),
    ],
)
def test_build_names_the_file_that_is_not_what_it_should_be(raw, change, message):
    change(raw)
    with pytest.raises(DatasetError, match=message):
        built(raw)


def test_ifeval_prompt_takes_out_the_sentences_that_state_a_constraint():
    prompt = ifeval_prompt(record(0))
    assert prompt.base == "sea seas sealy describe0."
    assert [c.text for c in prompt.constraints] == ["Do not use commas in your reply.", "Use at least 8 sentences."]


@pytest.mark.parametrize(
    "text",
    [
        "Describe the sea without commas.",  # in the task itself
        "Describe the sea.\nDo not use commas.",  # of several paragraphs
        "Describe the sea. Use no commas. Commas are bad.",  # said twice
        "Describe the sea. Say it well.",  # not said
        f"Describe the sea. {'Wave. ' * 80}Use no commas.",  # too long
    ],
)
def test_ifeval_prompt_is_none_where_no_constraint_can_be_told_apart(text):
    assert ifeval_prompt({"key": 1, "prompt": text, "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}) is None


def test_ifeval_prompt_leaves_a_sentence_with_two_constraints_in_the_task():
    types = ["punctuation:no_comma", "startend:quotation"]
    text = "Describe the sea. Use no commas and wrap all in double quotation marks."
    assert ifeval_prompt({"key": 1, "prompt": text, "instruction_id_list": types, "kwargs": [{}, {}]}) is None


def test_followbench_prompt_takes_what_a_level_adds():
    task = "How did US states get their names?"
    levels = {0: task, 1: task + " Please respond as Shakespeare", 2: "Reworded. Be funny."}
    prompt = followbench_prompt("style", 3, levels)
    assert [(c.name, c.text) for c in prompt.constraints] == [("bard", "Please respond as Shakespeare.")]
    assert followbench_prompt("style", 3, {0: task}) is None
    assert followbench_prompt("style", 999, levels) is None


@pytest.mark.parametrize(
    ("sentence", "arguments", "said"),
    [
        ("Use at least 31 sentences.", {"num_sentences": 31}, True),
        ("Use more than 30 sentences.", {"num_sentences": 31}, True),
        ("Use three sentences.", {"num_sentences": 3}, True),
        ("Use at least 310 sentences.", {"num_sentences": 31}, False),
        ("Use at least 31 words.", {"num_sentences": 31}, False),
    ],
)
def test_states_wants_the_matter_and_the_count(sentence, arguments, said):
    assert states(sentence, "length_constraints:number_sentences", arguments) == said


def test_states_wants_every_keyword():
    keywords = {"keywords": ["sun", "sea"]}
    assert states("Mention Sun and sea.", "keywords:existence", keywords)
    assert not states("Mention sunny seas.", "keywords:existence", keywords)


@pytest.mark.parametrize("type_", sorted(KINDS))
def test_wordings_of_a_kind_have_a_place_for_every_argument_and_no_two_alike(type_):
    arguments = {
        "relation": "at least", "num_words": 8, "keywords": ["sun", "sea"], "forbidden_words": ["sun"], "letter": "q",
        "keyword": "sun", "language": "de", "section_spliter": "PART", "postscript_marker": "P.S.", "first_word": "sun",
        "nth_paragraph": 2, "end_phrase": "The end.",
    }  # fmt: skip
    kind = KINDS[type_]
    made = [w.format_map(places(arguments, Random(0))) for w in (*kind.asked, *kind.again, *kind.decoys)]
    assert len(set(made)) == len(made) and all("{" not in text for text in made)


@pytest.mark.parametrize(("relation", "count"), [("at least", 8), ("less than", 8), (None, 3)])
def test_places_give_a_decoy_count_that_does_not_imply_the_right_one(relation, count):
    found = places({"relation": relation, "num_words": count}, Random(1))
    other = int(found["other"].split()[-1])
    assert {"at least": other < count, "less than": other >= count, None: other != count}[relation]


def test_group_rows_never_let_a_dropped_criterion_be_stated_elsewhere():
    prompts = [ifeval_prompt(record(number)) for number in range(12)]
    known = {c.name: c for prompt in prompts for c in prompt.constraints}
    for prompt in prompts:
        for row in group_rows(prompt, prompts, ["You are an expert in old maps."]):
            dropped = [known[name] for name, share in row["gold"].items() if not share]
            decoys = {decoy for c in dropped for decoy in known_decoys(c.type)}
            kept = [section["content"] for section in row["sections"] if section["content"] not in decoys]
            assert not [text for c in dropped for text in kept if states(text, c.type, c.arguments)]


def known_decoys(type_: str) -> set[str]:
    """A kind's decoys with every count there may be."""
    relations = [(relation, n) for relation in ("at least", "less than", None) for n in range(12)]
    found = [
        places({"relation": relation, "num_words": n, "postscript_marker": "P.S."}, Random(0)) for relation, n in relations
    ]
    return {decoy.format_map(filled) for decoy in KINDS[type_].decoys for filled in found}


def examples(raw) -> list[dspy.Example]:
    return [
        dspy.Example(**{**row, "sections": [Section(**part) for part in row["sections"]], "rubric": Rubric(**row["rubric"])})
        for row in built(raw)["train"]
    ]


def pair_row(*sections: str, covering: dict[str, list[str]]) -> dspy.Example:
    """A row with sections s0, s1, ... and the criteria commas and bullets."""
    criteria = [{"name": "bullets", "description": "three bullets"}, {"name": "commas", "description": "comma-free"}]
    parts = [Section(name=f"s{number}", content=text) for number, text in enumerate(sections)]
    return dspy.Example(sections=parts, rubric=Rubric(name="r", criteria=criteria), task="the sea", covering=covering)


LIST, SPLIT, PLAIN = "A trio of bullets.", "Separate the items by commas.", "Write without commas."


@pytest.mark.parametrize(
    ("sections", "covering", "pair", "share", "asks"),
    [
        ((PLAIN, LIST), {"commas": ["s0"], "bullets": ["s1"]}, ("s1", "bullets"), 0.2, "yes"),
        ((PLAIN, SPLIT), {"commas": ["s0"], "bullets": []}, ("s1", "commas"), 0.5, "no"),  # s0 asks for it, s1 does not
        ((LIST, SPLIT), {"commas": [], "bullets": ["s0"]}, ("s1", "commas"), 0.5, "no"),  # both in doubt, this one more
        ((SPLIT, LIST), {"bullets": ["s1"]}, ("s0", "commas"), 0.5, "no"),  # a criterion without a label
    ],
)
def test_as_demonstration_shows_the_most_doubtful_pair_with_its_right_answer(sections, covering, pair, share, asks):
    row = pair_row(*sections, covering=covering)
    shares = shares_by_rules(row.sections, row.rubric)
    assert shares[pair[0]][pair[1]] == pytest.approx(share) and DOUBT[0] < share < DOUBT[1]
    section, criterion = pair_shown(row)
    assert (section.name, criterion.name) == pair and pair in pairs_in_doubt(shares)
    shown = {"task": "the sea", "section": section.content, "criterion": str(criterion)}
    assert as_demonstration(row) == {"check": {**shown, "asks": asks}} and kind_shown(row) == asks


def test_as_demonstration_of_every_row_is_short_and_has_the_fields_and_the_label_of_its_pair(raw):
    rows = examples(raw)
    assert {kind_shown(row) for row in rows} == {"yes", "no"}
    for row in rows:
        section, criterion = pair_shown(row)
        demo = as_demonstration(row)["check"]
        assert list(demo) == list(CheckSection.fields) and len(str(demo)) < 1000
        assert demo["asks"] == ("yes" if section.name in row.covering[criterion.name] else "no")
        assert demo["criterion"] == str(criterion) and section.content.startswith(demo["section"][:50])


def test_pair_shown_is_in_doubt_wherever_a_pair_of_the_row_is(raw):
    doubtful = [(row, pairs) for row in examples(raw) if (pairs := pairs_in_doubt(shares_by_rules(row.sections, row.rubric)))]
    assert len(doubtful) >= 3
    for row, pairs in doubtful:
        section, criterion = pair_shown(row)
        assert (section.name, criterion.name) in pairs


def test_as_demonstration_cuts_a_long_section():
    row = pair_row(f"{SPLIT} {'wave ' * 200}", covering={})
    shown = as_demonstration(row)["check"]["section"]
    assert shown.startswith(SPLIT) and CUT in shown and len(shown) <= LONGEST_SECTION


def test_read_ifeval_leaves_out_prompts_without_separable_constraints(raw):
    assert len(read_ifeval(raw)) == len(TOPICS)
