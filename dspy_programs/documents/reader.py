"""What reads documents: a model with the program compiled for it, and how much it reads at once; without a model, the rules."""

from functools import cached_property

import dspy

from dspy_programs.context_window import UNKNOWN, context_tokens
from dspy_programs.lm import KeptPrompts, kept_prompts
from dspy_programs.predict import shown_length
from dspy_programs.programs.document_qa import DocumentQA
from dspy_programs.registry import load, without_warning
from dspy_programs.tokens import counter_for

_BESIDE = 1_200  # tokens of a prompt beside the document and the demonstrations: instructions, the question, the answer
_CHARACTERS_A_TOKEN = 3  # of demonstrations, at least


class Reader:
    """One model, or none."""

    def __init__(self, lm: dspy.LM | None = None) -> None:
        self.lm = lm

    @cached_property
    def kept(self) -> KeptPrompts | None:
        """What the model keeps on the disk; None where it keeps nothing."""
        return kept_prompts(self.lm) if self.lm is not None else None

    @cached_property
    def program(self) -> DocumentQA:
        with without_warning():
            return load("document_qa", self.lm.model) if self.lm is not None else DocumentQA()

    @cached_property
    def most_tokens(self) -> int | None:
        """The longest document that the model can read at once, in its tokens; None without a model."""
        if self.lm is None:
            return None
        own = self.kept.engine.identity().get("context") if self.kept else None
        window = own if isinstance(own, int) else UNKNOWN if self.kept else context_tokens(self.lm)
        return int(window - _BESIDE - shown_length(self.program.answer.demos) // _CHARACTERS_A_TOKEN)

    def count(self, text: str) -> int:
        """Count a text as the model does."""
        return counter_for(self.lm).count(text)

    def excess(self, text: str) -> str:
        """Say by how much a text is too long to be read at once; "" if it is not."""
        if self.lm is None or self.most_tokens is None or (tokens := self.count(text)) <= self.most_tokens:
            return ""
        return f"{tokens:,} tokens, and {self.lm.model} reads at most {self.most_tokens:,} at once"
