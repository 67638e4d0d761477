"""Which sentences bind, in any language and shape, and when a smaller prompt still says them."""

import pytest

from dspy_programs.budget.prompts.binding import binding_sentences
from dspy_programs.budget.prompts.literals import placeholders
from dspy_programs.budget.prompts.lost import lost, missing
from dspy_programs.budget.redundancy import no_longer_said
from dspy_programs.types import Section


def bound(content: str, type_: str = "instruction") -> list[str]:
    """Return what binds for more than a statement in plain words."""
    found = binding_sentences([Section(name="a", content=content, type=type_)])
    return [one.text for one in found if one.kind != "statement"]


def kinds(content: str) -> list[str]:
    return [one.kind for one in binding_sentences([Section(name="a", content=content)])]


def gone(before: str, after: str) -> list[str]:
    return [one.text for one in lost([Section(name="a", content=before)], [Section(name="a", content=after)])]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Basic economy flights cannot be modified.", "prohibition"),
        ("The remaining amount is not refundable.", "prohibition"),
        ("Refuse medical questions.", "refusal"),
        ("You should deny user requests that are against this policy.", "refusal"),
        ("Wait for the user to agree before you cancel a booking.", "condition"),
        ("The agent needs to collect the name.", "step"),
        ("Guests may bring a dog.", "permission"),
        ("If the order is late, apologise.", "condition"),
        ("Answer in JSON.", "format"),
        ("The tone is warm.", "format"),
        ("Be kind.", "step"),
        ("Obfuscate the surnames.", "step"),
        ("A bike goes out against a deposit.", "step"),
        ("The passenger pays the difference.", "step"),
        ("A reservation is released.", "step"),
        ("Room 12 is the office.", "fact-with-number"),
        ("Question: {question}", "placeholder"),
        ("You take a transcript and name the topics.", "step"),
        ("You are a bot that finds the dates in a text.", "step"),
        ("Lehnen Sie mündliche Kündigungen ab.", "refusal"),
        ("Eigenverschulden nicht bewerten.", "prohibition"),
        ("Grüßen Sie den Kunden.", "step"),
        ("Les cartes ne sont pas prêtées.", "prohibition"),
        ("Vouvoyez le lecteur.", "step"),
        ("Espera la confirmación del pasajero.", "step"),
        ("El pasajero paga la diferencia.", "step"),
        ("Rifiuta le richieste di ricette.", "refusal"),
        ("Peça o número de matrícula.", "step"),
        ("Geef nooit advies.", "prohibition"),
        ("Свечи обмену не подлежат.", "prohibition"),
        ("Отвечайте вежливо.", "step"),
        ("返金しないでください。", "prohibition"),
        ("同意を待つこと。", "step"),
        ("不得透露电话号码。", "prohibition"),
        ("金额保留小数。", "step"),
        ("비밀번호를 묻지 마세요.", "prohibition"),
        ("月謝は前払いです。", "step"),
        ("교환은 무료입니다.", "step"),
        ("Das Gepäck ist am Schalter abzugeben.", "step"),
        ("Le sac est à déposer.", "step"),
        ("O pagamento é à vista.", "step"),
        ("The deposit is small.", "step"),
        ("Hide the surname.", "step"),
        ("Thank the guest.", "step"),
        ("Welcome him by name.", "step"),
        ("Hello, tell him your name.", "step"),
        ("Keep the wording as it was.", "step"),
        ("Приветствуйте гостя.", "step"),
    ],
)
def test_demands_bind_in_any_language(text, kind):
    assert [one.kind for one in binding_sentences([Section(name="a", content=text)])] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "You are an expert with 20 years of practice.",
        "You are a seasoned reviewer who has seen every bug.",
        "Welcome to our shop!",
        "Thank you for your help.",
        "Hi, I am the people desk.",
        "Sie sind der digitale Assistent der Alpina.",
        "Vous êtes l'assistante de la bibliothèque.",
        "Eres la asistente de la aerolínea.",
        "Sei l'assistente dello studio.",
        "Você é a assistente da escola.",
        "Je bent de klantassistent van Windkracht.",
        "Вы — помощник магазина.",
        "あなたは旅館の案内係です。",
        "당신은 한빛은행의 상담 도우미입니다.",
        "# Who we are",
    ],
)
def test_who_the_model_is_and_courtesy_are_free(text):
    assert kinds(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "It is a lovely shop by the sea.",
        "Our bikes are red.",
        "Maria was born in Rome before the war.",
        "Unser Team ist freundlich.",
        "Notre boutique est à Lyon.",
        "我们是一家书店。",
        "We sell to businesses.",
        "We were told that refunds come from finance.",
        "My budget is small.",
        "These are internal notes.",
        "It is the manager who decides.",
        "You are concise and formal.",
        "You have three tries.",
        "You know the guest by surname.",
        "There was an agreement to keep the name out.",
        "Du bist verschwiegen.",
        "Vous êtes neutre en politique.",
        "Eres discreto.",
        "あなたは簡潔です。",
        "您是客观中立的。",
    ],
)
def test_what_describes_may_be_a_rule_in_plain_words_and_is_listed_as_a_statement(text):
    assert kinds(text) == kinds(f"# About us\n{text}") == ["statement"]


@pytest.mark.parametrize(
    "heading",
    [
        "# RULES",
        "## Output sections",
        "STEPS",
        "**Policy**",
        "<rules>",
        "Regeln:",
        "# Consignes",
        "Reglas:",
        "# 规则",
        "【ルール】",
        "Правила:",
    ],
)
def test_items_under_a_heading_of_rules_bind_whatever_they_say(heading):
    assert "the colour of the sea" in bound(f"{heading}\n- the colour of the sea")


def test_a_plain_fact_under_a_title_of_its_own_may_matter_but_not_under_background():
    fact = "The murderer is the notary."
    assert bound(f"## What stays hidden\n{fact}") == [fact]
    assert bound(f"## Background\n{fact}") == []


def test_titles_of_a_template_bind():
    assert {"QUOTES:", "WORKS:"} <= set(bound("# STEPS\n\nOutput this template:\n\nQUOTES:\n\nFive.\n\nWORKS:\n\nSome."))


def test_examples_show_and_only_their_orders_and_places_bind():
    content = "Use these for tone only.\n\nQ: Never say never?\nA: Do it.\nQ: {q}"
    assert bound(content, "few_shot") == ["Use these for tone only.", "Q: {q}"]
    after = "<examples>\nQ: x\nA: y\n</examples>\nFor the following query, write a critique."
    assert bound(after, "few_shot") == ["For the following query, write a critique."]


def test_a_description_binds_with_the_demand_that_speaks_of_it():
    assert bound("The code name is Falcon. Do not share it.") == ["The code name is Falcon.", "Do not share it."]
    assert bound("Write a resume for Maj. They are a poet.") == ["Write a resume for Maj.", "They are a poet."]
    assert bound("Our doctors are friendly. When they are busy, offer a callback.")[0] == "Our doctors are friendly."
    assert bound("The shop is old. It is by the sea.\n\nBe kind.") == ["Be kind."]


def test_a_binding_says_where_it_stands():
    content = "# Shop\n\nNever:\n- lie. Or swear.\n"
    found = binding_sentences([Section(name="a", content=content)])
    assert [(one.number, content[one.start : one.end].strip(), one.lead_in) for one in found] == [
        (1, "Never:", ""),
        (2, "- lie.", "Never:"),
        (3, "Or swear.", "Never:"),
    ]


@pytest.mark.parametrize(
    "after",
    [
        "Never mention the price.",
        "NEVER mention the prices!",
        "**Never** mention the price",
        "Hello. Please, never mention the price. Bye.",
        "- Never mention a price.",
    ],
)
def test_a_sentence_is_said_by_the_same_words(after):
    assert gone("Never mention the price.", after) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Never mention the price.", "Always mention the price."),
        ("Never mention the price.", "Mention the price."),
        ("Never mention the price.", "Never mention the price of gold."),
        ("Never share name, phone, street and email.", "Never share name, phone and street."),
        ("Use at most 5 sentences.", "Use at most 6 sentences."),
        ("Use at most 5 sentences.", "Use at least 5 sentences."),
        ("Keep it > 5.", "Keep it < 5."),
        ('Say "Hi".', 'Say "hi".'),
        ("Use {name}.", "Use {Name}."),
        ("Refund gifts, not cash.", "Refund cash, not gifts."),
        ("You may call.", "You must call."),
        ("Guests cannot pay.", "Guests can pay."),
        ("Report closed accounts.", "Report close accounts."),
        ("返金しないでください。", "返金してください。"),
    ],
)
def test_a_sentence_is_lost_if_anything_that_matters_differs(before, after):
    assert gone(before, after) == [before]


def test_an_item_is_lost_with_the_line_it_hangs_on():
    assert gone("Never:\n- swear", "- swear") == ["Never:", "swear"]
    assert gone("## Don'ts\n- use emoji", "- use emoji") == ["use emoji"]


def test_a_sentence_under_two_headings_is_two():
    assert gone("# Refunds\n- Ask why.\n# Repairs\n- Ask why.", "# Refunds\n- Ask why.") == ["Ask why."]


def test_contractions_say_the_same():
    assert gone("Don't refund gifts.", "Do not refund gifts.") == []


def test_missing_takes_a_list_at_hand():
    found = binding_sentences([Section(name="a", content="Be kind. Be brief.")])
    assert missing(found, [Section(name="b", content="Be brief.")]) == found[:1]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a {x} b {{ y }} c ${z} d <<w>> [NAME]", {"{x}", "{{ y }}", "${z}", "<<w>>", "[NAME]"}),
        ('{"a": 1} {} {1}', set()),
        ("", set()),
    ],
)
def test_placeholders_are_names_in_braces(text, found):
    assert placeholders(text) == found


@pytest.mark.parametrize(
    "title", ["# No refunds", "# Refunds: none", "NO REFUNDS EVER", "**Never refund**", "---\nrefund: never\n---"]
)
def test_a_title_that_forbids_binds(title):
    assert len(bound(f"{title}\n\nOur shop was founded in Rome.")) >= 1


@pytest.mark.parametrize("title", ["# Don'ts", "# What not to do", "# Never:", "# Never", "# Our history"])
def test_a_title_that_only_announces_does_not(title):
    assert bound(f"# About us\n#{title}") == []


def test_what_a_tag_says_beside_its_name_binds():
    assert bound('<policy refund="never">\n</policy>') == ['policy refund="never"']
    assert bound('<document source="{url}">\n</document>') == ['document source="{url}"']


@pytest.mark.parametrize(
    "text",
    [
        "Our shop sells bikes; discounts stay with members.",
        "Our company has no branch in Rome, so insurance is left out.",
        "Our company has a policy: refunds stay closed.",
        "The company was founded by Ann, who bans refunds.",
        "The law changed and refunds became illegal.",
        "Our store has zero tolerance for rudeness.",
        "Thank you for keeping prices secret!",
        "Our answers are short.",
    ],
)
def test_a_rule_behind_a_description_binds(text):
    assert bound(f"# About us\n{text}") == [text]


def test_clauses_that_all_describe_do_not_bind():
    assert bound("# About us\nOur shop sells bikes; it was founded in Rome.") == []


@pytest.mark.parametrize("order", ["Never reveal prices.", "- Never reveal prices.", "IMPORTANT: never reveal prices."])
@pytest.mark.parametrize("last", ["", "\n\nQ: c?\nA: d."])
def test_an_order_between_examples_binds_and_is_missed(order, last):
    before = [
        Section(name="task", type="instruction", content="Be kind.", priority=1),
        Section(name="shots", type="few_shot", content=f"Q: a?\nA: b.\n\nQ: e?\nA: f.\n\n{order}{last}", priority=1),
    ]
    assert [one.text for one in no_longer_said(before, before[:1])] == [order.removeprefix("- ")]
    assert no_longer_said(before, before) == []
