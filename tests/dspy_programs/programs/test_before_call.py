"""Before a call is made: what has a source stays, what has none is left out or named, and nothing is silent."""

import json
import time
from datetime import date, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.programs.actor.before_call import asked, before_call
from dspy_programs.programs.actor.rest import rest_of, uses_any
from dspy_programs.programs.actor.wording import Wording
from dspy_programs.types import Call, Function, Turn


def function(properties: dict, required: list[str] = (), name: str = "book", description: str = "") -> Function:
    return Function(
        name=name,
        description=description,
        parameters={"type": "object", "properties": properties, "required": list(required)},
    )


def checked(task: str, arguments: dict, properties: dict, required: list[str] = (), context: str = "", turns: list = ()):
    tool = function(properties, required)
    return before_call([Call(tool="book", arguments=arguments)], [tool], asked(task, context, list(turns)))


def kept(task: str, value, schema: dict, needed: bool = False, name: str = "x", context: str = "") -> bool:
    """Return whether one argument is kept."""
    found = checked(task, {name: value}, {name: schema}, [name] if needed else [], context)
    assert bool(found.repairs or found.missing) == (not found.calls or name not in found.calls[0].arguments)  # never silent
    return bool(found.calls) and name in found.calls[0].arguments


TEXT, NUMBER, SWITCH = {"type": "string"}, {"type": "number"}, {"type": "boolean"}
LIST = {"type": "array", "items": TEXT}


@pytest.mark.parametrize(
    ("task", "value", "schema"),
    [
        ("a table for Anna", "Anna", TEXT),
        ("ein Tisch in München", "Munchen", TEXT),
        ("Забронируй столик в Москве", "Москве", TEXT),
        ("帮我订北京的酒店", "北京", TEXT),
        ("a room in Chicago", "Chicago, Illinois", TEXT),  # the state is common knowledge
        ("eight pieces", 8, NUMBER),
        ("8 pieces", "8 pieces", TEXT),
        ("1,200 dollars", 1200, NUMBER),
        ("a rate of 5 %", 0.05, NUMBER),
        ("for the next week", 7, NUMBER),
        ("from March on", 3, NUMBER),
        ("until 11 PM", 23, NUMBER),
        ("10 boxes of 12", 120, NUMBER),
        ("on May 3, 2027", "2027-05-03", TEXT),
        ("on the 3rd of May 2027", "03/05/2027", TEXT),
        ("for two weeks, 2 weeks exactly", "2 weeks", TEXT),
        ("with tennis and golf", ["tennis", "golf"], LIST),
        ("mail ann@example.org", "ann@example.org", TEXT),
        ("the price in kilometers", "kilometers", {"type": "string", "enum": ["miles", "kilometers"]}),
    ],
)
@pytest.mark.parametrize("needed", [True, False])
def test_what_the_task_says_is_kept(task, value, schema, needed):
    assert kept(task, value, schema, needed)


@pytest.mark.parametrize(
    ("task", "value", "schema"),
    [
        ("I have to make a payment", "1234567890", TEXT),
        ("I have to make a payment", 100.5, NUMBER),
        ("send a mail", "john.doe@example.com", TEXT),
        ("a table for Anna", "Rome", TEXT),
        ("send a mail", "", TEXT),
        ("read the news", "YOUR_API_KEY here", TEXT),
        ("what is new", ["Rome", "Paris"], LIST),
        ("a table on May 3, 2027", "2027-08-09", TEXT),
        ("give me the specs", 4.184, NUMBER),
        ("who wins a game of poker", 5, NUMBER),
    ],
)
@pytest.mark.parametrize("needed", [True, False])
def test_what_nobody_said_is_left_out_or_missing(task, value, schema, needed):
    assert not kept(task, value, schema, needed)


@pytest.mark.parametrize(
    ("value", "schema", "name"),
    [
        ("celsius", {"type": "string", "enum": ["celsius", "kelvin"]}, "unit"),
        (10, {"type": "integer", "default": 10}, "limit"),
        (5, {"type": "integer", "description": "how many, default 5"}, "top_n"),
        (True, SWITCH, "nonstop"),
        (False, SWITCH, "nonstop"),
        ("low", {"type": "string", "description": "low, medium or high"}, "level"),
    ],
)
def test_the_schemas_own_values_are_for_what_is_needed_only(value, schema, name):
    assert kept("How is it?", value, schema, needed=True, name=name)
    assert not kept("How is it?", value, schema, needed=False, name=name)


@pytest.mark.parametrize("task", ["only nonstop flights", "a non-stop one, so nonstop"])
def test_a_switch_is_kept_when_it_is_spoken_of(task):
    assert kept(task, True, SWITCH, name="nonstop")
    assert kept("I want to avoid tolls", True, SWITCH, name="avoid_tolls")
    assert kept("and leave out alcohol", False, {"type": "boolean", "description": "Whether to list alcohol"}, name="drinks")


@pytest.mark.parametrize(
    ("value", "name", "description"),
    [
        ("VIE", "origin", "IATA code of the airport"),
        ("AAPL", "ticker", "stock ticker symbol"),
        ("EUR", "currency", "ISO 4217 code"),
        ("fr", "language", "language code"),
    ],
)
def test_a_code_that_the_schema_asks_for_is_common_knowledge(value, name, description):
    assert kept("as discussed", value, {"type": "string", "description": description}, needed=True, name=name)
    assert not kept("as discussed", "Springfield Road", {"type": "string", "description": description}, needed=True, name=name)


@pytest.mark.parametrize(
    ("task", "value", "is_kept"),
    [
        ("Wie ist das Wetter in Wien?", "Vienna", True),
        ("Quel temps fait-il à Londres ?", "London, UK", True),
        ("北京的天气怎么样", "Beijing, China", True),
        ("Какая погода в Москве?", "Moscow", True),
        ("Mach das Licht in der Küche an.", "kitchen", True),
        ("Wie ist das Wetter?", "Vienna", False),
        ("How is the weather in that city?", "Vienna", False),
        ("Was kostet das in Wien?", "DE1234567", False),
    ],
)
def test_in_another_language_a_name_may_be_translated(task, value, is_kept):
    assert kept(task, value, TEXT, needed=True) == is_kept
    assert not kept(task, value, TEXT, needed=False)


def test_an_example_in_a_description_is_no_source():
    place = {"type": "string", "description": "city and state, e.g. San Francisco, CA"}
    order = {"type": "string", "description": "e.g. 'ORD-1234'"}
    assert not kept("How is the weather?", "San Francisco, CA", place, needed=True)
    assert not kept("Where is my parcel?", "ORD-1234", order, needed=True)


def test_a_day_told_relative_to_today_counts_from_the_day_that_the_text_names():
    told = "The current time is January 15, 2027, Friday."
    assert kept("for tomorrow", "2027-01-16", TEXT, True, context=told)
    assert not kept("for tomorrow", "2023-10-06", TEXT, True, context=told)


def test_a_day_told_relative_to_today_counts_from_today():
    assert kept("for tomorrow", str(date.today() + timedelta(days=1)), TEXT, True)
    assert not kept("for tomorrow", "2023-10-06", TEXT, True)


def test_results_are_a_source_and_calls_are_none():
    turn = Turn(turn_number=7, role="agent", tool_name="find", tool_input={"id": "K-77"}, tool_output={"id": "K-99"})
    for value, is_kept in (("K-99", True), ("K-77", False)):
        found = checked("book it", {"id": value}, {"id": TEXT}, ["id"], turns=[turn])
        assert bool(found.calls) == is_kept


def test_parts_of_an_object_and_of_a_list_are_looked_at_one_by_one():
    person = {"type": "object", "properties": {"name": TEXT, "phone": TEXT, "age": NUMBER}, "required": ["name", "phone"]}
    found = checked(
        "a table for Anna, who is 30", {"guest": {"name": "Anna", "phone": "555-0199", "age": 30}}, {"guest": person}
    )
    assert (found.calls, [gap.argument for gap in found.missing]) == ([], ["guest.phone"])
    found = checked("for Anna, on 555-0199", {"guest": {"name": "Anna", "phone": "555-0199", "age": 31}}, {"guest": person})
    assert found.calls[0].arguments == {"guest": {"name": "Anna", "phone": "555-0199"}}
    assert found.repairs == ["book: guest.age: 31 left out, for nobody asked for it"]
    found = checked("with Anna and Bert", {"guests": ["Anna", "Bert", "Zoe"]}, {"guests": LIST}, ["guests"])
    assert found.calls[0].arguments == {"guests": ["Anna", "Bert"]} and '["Zoe"]' in found.repairs[0]


def test_a_list_of_choices_is_kept_when_somebody_named_one():
    skies = {"type": "array", "items": {"type": "string", "enum": ["sunny", "rainy", "cloudy"]}}
    for needed, task, left in (
        (False, "on a rainy day", ["sunny", "rainy"]),  # as in "Monday to Friday"
        (True, "on a rainy day", ["sunny", "rainy"]),
        (False, "on a day", None),
        (True, "on a day", ["sunny", "rainy"]),
    ):
        found = checked(task, {"skies": ["sunny", "rainy"]}, {"skies": skies}, ["skies"] if needed else [])
        assert found.calls[0].arguments.get("skies") == left


def test_an_object_without_any_source_is_one_argument():
    person = {"type": "object", "properties": {"name": TEXT, "phone": TEXT}, "required": ["name", "phone"]}
    draft = {"guest": {"name": "John Doe", "phone": "555-0199"}}
    assert checked("a table", draft, {"guest": person}).calls == [Call(tool="book")]
    assert [gap.argument for gap in checked("a table", draft, {"guest": person}, ["guest"]).missing] == [
        "guest.name",
        "guest.phone",
    ]
    people = {"type": "array", "items": person}
    assert [gap.argument for gap in checked("a table", {"guest": [draft["guest"]]}, {"guest": people}, ["guest"]).missing] == [
        "guest"
    ]


@pytest.mark.parametrize(
    ("output", "left"),
    [
        ("ok", ["Rome"]),
        ({"id": 5}, ["Rome"]),
        ("Error: busy", ["Oslo", "Rome"]),
        ({"error": "busy"}, ["Oslo", "Rome"]),
        (None, ["Oslo", "Rome"]),
    ],
)
def test_what_is_done_is_not_done_again_beside_new_calls(output, left):
    tool = function({"city": TEXT}, ["city"])
    turn = Turn(turn_number=1, role="agent", tool_name="book", tool_input={"city": "Oslo"}, tool_output=output)
    calls = [Call(tool="book", arguments={"city": city}) for city in ("Oslo", "Rome")]
    found = before_call(calls, [tool], asked("Oslo and Rome", "", [turn]))
    assert [call.arguments["city"] for call in found.calls] == left
    assert ("book: the same call left out, for it is done" in found.repairs) == (left == ["Rome"])
    assert before_call(calls[:1], [tool], asked("Oslo and Rome", "", [turn])).calls == calls[:1]  # as one does who waits


def test_what_another_argument_needs_beside_it_stays():
    tool = function({"city": TEXT, "unit": TEXT}, [])
    tool.parameters["dependentRequired"] = {"city": ["unit"]}
    call = Call(tool="book", arguments={"city": "Oslo", "unit": "kelvin"})
    found = before_call([call], [tool], asked("How is Oslo?", "", []))
    assert (found.calls, found.repairs, found.problems) == ([call], [], [])


@pytest.mark.parametrize("schema", [{"anyOf": [TEXT, {"type": "null"}]}, {"type": ["string", "null"]}, {"$ref": "#/$defs/T"}])
def test_schemas_in_other_forms_are_read(schema):
    tool = function({"x": schema}, ["x"])
    tool.parameters["$defs"] = {"T": TEXT}
    for value, is_kept in (("Oslo", True), ("Rome", False)):
        found = before_call([Call(tool="book", arguments={"x": value})], [tool], asked("to Oslo", "", []))
        assert bool(found.calls) == is_kept


def test_a_call_with_problems_and_one_of_an_unknown_tool_stay_as_they_are():
    calls = [Call(tool="book", arguments={"x": 5.5}), Call(tool="rm", arguments={"x": "Rome"})]
    found = before_call(calls, [function({"x": {"type": "integer"}}, ["x"])], asked("to Oslo", "", []))
    assert found.calls == calls and len(found.problems) == 2 and not found.missing


def test_the_given_call_is_not_changed():
    call = Call(tool="book", arguments={"x": {"y": "Rome", "z": ["Rome"]}})
    before = call.model_copy(deep=True)
    before_call([call], [function({"x": {"type": "object", "properties": {"y": TEXT, "z": LIST}}})], asked("Oslo", "", []))
    assert call == before


STOCK = function({"ticker": TEXT}, ["ticker"], "stock_price", "Look up the latest price of a share")


@pytest.mark.parametrize(
    ("task", "is_foreign"),
    [
        ("Who won the match in the city of London?", True),
        ("How is the price of the one from Cupertino?", False),
        ("What do the shares of Apple do?", False),
        ("Was macht Apple heute?", False),  # in another language nothing can be told
        ("Find mig et hotel for to", False),
        ("Find me an ice cream parlour", True),
        ("Apple?", False),
        ("", False),
    ],
)
def test_a_tool_is_foreign_that_shares_no_word_in_the_same_language(task, is_foreign):
    assert Wording(task).is_foreign_to(STOCK) == is_foreign


def test_a_code_needs_something_that_it_may_stand_for():
    flights = function({"origin": {"type": "string", "description": "IATA code"}}, ["origin"], "book", "Find a flight")
    for task, is_kept in (("Find me a flight for next week.", False), ("Find me a flight from Vienna.", True)):
        found = before_call([Call(tool="book", arguments={"origin": "VIE"})], [flights], asked(task, "", []))
        assert bool(found.calls) == is_kept


def test_words_in_a_schema_count_as_the_tools_own():
    schema = {
        "sort": {"type": "string", "enum": ["cheapest"]},
        "by": {"anyOf": [{"type": "string", "description": "of the pilot"}]},
    }
    tool = function(schema, [], "find", "Look up one of the flights")
    assert not Wording("Which is the cheapest of them?").is_foreign_to(tool)
    assert not Wording("Which of the pilots is it?").is_foreign_to(tool)
    assert Wording("Which of the dogs is it?").is_foreign_to(tool)


def call(**arguments) -> Call:
    return Call(tool="f", arguments=arguments)


@pytest.mark.parametrize(
    ("task", "calls", "is_more"),
    [
        ("The weather in Oslo and in Rome", [call(city="Oslo")], True),
        ("The weather in Oslo and in Rome", [call(city="Oslo"), call(city="Rome")], False),
        ("Wie steht es um ORD-17 und 23?", [call(id="ORD-17")], True),
        ('Add "buy milk". Then add "call Bob".', [call(title="buy milk")], True),
        ("Move 20 units and then 30 more", [call(n=20)], True),
        ("Move 20 units at 5 m/s^2", [call(n=20, a=5)], False),
        ("The weather in Oslo, please, and thanks", [call(city="Oslo")], False),
        ("Between 5 and 10 percent", [call(low=0.05, high=0.1)], False),
        ("", [call(city="Oslo")], False),
        ("Oslo and Rome", [call()], False),
    ],
)
def test_a_request_asks_for_more(task, calls, is_more):
    assert bool(rest_of(task, calls)) == is_more


@pytest.mark.parametrize(
    ("task", "calls", "rest"),
    [
        ("How warm is it in Oslo, in Bergen and in Rome?", [call(city="Oslo")], "in Bergen and in Rome?"),
        ("Buy 5 apples for Ann. Then I need 7 pears for Bob.", [call(n=5, who="Ann")], "Then I need 7 pears for Bob."),
    ],
)
def test_the_rest_begins_where_nothing_is_used_yet(task, calls, rest):
    assert rest_of(task, calls) == rest


def test_a_call_for_the_rest_uses_something_of_it():
    rest = "in Bergen and in Rome?"
    assert uses_any(call(city="Rome"), rest, [call(city="Oslo")])
    assert not uses_any(call(city="Oslo", unit="celsius"), rest, [call(city="Oslo")])
    assert not uses_any(call(city="Rome"), rest, [call(city="Rome"), call(city="Oslo")])


@pytest.mark.parametrize(
    "text", ["a" * 500_000, "1," * 200_000, "'" * 100_000, '"x" and ' * 50_000, "e.g. " * 100_000, "\ud800\x00"]
)
def test_hostile_text_takes_no_time(text):
    started = time.process_time()
    tool = function({"x": TEXT, "y": LIST}, ["x"], description=text)
    before_call(
        [Call(tool="book", arguments={"x": text[:1000].replace("\ud800", ""), "y": ["b"]})], [tool], asked(text, text, [])
    )
    rest_of(text, [call(x=text)])
    uses_any(call(x=text), text, [call(x=text)])
    assert time.process_time() - started < 5


def test_deep_lists_take_no_time():
    deep: list = ["b"]
    for _ in range(50):
        deep = [deep, "b"]
    started = time.process_time()
    assert not checked("a table", {"x": deep}, {"x": {"type": "array"}}).calls[0].arguments
    assert time.process_time() - started < 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from("xyz"), json_values),
    st.dictionaries(st.sampled_from("xyz"), json_values),
    st.text(max_size=20),
)
@settings(max_examples=100, deadline=None)
def test_any_schema_and_any_value_give_parts_of_the_call(schema, arguments, task):
    tool = function(schema, ["x"])
    found = before_call([Call(tool="book", arguments=arguments)], [tool], asked(task, "", []))
    for made in found.calls:
        assert made.arguments.keys() <= arguments.keys()
    assert found.calls or found.missing or found.repairs
    json.dumps([gap.model_dump() for gap in found.missing])


def tool_of(name, description, **arguments):
    properties = {argument: {"type": "string", "description": what} for argument, what in arguments.items()}
    parameters = {"type": "object", "properties": properties, "required": list(arguments)}
    return Function(name=name, description=description, parameters=parameters)


WEATHER_OF = tool_of("get_weather", "Current weather of a city", city="City")
MESSAGE = tool_of("send_message", "Send a message to a person", to="Recipient", text="What to send")


@pytest.mark.parametrize(
    ("task", "tool", "arguments", "is_made"),
    [
        ("How warm is it in Oslo?", WEATHER_OF, {"city": "Oslo"}, True),
        ("Do I need an umbrella in Paris today?", WEATHER_OF, {"city": "Paris"}, True),
        ("Tell Anna that I will be late", MESSAGE, {"to": "Anna", "text": "I will be late"}, True),
        ("How warm is it in Oslo?", WEATHER_OF, {"city": "Bergen"}, False),
        ("How many legs does a spider have?", WEATHER_OF, {"city": "spider"}, False),
    ],
)
def test_a_call_in_other_words_is_made_if_the_request_names_what_it_is_given(task, tool, arguments, is_made):
    found = before_call([Call(tool=tool.name, arguments=arguments)], [tool], asked(task, "", []))
    assert bool(found.calls) is is_made
