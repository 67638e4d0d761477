"""A model for the memory, named as on its OpenAI-compatible server, for users who do not use dspy_programs.lm.

Input      api_key, model, base_url: of the server, by default OpenAI's; mock: call no model at all. model may be a full
           spec (provider/name) if there is no base_url.
Output     connected(): the language model, or None if there is nothing to call: mock, or no key, no base_url and no
           OPENAI_API_KEY. Then extracts are made, and the report says so (`answered_by` "rules").
Raises     LanguageModelError if the spec names no model.
"""

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dspy


@dataclass(frozen=True)
class LLMClient:
    api_key: str | None = field(default=None, repr=False)
    model: str = "gpt-4o-mini"
    base_url: str | None = None
    mock: bool = False

    def connected(self) -> "dspy.LM | None":
        """Return the model, or None if there is nothing to call."""
        is_spec = "/" in self.model and self.base_url is None
        if self.mock or not (is_spec or self.api_key or self.base_url or os.environ.get("OPENAI_API_KEY")):
            return None
        from dspy_programs.lm import connect

        return connect(self.model if is_spec else f"openai/{self.model}", api_base=self.base_url, api_key=self.api_key)
