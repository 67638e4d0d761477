"""The options of `data run`: what grows, by whom, and when it stops."""

from pathlib import Path
from typing import Annotated

import typer

SeedsOption = Annotated[str | None, typer.Option("-s", "--seeds", help='Seeds, separated by commas: "a,b".')]
SeedsFileOption = Annotated[
    Path | None, typer.Option(help="A file of seeds: one a line, or a .jsonl of pairs (instruction, input, output).")
]
FromNameOption = Annotated[str | None, typer.Option("--from", help="A data set whose pairs are seeds.")]
MaxSeedsOption = Annotated[int, typer.Option(min=1, help="With --from: how many pairs, drawn at random.")]
FailuresOption = Annotated[
    Path | None, typer.Option(help="Reports of `failures classify -o` or `batch -o`: make pairs that teach the right way.")
]
NameOption = Annotated[
    str | None, typer.Option("-n", "--name", help='The name of the growth and its data set. Default: "grown".')
]
MaxCyclesOption = Annotated[
    int, typer.Option(min=1, envvar="MAX_CYCLES", help="Total number of cycles, including those already done.")
]
MinPassRateOption = Annotated[
    float, typer.Option(min=0, max=1, envvar="MIN_PASS_RATE", help="Start no further cycle after one with a lower pass rate.")
]
TemplateOption = Annotated[
    list[str] | None,
    typer.Option(help="QA, INSTRUCTION, REASONING, CREATIVE, TOOL_USE or CODE; several alternate. Default: INSTRUCTION."),
]
StrategyOption = Annotated[
    list[str] | None, typer.Option(help="seed, evolve, back-translate or persona; several alternate. Default: seed.")
]
PerSeedOption = Annotated[int | None, typer.Option(help="Pairs to make from each seed in a cycle, 1 to 8. Default: 2.")]
ChecksOption = Annotated[str | None, typer.Option(help="Checks of `validate` to run on each new pair, separated by commas.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Continue; options not given stay as they were.")]
JudgeLmOption = Annotated[
    str | None,
    typer.Option(
        help="Another model as the judge, provider/name or local/name. Default: the one that writes; if that is local, rules."
    ),
]
RubricOption = Annotated[
    str | None, typer.Option(help="A shipped rubric's name, or a file. Default: quality; rules judge only the form.")
]
ConcurrencyOption = Annotated[
    int | None,
    typer.Option(min=1, max=256, envvar="GENERATOR_CONCURRENCY", help="Simultaneous requests to a server. Default: 5."),
]
TemperatureOption = Annotated[
    float | None,
    typer.Option(min=0, max=2, envvar="GENERATOR_TEMPERATURE", help="Sampling temperature of the writer. Default: 0.7."),
]
TopPOption = Annotated[
    float | None, typer.Option(min=0, max=1, envvar="GENERATOR_TOP_P", help="Top-p of the writer. Default: the model's.")
]
ReplyTokensOption = Annotated[
    int | None, typer.Option(min=1, envvar="GENERATOR_MAX_TOKENS", help="Token limit of one reply. Default: 2048.")
]
TimeoutOption = Annotated[
    float | None, typer.Option(min=0.1, envvar="GENERATOR_TIMEOUT", help="Seconds for one reply. Default: 120.")
]
MaxPairsOption = Annotated[int | None, typer.Option(min=1, help="Stop when this many pairs have passed, over all cycles.")]
