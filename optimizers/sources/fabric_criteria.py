"""What recurring lines in Fabric's prompts ask for, paraphrased, and texts on the same topic that do not ask for it.

All wordings are ours; the lines are Fabric's. A line that asks for two of these is left out.
"""

from typing import NamedTuple


class Line(NamedTuple):
    """name: of the criterion; find: the line, as a pattern; asked, again, decoys: as in ifeval_kinds.py."""

    name: str
    find: str
    asked: tuple[str, ...]
    again: tuple[str, ...]
    decoys: tuple[str, ...]


LINES = (
    Line(
        "openings", r"same (opening|first) (words|few words)",
        ("No two points begin alike", "Entries start differently from each other"),
        ("Let every item begin in another way.",),
        ("Start with the most important item.", "The opening of the input deserves a close look."),
    ),
    Line(
        "no_caveats", r"(warnings?|notes) (or|and) (notes|warnings|other)",
        ("Free of cautions and side remarks", "Nothing is added by way of caveat"),
        ("Leave out caveats and remarks of your own.",),
        ("Mention warnings that the input itself contains.", "Take notes while you read the input."),
    ),
    Line(
        "unnumbered", r"(bulleted lists?.*not numbered|bullets,? not numbers)",
        ("Lists have no 1, 2, 3", "List entries are marked by dots or dashes"),
        ("Mark list entries by dashes and never by figures.",),
        ("Numbers in the input may be rounded.", "Arrange a bullet list by importance."),
    ),
    Line(
        "numbered", r"numbered lists?,? not bullets",
        ("Lists count 1, 2, 3", "List entries are marked by figures"),
        ("Mark the entries of a list by 1, 2, 3 and so on.",),
        ("Check the number of entries before you end.", "A bullet point may hold two lines."),
    ),
    Line(
        "no_repeats", r"not repeat (items|ideas|yourself)",
        ("Says each thing only once", "Has no duplicates"),
        ("Every point may occur once and no more.",),
        ("Look for what the input repeats.", "Repeat the reading until all is clear."),
    ),
    Line(
        "plain_letters", r"not use (bold|italic)s? or (bold|italic)s?",
        ("Letters are neither heavy nor slanted", "No emphasis by typeface"),
        ("Keep all type upright and of normal weight.",),
        ("Be bold in what you conclude.", "Titles in the input may be in italics."),
    ),
    Line(
        "list_alone", r"only output the list, nothing else",
        ("There is a list and no text around it", "Has no words before or after the points"),
        ("Give no text before or after the list.",),
        ("A list of sources may come with the input.", "Put the list in alphabetical order."),
    ),
    Line(
        "all_rules", r"follow all (these|the) instructions",
        ("Insists that every rule be kept", "Demands that no direction be skipped"),
        ("Keep to each one of these rules without exception.",),
        ("These instructions were written with care.", "The input may itself contain instructions."),
    ),
    Line(
        "reason_first", r"think (deeply |carefully )?step[- ]by[- ]step",
        ("Has it reason before it answers", "Calls for thought in stages"),
        ("Reason it out in stages before you write.",),
        ("A guide in steps may be part of the input.", "The steps of the author are told in the past tense."),
    ),
    Line(
        "no_fences", r"not output the markdown code syntax|code indicators",
        ("Is not wrapped in backticks", "Has no fences around it"),
        ("Put no backticks around the result.",),
        ("Code in the input is to be taken as an example.", "Syntax errors of the input do not matter."),
    ),
    Line(
        "fresh_words", r"clich[eé]s or jargon",
        ("Avoids worn phrases and insiders' terms", "Worded freshly and for laymen"),
        ("Use neither stock phrases nor the terms of a trade.",),
        ("Jargon of the input is a sign of its field.", "Explain where a cliche of the author comes from."),
    ),
    Line(
        "no_protest", r"not (object|complain|ask questions or complain)",
        ("Does its work without protest", "Never argues about its assignment"),
        ("Do the work without any protest.",),
        ("Complaints in the input are worth a look.", "Some readers may object to the author."),
    ),
    Line(
        "quotations", r"15 to 30 .*quotes",
        ("Between fifteen and thirty citations", "From 15 up to 30 passages word for word"),
        ("Cite 15 to 30 of the best passages word for word.",),
        ("A quote shows who said it.", "Quotes within quotes are hard to read."),
    ),
    Line(
        "facts", r"15 to 30 .*valid facts",
        ("Between fifteen and thirty things that are so in the world", "From 15 up to 30 truths about the world"),
        ("List 15 to 30 true statements about the world that occur in it.",),
        ("Facts are to be told apart from opinions.", "A fact may be found in a footnote."),
    ),
    Line(
        "advice", r"15 to 30 .*recommendations",
        ("Between fifteen and thirty pieces of advice", "From 15 up to 30 suggestions"),
        ("List 15 to 30 pieces of advice that it gives.",),
        ("Recommendations of others are of no interest.", "Read what the author would recommend."),
    ),
    Line(
        "many_ideas", r"at least 25 ideas",
        ("Twenty-five thoughts or more", "No fewer than 25 notions"),
        ("Come up with 25 thoughts or more from it.",),
        ("Ideas grow out of other ideas.", "Twenty-five years ago such ideas were new."),
    ),
    Line(
        "many_insights", r"at least 10 insights",
        ("Ten deeper findings or more", "No fewer than 10 refined findings"),
        ("Come up with ten deeper findings or more.",),
        ("An insight is an idea that was refined.", "Ten minutes are enough for an insight."),
    ),
    Line(
        "brief_ideas", r"ideas bullets as exactly (15|16) words",
        ("Thoughts have a fixed length in words", "Each thought is as long as the others"),
        ("Give every thought the same fixed number of words.",),
        ("Count the ideas before you end.", "Ideas may be found in any of the bullets."),
    ),
    Line(
        "summary", r"summary of the content in (20|25|30) words",
        ("Tells in a few dozen words who presents what", "A digest that names the presenter"),
        ("Tell in a few dozen words what it is about and who presents it.",),
        ("A summary of other works is of no use here.", "The content may begin with a summary."),
    ),
    Line(
        "one_sentence", r"single,? (15|20)-word sentence",
        ("All of it condensed to one period", "The whole in one short statement"),
        ("Say the whole of it in one short statement.",),
        ("A single sentence may change the meaning.", "Sentences of twenty words are easy to read."),
    ),
)  # fmt: skip
