"""How every program talks to every model: the reply is JSON, and is accepted complete or not at all."""

import functools
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

import dspy
from dspy.adapters.chat_adapter import FieldInfoWithName
from dspy.adapters.json_adapter import _get_structured_outputs_response_format
from dspy.adapters.utils import format_field_value, serialize_for_json
from dspy.utils.exceptions import AdapterParseError
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from dspy_programs.control_tokens import as_text, has_parts, plain
from dspy_programs.lm.replies.coercion import NoOneAnswer, in_shape, is_object, reader_of
from dspy_programs.lm.replies.thoughts import Unfinished, without_thoughts
from dspy_programs.schemas import calls_schema

SCHEMA = {"type": "json_schema"}  # placeholder until the inputs of the call are known
_STRING_OR_BRACE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?P<closed>"?)|[{}]', re.DOTALL)
_BRACE = re.compile("[{}]")
_THOUGHTS = {"reasoning", "next_thought"}  # fields of dspy.ChainOfThought and dspy.ReAct
MARKS = {"one_of", "calls_of", "only_with"}  # in a schema, for `close_sets` only


class CompleteJSONAdapter(dspy.JSONAdapter):
    """DSPy's JSON adapter with these changes.

    * A reply that ends in the middle of its object is refused. DSPy repairs it, and then half a plan looks like a plan.
    * A field marked `json_schema_extra={"one_of": "tools"}` may only take the names in the input `tools`: a closed set
      known only at the call reaches the grammar, while the constant part of the prompt stays constant.
    * A list of calls marked `json_schema_extra={"calls_of": "tools"}` may only contain calls {tool, arguments} of the
      functions in the input `tools`, each with its own schema's arguments: likewise known only at the call.
    * A form marked `json_schema_extra={"only_with": "done"}` is allowed only if the input `done` is not empty.
    * A list of models that define `__str__` (tools) is shown one per line, and JSON in demonstrations on one line: fewer
      tokens to read, and the same form in which a grammar makes a model write.
    * An example that lacks a field is shown without it. DSPy writes "Not supplied for this particular example." instead, and
      a small model copies that as its own reasoning.
    * The form of the reply is given once, as its JSON schema without titles, where DSPy nests it in a quoted template.
    * Marks that some program would read as protocol stay plain text inside a value (`control_tokens`).
    * A reasoning model's thoughts before its answer are ignored (`thoughts`).
    * A wrapped answer, or the bare value of the only field, is accepted (`shapes`).
    * The reminder after the inputs is one short line: it follows the part that varies, so no prompt cache covers it.
    """

    def __init__(self, longest_thought: int | None = None) -> None:
        """longest_thought: character limit, enforced by the grammar, for what a model writes to itself before it answers."""
        super().__init__()
        self.longest_thought = longest_thought

    def _prepare_response_format(self, lm: Any, lm_kwargs: dict[str, Any], signature: Any) -> None:
        if lm.supports_response_schema and "response_format" in lm.supported_params and schema_of(signature):
            lm_kwargs["response_format"] = SCHEMA  # filled in below, once the inputs are known
        else:
            super()._prepare_response_format(lm, lm_kwargs, signature)

    def _call_preprocess(self, lm: Any, lm_kwargs: dict[str, Any], signature: Any, inputs: dict[str, Any]) -> Any:
        if lm_kwargs.get("response_format") is SCHEMA:
            schema = bounded(close_sets(schema_of(signature), inputs), self.longest_thought)
            json_schema = {"name": signature.__name__, "schema": schema, "strict": True}
            lm_kwargs["response_format"] = {"type": "json_schema", "json_schema": json_schema}
        return super()._call_preprocess(lm, lm_kwargs, signature, inputs)

    def format_field_structure(self, signature: Any) -> str:
        if (schema := schema_of(signature)) is None:
            return str(super().format_field_structure(signature))
        return f"Reply with a JSON object of this schema:\n{plain(json.dumps(_without_titles(schema), ensure_ascii=False))}"

    def format_task_description(self, signature: type[dspy.Signature]) -> str:
        return plain(str(super().format_task_description(signature)))  # a shared program's instruction is a text too

    def format_field_description(self, signature: type[dspy.Signature]) -> str:
        return plain(str(super().format_field_description(signature)))

    def format_user_message_content(
        self, signature: type[dspy.Signature], inputs: dict[str, Any], *args: Any, **kwargs: Any
    ) -> str:
        fields = signature.input_fields
        shown = {name: value if name not in fields else _shown(fields[name], value) for name, value in inputs.items()}
        return str(super().format_user_message_content(signature, shown, *args, **kwargs))

    def format_assistant_message_content(
        self, signature: type[dspy.Signature], outputs: dict[str, Any], missing_field_message: str | None = None
    ) -> str:
        fields = {FieldInfoWithName(f, info): outputs[f] for f, info in signature.output_fields.items() if f in outputs}
        return self.format_field_with_value(fields, role="assistant")

    def format_field_with_value(self, fields_with_values: Mapping[Any, Any], role: str = "user") -> str:
        if role == "user":
            return str(super().format_field_with_value(fields_with_values, role=role))
        values = {field.name: value for field, value in fields_with_values.items()}
        return plain(json.dumps(serialize_for_json(values), ensure_ascii=False))

    def user_message_output_requirements(self, signature: type[dspy.Signature]) -> str:
        return f"Reply with one JSON object: {', '.join(signature.output_fields)}."

    def _call_postprocess(self, processed: Any, original: Any, outputs: list[Any], *rest: Any) -> list[dict[str, Any]]:
        said = [self.said(original, output) for output in outputs]
        values: list[dict[str, Any]] = super()._call_postprocess(processed, original, said, *rest)
        return values

    def said(self, signature: type[dspy.Signature], output: Any) -> Any:
        """Return the model's reply: some servers put a schema-constrained reply into the reasoning field."""
        thoughts = output.get("reasoning_content") if isinstance(output, dict) and not output.get("text") else None
        if thoughts and not is_object(thoughts):
            raise self.refusal(signature, thoughts, "The reply holds reasoning and no answer.")
        return {**output, "text": thoughts} if thoughts else output

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        try:
            answer = without_thoughts(completion)
        except Unfinished:
            raise self.refusal(signature, completion, "The reply ends before its reasoning does.") from None
        if is_cut_off(answer):
            raise self.refusal(signature, completion, "The reply ends before its JSON object does.")
        try:
            parsed: dict[str, Any] = super().parse(signature, in_shape(signature, answer))
        except NoOneAnswer as error:
            raise self.refusal(signature, completion, str(error)) from None
        except (RecursionError, ValueError) as error:  # brackets nested by the thousand
            raise self.refusal(signature, completion, f"The reply cannot be read as JSON: {error}") from error
        return parsed

    def refusal(self, signature: type[dspy.Signature], completion: str, message: str) -> AdapterParseError:
        return AdapterParseError(type(self).__name__, signature, completion, message)


CompleteJSONAdapter.__name__ = "JSONAdapter"  # DSPy's stream listeners identify adapters by class name


@functools.lru_cache(maxsize=256)
def schema_of(signature: type[dspy.Signature]) -> dict[str, Any] | None:
    """Return the JSON schema of the outputs, None if they have keys that are not known beforehand."""
    try:
        schema: dict[str, Any] = _get_structured_outputs_response_format(signature).model_json_schema()
    except ValueError:
        return None
    return schema


def _shown(field: FieldInfo, value: Any) -> Any:
    """Return a value as it is to be shown: its text, made plain as a whole, unless it has parts that are no text."""
    value = as_text(value)
    return value if has_parts(value) else plain(format_field_value(field, as_lines(field.annotation, value)))


def as_lines(annotation: Any, value: Any) -> Any:
    """Show a list of models that define `__str__` one per line; leave every other value to DSPy."""
    item = next(iter(get_args(annotation)), None)
    if not (isinstance(value, list) and isinstance(item, type) and issubclass(item, BaseModel)):
        return value
    if (as_text := vars(item).get("__str__")) is None:  # the item's own: a Function among Tools is shown as a Tool
        return value
    try:
        models = reader_of(annotation).validate_python(value)
    except ValidationError:
        return value  # a demonstration's values are unchecked
    return "\n".join(" ".join(as_text(model).split()) for model in models) or "(none)"


def close_sets(schema: Any, inputs: Mapping[str, Any]) -> Any:
    """Copy a JSON schema, filling in what is known only at the call.

    A string marked `one_of: <input>` gets the enum of that input's names ("" if none); a list marked
    `calls_of: <input>` may contain calls of that input's functions; a form marked `only_with: <input>` is dropped if
    that input is empty.
    """
    if isinstance(schema, list):
        return [close_sets(item, inputs) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(forms := schema.get("anyOf"), list):
        schema = schema | {"anyOf": [form for form in forms if not _is_out(form, inputs)] or forms}
    closed = {key: close_sets(value, inputs) for key, value in schema.items() if key not in MARKS}
    if isinstance(source := schema.get("one_of"), str) and source in inputs:
        closed = {"type": "string", "enum": names_in(inputs[source]) or [""]}
    if isinstance(source := schema.get("calls_of"), str) and source in inputs:
        closed |= calls_schema(_parameters_in(inputs[source]))
    return closed


def _is_out(form: Any, inputs: Mapping[str, Any]) -> bool:
    source = form.get("only_with") if isinstance(form, dict) else None
    return isinstance(source, str) and source in inputs and not inputs[source]


def _without_titles(schema: Any) -> Any:
    """Drop what a model need not read: pydantic's titles, and marks for `close_sets`."""
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    unread = {"title", *MARKS} if isinstance(schema.get("title", ""), str) else MARKS
    return {key: _without_titles(value) for key, value in schema.items() if key not in unread}


def bounded(schema: dict[str, Any], longest: int | None) -> dict[str, Any]:
    """Copy a JSON schema, adding a limit to the model's thoughts: a small model may repeat them until its reply is cut."""
    if longest is None:
        return schema
    fields = schema["properties"]
    thoughts = {name: fields[name] for name in _THOUGHTS & fields.keys() if fields[name].get("type") == "string"}
    return schema | {"properties": fields | {name: {"maxLength": longest} | each for name, each in thoughts.items()}}


def names_in(values: Any) -> list[str]:
    """Return the distinct names, in order, of tools given as objects, mappings or plain strings."""
    items: Iterable[Any] = values if isinstance(values, (list, tuple)) else []
    names = (item["name"] if isinstance(item, Mapping) else getattr(item, "name", item) for item in items)
    return list(dict.fromkeys(str(name) for name in names))


def _parameters_in(values: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """Return (name, schema of the arguments) of functions given as objects or mappings; {} without a schema."""
    found = []
    for item in values if isinstance(values, (list, tuple)) else []:
        read = item.get if isinstance(item, Mapping) else functools.partial(getattr, item)
        parameters = read("parameters", {})
        found.append((str(read("name", item)), parameters if isinstance(parameters, Mapping) else {}))
    return found


def is_cut_off(completion: str) -> bool:
    """Return whether the text opens a JSON object that never closes. Text without any object is not cut off.

    Braces are counted outside strings, so lenient JSON (trailing commas, prose around it) still counts as complete.
    """
    start = completion.find("{")
    if start < 0:
        return False
    depth = 0
    for mark in _STRING_OR_BRACE.finditer(completion, start):
        for brace in _BRACE.findall("" if mark["closed"] else mark.group()):  # an unclosed quote is not a string
            depth += 1 if brace == "{" else -1
            if depth == 0:
                return False
    return True
