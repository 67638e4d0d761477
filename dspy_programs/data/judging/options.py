"""The options of `data judge`: who judges, by which rubric, and what is judged."""

from pathlib import Path
from typing import Annotated, Literal

import typer

LmOption = Annotated[
    list[str] | None,
    typer.Option(help="A model, as provider/name; several judge as an ensemble. Default: $DSPY_PROGRAMS_LM, else rules only."),
]
ApiBaseOption = Annotated[
    list[str] | None, typer.Option(help="URL of an OpenAI-compatible server: one for all --lm, or one for each.")
]
ApiKeyOption = Annotated[
    str | None, typer.Option(help="API key for --lm. Default: $DSPY_PROGRAMS_API_KEY, or the provider's own variable.")
]
BackendOption = Annotated[
    str | None, typer.Option(help="ollama, openrouter or anthropic, in place of --lm. Default: $DEFAULT_JUDGE_BACKEND.")
]
ModelOption = Annotated[str | None, typer.Option(help="With --backend: its model.")]
RubricOption = Annotated[str, typer.Option(help="A shipped rubric's name, or a YAML or JSON file.")]
TagOption = Annotated[str | None, typer.Option(help="A name for this run. Default: the backend, else the model, else rules.")]
OutputOption = Annotated[
    Path | None, typer.Option("-o", "--output", help="The file. Default: DATA/judgments/DATASET.TAG.jsonl.")
]
EnsembleOption = Annotated[
    Literal["majority", "mean"],
    typer.Option(help="Of several judges: whose verdict counts, the majority's or the mean score's."),
]
SampleOption = Annotated[float, typer.Option(help="Judge this share of the pairs, drawn by --seed.")]
SeedOption = Annotated[int, typer.Option(help="Random seed of --sample.")]
MaxPairsOption = Annotated[int | None, typer.Option(min=1, help="Judge at most this many pairs.")]
ConcurrencyOption = Annotated[
    int | None,
    typer.Option(min=1, max=256, envvar="JUDGE_CONCURRENCY", help="Pairs judged at once on servers. Default: 4."),
]
TemperatureOption = Annotated[
    float | None, typer.Option(min=0, max=2, envvar="JUDGE_TEMPERATURE", help="Sampling temperature of the model. Default: 0.")
]
ReplyTokensOption = Annotated[
    int | None, typer.Option(min=1, envvar="JUDGE_MAX_TOKENS", help="Token limit of one reply. Default: the model's.")
]
TimeoutOption = Annotated[
    float | None, typer.Option(min=0.1, envvar="JUDGE_TIMEOUT", help="Seconds for one reply. Default: the client's.")
]
