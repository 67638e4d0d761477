"""WorkBench's outcome: what counts as the same change as the gold answer's, and what does not."""

import pytest

from dspy_programs.errors import DatasetError
from optimizers.sources.workbench_outcome import changes_something, stored_records, went_well

STORED = {("calendar", "00000007"): {"event_id": "00000007", "event_name": "Review", "duration": "30"}}
DELETE = 'calendar.delete_event.func(event_id="00000007")'
CREATE = 'calendar.create_event.func(event_name="Tea", duration="30")'
PLOT = 'analytics.create_plot.func(time_min="2023-11-01", time_max="2023-11-29", value_to_plot="total_visits", plot_type="bar")'


def step(tool, output="Done.", **given):
    return (tool, given, output, "")


def delete(id_="00000007", output="Event deleted successfully."):
    return step("calendar.delete_event", output, event_id=id_)


def create(output="00000300", **given):
    return step("calendar.create_event", output, **{"event_name": "Tea", "duration": "30", **given})


def update(field, value, id_="00000007"):
    return step("calendar.update_event", event_id=id_, field=field, new_value=value)


def plot(until):
    given = {"time_min": "2023-11-01", "time_max": until, "value_to_plot": "total_visits", "plot_type": "bar"}
    return step("analytics.create_plot", "plots/a.png", **given)


@pytest.mark.parametrize(
    ("steps", "gold", "right"),
    [
        ([], [], True),
        ([step("calendar.search_events", [], query="x")], [], True),
        ([delete()], [DELETE], True),
        ([delete(), delete(output="Event not found.")], [DELETE], True),
        ([delete("00000008")], [DELETE], False),
        ([], [DELETE], False),
        ([delete()], [], False),
        ([delete(), create()], [CREATE, DELETE], True),
        ([create(event_name="TEA", duration=30)], [CREATE], True),
        ([create(note="")], [CREATE], True),
        ([create(), create("00000301")], [CREATE], False),
        ([create(), create("00000301"), delete("00000301")], [CREATE], True),
        ([create(event_name="Te"), update("event_name", "Tea", "00000300")], [CREATE], True),
        ([create("Event name not provided.")], [], True),
        ([update("duration", "30")], [], True),
        ([update("duration", "60")], [], False),
        ([update("duration", "60"), delete()], [DELETE], True),
        ([step("calendar.create_event", "x is not a valid tool, try one of [].", event_name="Tea")], [], True),
        ([("calendar.delete_event", "all of them", "Event not found.", "")], [], True),
        ([plot("2023-11-29")], [PLOT], True),
        ([plot("2023-11-30")], [PLOT], None),
        ([plot("2023-11-28")], [PLOT], False),
    ],
)
def test_runs_are_compared_by_what_they_leave(steps, gold, right):
    assert went_well(steps, gold, STORED) is right


@pytest.mark.parametrize(
    ("gold", "something"),
    [
        ([], False),
        ([CREATE], True),
        (['calendar.update_event.func(event_id="00000007", field="duration", new_value="30")'], False),
        (['calendar.update_event.func(event_id="00000007", field="duration", new_value="60")'], True),
    ],
)
def test_some_goals_need_no_change(gold, something):
    assert changes_something(gold, STORED) is something


def test_gold_calls_are_never_run(tmp_path):
    assert went_well([], [f"open('{tmp_path}/made', mode='w')"], STORED) is False and not (tmp_path / "made").exists()


def test_missing_tables_are_named(tmp_path):
    with pytest.raises(DatasetError, match="calendar_events"):
        stored_records(tmp_path)
