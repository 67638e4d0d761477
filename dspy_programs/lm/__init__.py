"""From a spec string to a language model that DSPy can use."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.lm.cached import AnswerCache as AnswerCache, CachedEngine as CachedEngine, connect_kept as connect_kept
    from dspy_programs.lm.embedded.kept_prompts import (
        KeptPrompts as KeptPrompts,
        Saved as Saved,
        forget_prompts as forget_prompts,
    )
    from dspy_programs.lm.embedded.machine import free_memory as free_memory, memory_needed as memory_needed
    from dspy_programs.lm.from_options import model_named as model_named, using as using
    from dspy_programs.lm.hearing import heard_by as heard_by
    from dspy_programs.lm.models import (
        DEFAULT_SPEC as DEFAULT_SPEC,
        RETRIES as RETRIES,
        address_of as address_of,
        configure as configure,
        connect as connect,
        decoding as decoding,
        is_embedded as is_embedded,
        is_named as is_named,
        kept_prompts as kept_prompts,
        prepare as prepare,
        running_on as running_on,
        spec_in_use as spec_in_use,
        stay_offline as stay_offline,
        use as use,
    )
    from dspy_programs.lm.named_servers import check as check, connected as connected, server_named as server_named
    from dspy_programs.lm.samples import Sample as Sample, asked_as as asked_as, drawn as drawn, sample as sample
    from dspy_programs.lm.server.lm_wrapper import call_inner as call_inner, wrap as wrap
    from dspy_programs.lm.server.redaction import NO_KEY as NO_KEY, without_keys as without_keys
    from dspy_programs.lm.spending import Meter as Meter, Spent as Spent, metered as metered

_HOMES = {
    "Meter": "spending",
    "Spent": "spending",
    "metered": "spending",
    "AnswerCache": "cached",
    "CachedEngine": "cached",
    "connect_kept": "cached",
    "KeptPrompts": "embedded.kept_prompts",
    "Saved": "embedded.kept_prompts",
    "forget_prompts": "embedded.kept_prompts",
    "heard_by": "hearing",
    "free_memory": "embedded.machine",
    "memory_needed": "embedded.machine",
    "model_named": "from_options",
    "using": "from_options",
    "DEFAULT_SPEC": "models",
    "RETRIES": "models",
    "address_of": "models",
    "configure": "models",
    "connect": "models",
    "decoding": "models",
    "is_embedded": "models",
    "is_named": "models",
    "kept_prompts": "models",
    "prepare": "models",
    "running_on": "models",
    "spec_in_use": "models",
    "stay_offline": "models",
    "use": "models",
    "check": "named_servers",
    "connected": "named_servers",
    "server_named": "named_servers",
    "call_inner": "server.lm_wrapper",
    "wrap": "server.lm_wrapper",
    "Sample": "samples",
    "asked_as": "samples",
    "drawn": "samples",
    "sample": "samples",
    "NO_KEY": "server.redaction",
    "without_keys": "server.redaction",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
