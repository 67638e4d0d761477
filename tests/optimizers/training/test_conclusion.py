"""What is done once the search has ended: the winner is tested on rows that nothing was chosen by."""

from types import SimpleNamespace

import dspy

from metrics.score import Score
from optimizers.calls import Meter
from optimizers.training.conclusion import test_scores as scores_of_the_test
from tests.fakes import both, scripted_lm


class Says(dspy.Module):
    def forward(self, topic: str) -> dspy.Prediction:
        return dspy.Prediction(topic=topic)


def test_a_test_that_is_cut_short_still_has_the_kinds_of_cases_in_turn():
    tested = []
    rows = [dspy.Example(topic=topic).with_inputs("topic") for topic in ["install"] * 6 + ["commit"] * 6]
    recipe = SimpleNamespace(
        kind=lambda row: row.topic, scorer=lambda row, prediction: tested.append(row.topic) or Score(1.0, "", {})
    )
    training = SimpleNamespace(rows={"test": rows}, transfer=[], recipe=recipe, threads=1)
    seed = SimpleNamespace(index=0, texts={})
    budget = SimpleNamespace(
        meter=Meter(), rows_to_test_now=lambda programs: 4, rows_elsewhere=0, has_room_to_test=lambda scored: True
    )
    scores, interrupted = scores_of_the_test(
        training,
        SimpleNamespace(for_rows=lambda texts: lambda row: Says()),
        SimpleNamespace(seed=seed, winner=seed),
        None,
        scripted_lm(both),
        SimpleNamespace(expected=0),
        budget,
    )
    assert (len(scores["seed"]), interrupted) == (4, False)
    assert sorted(tested) == ["commit", "commit", "install", "install"]
