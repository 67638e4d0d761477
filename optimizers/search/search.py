"""One search, in which instructions, demonstrations and reasoning compete under one budget.

It starts with a race of the initial programs on a few validation rows. Then it iterates: change a good candidate, try the
change on a few train rows, and give more validation rows to the leaders. Whenever it ends, the scores on the rows seen so far
decide which candidate they support.

1. A parent is drawn from the Pareto front over the validation rows (GEPA).
2. An arm is drawn by its payoff so far: rewriting instructions, other demonstrations, crossing two candidates.
3. The child must beat its parent on a minibatch of train rows, then not fall behind it on validation.
4. Validation gets its share of rows along the way (Shares); candidates clearly behind the leader are dropped.
5. The last part of the budget goes to distinguishing the leader from what it must beat.

Guarantees given the models' answers, the result is a function of its arguments: threads, time and restarts change nothing.
           No (candidate, row) is run twice. Limits are checked before every row and every call.
Source     GEPA (Agrawal et al. 2025); racing (race.py), bandit (bandit.py).
"""

import contextlib
import itertools
import random
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

import dspy
from gepa.gepa_utils import select_program_candidate_from_pareto_front

from dspy_programs.errors import BudgetSpent, RunInterrupted
from dspy_programs.text import quantity
from optimizers.scoring import RowRun
from optimizers.search.adapter import ProgramAdapter
from optimizers.search.bandit import Arm, next_arm
from optimizers.search.candidate import Job, Texts, identity
from optimizers.search.changes import Change
from optimizers.search.minibatch import loss_weighted_rows
from optimizers.search.race import MIN_ROWS, difference, is_behind, support
from optimizers.search.row_budget import MIN_SEARCH_ROWS, RowBudget

MINIBATCH = 3  # train rows that a change is tried on first
_BEAM = 4  # candidates that get more validation rows
_TIE = 1e-9  # sums of scores that differ by less are equal
_LOST_BY_A_SET = 4.0  # failed tries that a set of demonstrations counts for if it was no better than the seed
_MOST_UNDECIDED = 8  # validation rows of a start that scores the same as the seed on all of them
_SATISFIED = 3  # consecutive batches without a failure after which a perfect score is worth confirming
IDLE = 100  # consecutive proposals that cost no row: everything has been tried
PLATEAU = 40  # consecutive proposals that had failures to learn from and were no better, if no budget was given


@dataclass(frozen=True)
class Shares:
    """How a budget is spent.

    known: the share that the first race may use; train: train rows per validation row while changes are tried; last: one
    part in `last` is for distinguishing the leader from the others, half of that if it is clear.
    """

    known: float
    train: int
    last: int


SHARES = Shares(known=0.25, train=4, last=4)
SHARES_OF_SMALL = Shares(known=1.0, train=1, last=2)  # small models gain most from the initial programs: compare those well


class Ended(Exception):
    """Ends the search; the message says why."""


@dataclass(eq=False)
class Node:
    """A candidate and what is known about it: scores of the first validation rows, runs of train rows by id."""

    index: int
    texts: Texts
    parents: tuple[int, ...]
    start: str
    found_at: int = 0
    validation: list[float] = field(default_factory=list)
    train: dict[str, RowRun] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)  # how often a proposal was made from a train row
    fell_out: str = ""

    @property
    def mean(self) -> float:
        return sum(self.validation) / len(self.validation) if self.validation else 0.0

    @property
    def lost(self) -> dict[str, float]:
        return {id_: 1 - run.score.value for id_, run in self.train.items()}


class Search:
    """Runs one search. `nodes` are all candidates in the order found; `on_node` is called when one has been scored or judged.

    must_beat: names of starts that the winner is compared with, besides the seed; plateau: end on PLATEAU.
    """

    def __init__(
        self,
        job: Job,
        adapter: ProgramAdapter,
        changes: Sequence[Change],
        row_budget: RowBudget,
        *,
        seed: int = 0,
        must_beat: Sequence[str] = (),
        plateau: bool = False,
        shares: Shares = SHARES,
        on_node: Callable[[Node], None] = lambda node: None,
    ) -> None:
        self.job, self.adapter, self.row_budget, self.seed = job, adapter, row_budget, seed
        self.changes = {change.arm.name: change for change in changes}
        self.must_beat, self.plateau, self.shares, self.on_node = must_beat, plateau, shares, on_node
        self.nodes: list[Node] = []
        self.known: dict[str, Node] = {}  # by what they do, including those that a minibatch rejected
        self.rows = {row.id: row for row in job.trainset}
        self.shared = {  # rows of a user's small file serve training and validation
            row.id for row in job.valset if row.id in self.rows and row is self.rows[row.id]
        }
        self.rung = min(MIN_ROWS, len(job.valset))
        self.trained = self.validated = 0
        self.idle = self.fruitless = 0
        self.ended_by = ""

    @property
    def arms(self) -> list[Arm]:
        return [change.arm for change in self.changes.values()]

    def run(self) -> None:
        """Search until something ends it, and set `ended_by` to the reason. Raises the fault that stopped the meter."""
        try:
            self.race_known()
            for number in itertools.count(1):
                self.go_on()
                if self.validated_less():
                    self.raise_rung()
                else:
                    self.try_a_change(random.Random(f"{self.seed}-{number}"))
        except Ended as end:
            if not self.nodes[0].validation:
                raise BudgetSpent(str(end)) from None
            self.ended_by = str(end)
        except (BudgetSpent, RunInterrupted) as stop:
            if not self.nodes or not self.nodes[0].validation:
                raise
            self.ended_by = str(stop) if isinstance(stop, BudgetSpent) else "a signal"
        for node in self.nodes:  # a batch that was cut short has left some scores
            self.on_node(node)

    # What is known ------------------------------------------------------------------------------------------------------

    def race_known(self) -> None:
        """Score all starts on the first rows, and on more if those are inconclusive."""
        for start in self.job.starts:
            node = self.node_for(start.texts, (0,) if self.nodes else (), start.name)
            if node not in self.nodes and (not self.nodes or start.name in self.must_beat or self.room_for(1)):
                self.join(node)
                self.validate(node, self.rung)
                self.on_node(node)
        while (same := self.undecided()) and self.room_for(len(same) + 1):
            for node in [self.nodes[0], *same]:
                self.validate(node, len(node.validation) + MIN_ROWS)
        for node in self.nodes:
            if node.index and node.start not in self.must_beat and self.adds_nothing(node):
                node.fell_out = f"no better than the seed after {quantity(len(node.validation), 'row')}"
            self.on_node(node)
        self.learn_from_starts()
        self.validated = 0  # the first race is not held against validation

    def learn_from_starts(self) -> None:
        """Lower the prior of other demonstrations if the initial sets were no better than the seed."""
        fell_out = sum(bool(node.fell_out) and node.start in self.job.store.sets for node in self.nodes)
        for change in self.changes.values():
            change.arm.losses += _LOST_BY_A_SET * fell_out * change.shows

    def room_for(self, programs: int) -> bool:
        """Return whether the first race's share of the budget allows a few more rows for this many programs."""
        rows = self.row_budget.spent + programs * MIN_ROWS
        share = self.shares.known * (self.row_budget.spent + self.row_budget.rows_left)
        return rows <= max(share, MIN_SEARCH_ROWS if self.row_budget.patient else 0)

    def undecided(self) -> list[Node]:
        """Return the starts that have scored the same as the seed on every row so far, but may still differ."""
        seed, most = self.nodes[0].validation, min(_MOST_UNDECIDED, len(self.job.valset))
        return [
            node for node in self.nodes[1:] if len(node.validation) < most and node.validation == seed[: len(node.validation)]
        ]

    def adds_nothing(self, node: Node) -> bool:
        """Return whether a start was no better although something could be gained, or is clearly worse."""
        seed = self.nodes[0].validation[: len(node.validation)]
        mean, error = difference(node.validation, seed)
        return mean + error <= 0 if min(seed, default=1) < 1 else is_behind(node.validation, seed)

    # One turn -----------------------------------------------------------------------------------------------------------

    def go_on(self) -> None:
        """End the search if nothing more can be gained, or the rest of the budget cannot pay for it."""
        if perfect := [node for node in self.running if node.mean >= 1]:
            best = max(perfect, key=lambda node: (len(node.validation), -node.index))
            if self.idle >= _SATISFIED:
                self.validate(best, len(best.validation) + MIN_ROWS)
            if len(best.validation) == len(self.job.valset) and best.mean >= 1:
                raise Ended("a perfect score on every validation row")
        if self.idle >= IDLE or not any(not arm.closed for arm in self.arms):
            self.confirm()
            raise Ended("having nothing left to try")
        if self.plateau and self.fruitless >= PLATEAU:
            self.confirm()
            raise Ended(f"{PLATEAU} proposals in a row that were no better")
        if self.row_budget.rows_left <= self.last_part():
            self.confirm()
            raise Ended(self.row_budget.limit)

    def last_part(self) -> int:
        """Return the rows to reserve for the end: what the comparison needs, up to a share of all, less if it is clear."""
        if len(compared := self.compared) == 1:
            return 0
        needed = sum(len(self.job.valset) - len(node.validation) for node in compared)
        clear = self.leader.index > 0 and self.highest is self.leader
        return min(
            needed, (self.row_budget.spent + self.row_budget.rows_left) // (2 * self.shares.last if clear else self.shares.last)
        )

    def validated_less(self) -> bool:
        behind = self.rung < len(self.job.valset) and self.shares.train * self.validated < self.trained
        return behind and len(self.compared) > 1 + len(self.must_beat)

    def try_a_change(self, draw: random.Random) -> None:
        """Draw a parent and an arm, try the change on train rows, then on validation."""
        parent = self.parent(draw)
        partner = self.partner(parent, draw)
        arm = next_arm(
            [
                each.arm
                for each in self.changes.values()
                if each.ready and (partner or not each.crosses) and self.affords(each.arm)
            ],
            draw,
        )
        if arm is None:
            raise Ended("having nothing left to try")
        before, trained = self.row_budget.spent, self.trained
        won = self.changed(self.changes[arm.name], parent, partner, draw)
        if won is not None:
            arm.paid(won, self.trained - trained)
        self.idle = self.idle + 1 if self.row_budget.spent == before else 0

    def affords(self, arm: Arm) -> bool:
        """Return whether the arm's tries, such as calls of a model that repeats itself, stay within the rows of the search."""
        return arm.price * arm.tried <= self.row_budget.spent + IDLE

    def changed(self, change: Change, parent: Node, partner: Texts | None, draw: random.Random) -> bool | None:
        """Propose and try one change; return whether it was better, None if these rows leave nothing to improve."""
        batch = self.minibatch(parent, draw) if change.reads else []
        if change.reads and not self.has_failures(batch):
            return None
        texts = change.propose(parent.texts, batch, partner, draw)
        child = None if texts is None else self.node_for(texts, (parent.index,), change.arm.name)
        if child is None or child in self.nodes:
            return False
        batch = batch or self.minibatch(parent, draw)
        if not self.has_failures(batch):
            return None
        won = self.is_better(child, parent, [run.row.id for run in batch])
        self.fruitless = 0 if won else self.fruitless + 1
        return won

    def has_failures(self, batch: Sequence[RowRun]) -> bool:
        return any(run.score.value < 1 for run in batch)

    def is_better(self, child: Node, parent: Node, ids: Sequence[str]) -> bool:
        """Try a change; return whether it joins the candidates and is ahead of its parent on validation.

        One that was tried before and was no better is judged by all the train rows that both have run.
        """
        self.train(child, ids)
        both = parent.train.keys() & child.train.keys()
        if sum(child.train[id_].score.value - parent.train[id_].score.value for id_ in both) <= _TIE:
            return False
        self.join(child)
        enough = min(self.rung, 2 * MIN_ROWS)
        for upto in range(min(MIN_ROWS, enough), enough + 1, MIN_ROWS):
            self.validate(child, upto)
            if is_behind(child.validation, parent.validation):
                child.fell_out = f"behind candidate {parent.index} after {quantity(len(child.validation), 'row')}"
                break
        self.on_node(child)
        return not child.fell_out and difference(child.validation, parent.validation)[0] > 0

    def raise_rung(self) -> None:
        """Score the leaders on more rows, and drop those clearly behind the first."""
        self.rung = min(2 * self.rung, len(self.job.valset))
        ahead = sorted(self.running, key=lambda node: (-self.gain(node), node.index))[:_BEAM]
        for node in {node.index: node for node in [*self.compared, *ahead]}.values():
            self.validate(node, self.rung)
            self.on_node(node)
        for node in self.running:
            if node in self.compared:
                continue
            if len(node.validation) < self.rung:
                node.fell_out = f"not among the {_BEAM} ahead after {quantity(len(node.validation), 'row')}"
            elif is_behind(node.validation, self.leader.validation):
                node.fell_out = f"behind candidate {self.leader.index} after {quantity(len(node.validation), 'row')}"

    def confirm(self) -> None:
        """Spend the rest on distinguishing the leader from what it must beat, a few rows at a time."""
        while short := [node for node in self.compared if len(node.validation) < len(self.job.valset)]:
            node = min(short, key=lambda node: len(node.validation))
            rows = min(MIN_ROWS, self.row_budget.rows_left)
            if not rows:
                return
            self.validate(node, len(node.validation) + rows)
            self.on_node(node)

    # Who ----------------------------------------------------------------------------------------------------------------

    @property
    def running(self) -> list[Node]:
        return [node for node in self.nodes if not node.fell_out and node.validation] or self.nodes[:1]

    @property
    def leader(self) -> Node:
        """Return the leader; among equals the newest, because it was better than its parent on train rows."""
        return max(self.running, key=lambda node: (support(node.validation, self.nodes[0].validation), node.index))

    @property
    def compared(self) -> list[Node]:
        """Return the candidates whose scores decide the result: the seed, those to beat, and the leader."""
        required = [node for node in self.nodes if node.start in self.must_beat]
        return list({node.index: node for node in [self.nodes[0], *required, self.leader, self.highest]}.values())

    @property
    def highest(self) -> Node:
        """Return the candidate that gained most over the seed, on however few rows."""
        return max(self.running, key=lambda node: (self.gain(node), node.index))

    def gain(self, node: Node) -> float:
        """Return the mean gain over the seed on the rows that both have been scored on: some rows are harder than others."""
        return difference(node.validation, self.nodes[0].validation)[0]

    def parent(self, draw: random.Random) -> Node:
        """Draw from the Pareto front over the validation rows that all candidates in the running have been scored on."""
        running = self.running
        rows = min(len(node.validation) for node in running)
        best = [max(node.validation[row] for node in running) for row in range(rows)]
        fronts = {row: {node.index for node in running if node.validation[row] == best[row]} for row in range(rows)}
        gains = [self.gain(node) + 1e-9 * node.index for node in self.nodes]  # among equals the newer
        return self.nodes[select_program_candidate_from_pareto_front(fronts, gains, draw)]

    def partner(self, parent: Node, draw: random.Random) -> Texts | None:
        others = [node for node in self.running if node is not parent]
        return draw.choice(others).texts if others else None

    # Rows ---------------------------------------------------------------------------------------------------------------

    def minibatch(self, node: Node, draw: random.Random) -> list[RowRun]:
        ids = loss_weighted_rows(list(self.rows), node.lost, node.used, MINIBATCH, draw)
        node.used.update(ids)
        return self.train(node, ids)

    def train(self, node: Node, ids: Sequence[str]) -> list[RowRun]:
        new = [self.rows[id_] for id_ in ids if id_ not in node.train]
        for run in self.counted(new, node.texts):
            node.train[run.row.id] = run
            self.trained += 1
        return [node.train[id_] for id_ in ids]

    def validate(self, node: Node, upto: int) -> None:
        rows = self.job.valset[len(node.validation) : upto]
        known = {row.id: node.train[row.id] for row in rows if row.id in self.shared & node.train.keys()}
        with contextlib.closing(self.counted([row for row in rows if row.id not in known], node.texts)) as new:
            for row in rows:
                run = known.get(row.id) or next(new)
                if row.id in self.shared:
                    node.train[row.id] = run
                node.validation.append(run.score.value)
                self.validated += row.id not in known

    def counted(self, rows: Sequence[dspy.Example], texts: Texts) -> Generator[RowRun, None, None]:
        """Run rows as far as the budget allows. Raises Ended if it does not reach the last one."""
        affordable = rows[: self.row_budget.rows_left]
        for run in self.adapter.run(affordable, texts):
            self.row_budget.spent += 1
            yield run
        if len(affordable) < len(rows):
            raise Ended(self.row_budget.limit)

    def node_for(self, texts: Texts, parents: tuple[int, ...], start: str) -> Node:
        """Return the candidate with these texts, a new one if none like it has been tried."""
        return self.known.setdefault(identity(self.job, texts), Node(len(self.nodes), texts, parents, start))

    def join(self, node: Node) -> None:
        node.index, node.found_at = len(self.nodes), self.row_budget.spent
        self.nodes.append(node)
