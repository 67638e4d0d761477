"""One or more judges and a rubric: a pair in, its judgment out.

Guarantees several judges: the scores are the means of theirs; the verdict is the majority's, or with `by="mean"` that of the
           mean scores, which also settles a tie. A pair is judged by all of them or not at all; what the others found is
           in the cache, so only the missing opinion is asked again.
"""

from collections.abc import Sequence
from typing import Literal

from dspy_programs.data.judging.cache import JudgmentCache
from dspy_programs.data.judging.judges import Judge, digest_of, key_of
from dspy_programs.data.judging.judgment import OVERALL, Judgment, Member, Opinion, RubricName, tier_of
from dspy_programs.data.judging.shown import Shown, shown_of
from dspy_programs.data.judging.verdict import minimums_of, verdict_on
from dspy_programs.data.pair import DataPair
from dspy_programs.rubric import rubric_of
from dspy_programs.types import Rubric

By = Literal["majority", "mean"]


class Panel:
    def __init__(
        self, judges: Sequence[Judge], rubric: Rubric, by: By = "majority", cache: JudgmentCache | None = None, tag: str = ""
    ) -> None:
        """Take the minimums from the environment. Raises UsageError for a rubric or a minimum that cannot be used."""
        self.judges, self.rubric, self.by, self.cache, self.tag = judges, rubric_of(rubric.model_dump()), by, cache, tag
        self.minimums = minimums_of(rubric)
        self.name = " + ".join(judge.name for judge in judges)
        self.digest = digest_of([judge.digest for judge in judges], rubric.model_dump(), self.minimums, by)

    def key(self, shown: Shown) -> str:
        """Return the key of the judgment of a text: in its line, so that it is not made twice."""
        return digest_of(self.digest, shown)

    def judgment(self, pair: DataPair) -> Judgment:
        """Judge a pair. Raises Unjudged if one of the judges cannot."""
        shown = shown_of(pair)
        opinions = [self._opinion(judge, shown) for judge in self.judges]
        names = [criterion.name for criterion in self.rubric.criteria]
        shares = {name: sum(each.scores[name] for each in opinions) / len(opinions) for name in names}
        scores, passed = verdict_on(self.rubric, shares, self.minimums)
        several = len(opinions) > 1
        members = [self._member(each) for each in opinions] if several else []
        votes = sum(member.passed for member in members)
        if self.by == "majority" and 2 * votes != len(members):
            passed = 2 * votes > len(members)
        return Judgment(
            pair_id=pair.identified().id,
            scores=scores,
            passed=passed,
            judge_model=self.name,
            judgment_reasoning=" | ".join(opinion.reason for opinion in opinions),
            judged_at=max(opinion.at for opinion in opinions),
            quality_tier=tier_of(scores[OVERALL]),
            rubric=RubricName(name=self.rubric.name, version=self.rubric.version),
            tag=self.tag,
            answered_by="model" if any(opinion.answered_by == "model" for opinion in opinions) else "rules",
            agreement=round((votes if passed else len(members) - votes) / len(members), 4) if several else None,
            disagreed=0 < votes < len(members) if several else None,
            judges=members if several else None,
            judge=self.digest,
            key=self.key(shown),
        )

    def _opinion(self, judge: Judge, shown: Shown) -> Opinion:
        if not judge.costs or self.cache is None:
            return judge.opinion(shown)
        key = key_of(judge, shown)
        if (known := self.cache.get(key)) is not None:
            return known
        found = judge.opinion(shown)
        self.cache.put(key, found)
        return found

    def _member(self, opinion: Opinion) -> Member:
        scores, passed = verdict_on(self.rubric, opinion.scores, self.minimums)
        return Member(
            judge_model=opinion.judge_model,
            scores=scores,
            passed=passed,
            judgment_reasoning=opinion.reason,
            answered_by=opinion.answered_by,
        )
