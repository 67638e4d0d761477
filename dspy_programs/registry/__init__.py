"""From a name to a program with its compiled state."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.registry.compiled_store import (
        AUGMENTED as AUGMENTED,
        Compiled as Compiled,
        Provenance as Provenance,
        all_compiled as all_compiled,
        apply_state as apply_state,
        compiled_paths as compiled_paths,
        digest as digest,
        file_name as file_name,
        folder_name as folder_name,
        in_use as in_use,
        is_of_type as is_of_type,
        read_compiled as read_compiled,
        seed_instructions as seed_instructions,
        versions as versions,
    )
    from dspy_programs.registry.own_programs import (
        call_without_arguments as call_without_arguments,
        home_of as home_of,
        introduce as introduce,
        is_own as is_own,
        load_argument as load_argument,
        name_of as name_of,
        new_from as new_from,
        object_named as object_named,
        source_of as source_of,
    )
    from dspy_programs.registry.registry import (
        PROGRAMS as PROGRAMS,
        load as load,
        new_program as new_program,
        program_named as program_named,
        require_known as require_known,
        without_warning as without_warning,
    )
    from dspy_programs.registry.shape import has_reasoning as has_reasoning, shape_of as shape_of
    from dspy_programs.registry.shared import MANIFEST as MANIFEST, newest as newest, write_manifest as write_manifest

_HOMES = {
    "AUGMENTED": "compiled_store",
    "Compiled": "compiled_store",
    "Provenance": "compiled_store",
    "all_compiled": "compiled_store",
    "apply_state": "compiled_store",
    "compiled_paths": "compiled_store",
    "digest": "compiled_store",
    "file_name": "compiled_store",
    "folder_name": "compiled_store",
    "in_use": "compiled_store",
    "is_of_type": "compiled_store",
    "read_compiled": "compiled_store",
    "seed_instructions": "compiled_store",
    "versions": "compiled_store",
    "call_without_arguments": "own_programs",
    "home_of": "own_programs",
    "introduce": "own_programs",
    "is_own": "own_programs",
    "name_of": "own_programs",
    "object_named": "own_programs",
    "new_from": "own_programs",
    "source_of": "own_programs",
    "load_argument": "own_programs",
    "PROGRAMS": "registry",
    "load": "registry",
    "new_program": "registry",
    "program_named": "registry",
    "require_known": "registry",
    "without_warning": "registry",
    "has_reasoning": "shape",
    "shape_of": "shape",
    "MANIFEST": "shared",
    "newest": "shared",
    "write_manifest": "shared",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
