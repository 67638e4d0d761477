"""Fits which requests are easy, measures that on unseen rows, and turns it on only if it is worth it."""

from pathlib import Path

from dspy_programs.errors import UsageError
from dspy_programs.router.catalogue import Catalogue
from dspy_programs.router.impossible import not_known
from dspy_programs.router.learning.difficulty import FEWEST, fitted, measured
from dspy_programs.router.learning.difficulty_file import Easy, read_rows, write_easy

_MOST = 2_000  # rows, the latest: the time grows with their cube


def fit_difficulty(
    catalogue: Catalogue, file: Path, program: str, pair: tuple[str, str], max_loss: float
) -> tuple[list[str], bool]:
    """Return what to tell, and whether it was turned on. pair: the cheap and the strong model.

    Raises UsageError: an unknown model, a wrong row, fewer than 50 rows, no file to write to.
    """
    if (path := catalogue.learning.difficulty_file) is None:
        raise UsageError("the catalogue has no learning.difficulty_file; name the file there that is to keep what is learnt")
    models = {model.id: model for model in catalogue.models}
    for name in pair:
        if name not in models:
            raise not_known(name, {one: 0 for one in models})
    rows = read_rows(file, *pair)[-_MOST:]
    if len(rows) < FEWEST:
        raise UsageError(f"{file}: {len(rows)} rows have scores of {pair[0]} and {pair[1]}; at least {FEWEST} are needed")
    found = measured(rows, max_loss)
    prices = [models[name].prompt_usd_per_1k + models[name].completion_usd_per_1k for name in pair]
    saved = 1 - prices[0] / prices[1] if prices[1] else 0.0
    is_on = found.is_worth_it(max_loss)
    lines = [
        f"{found.rows} rows, each unseen by what decided about it (95 % intervals)",
        f"{pair[0]} gets       {found.easy}",
        f"the price falls by  {found.easy.scaled(saved)}",
        f"the score changes   {found.change}; by chance the same share would change it by {found.by_chance:.3f}",
    ]
    if is_on:
        write_easy(Easy(program, *pair, fitted(rows, max_loss)), path)
        return [*lines, f"turned on: written to {path}"], True
    return [*lines, f"not turned on: it may lose more than {max_loss:g}, or no less than by chance; give more rows"], False
