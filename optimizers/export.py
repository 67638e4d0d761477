"""python -m optimizers.export --module planner --to planner.json: write a compiled program for stock DSPy, or share it."""

import inspect
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from dspy_programs.cli import LmOption, new_app, run
from optimizers.cli import MODULES, OF_YOUR_OWN

if TYPE_CHECKING:
    from dspy_programs.registry import Compiled

HUB = "hf:"

app = new_app(
    "Write a compiled program as the JSON that stock `dspy.Module.load` reads, or into a folder or repository to share."
)


class Hub(Protocol):
    """The part of huggingface_hub.HfApi that is used here."""

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> object: ...

    def upload_folder(self, *, repo_id: str, folder_path: str, commit_message: str) -> object: ...


@app.command()
def export(
    module: Annotated[str, typer.Option(help=MODULES.replace(", or all", "") + OF_YOUR_OWN)],
    to: Annotated[str, typer.Option(help="A file for stock DSPy, NAME.json; or a folder or hf:OWNER/NAME for `load`.")],
    lm: LmOption = None,
    path: Annotated[Path | None, typer.Option(help="A compiled JSON. Default: the one that `load` uses.")] = None,
    public: Annotated[bool, typer.Option("--public", help="With hf: make a new repository public.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a compiled program as stock DSPy reads it, or into a folder or repository to share.

    For stock DSPy: instructions and demonstrations, as DSPy's own `save` writes them. To share: the compiled JSON, its card
    and a manifest with its hash, one model at a time; no code. Demonstrations are rows of the training data: do not share
    private ones. A new repository is private unless you add --public.
    """
    from dspy_programs.errors import CompiledMissing, UsageError
    from dspy_programs.lm import spec_in_use
    from dspy_programs.registry import has_reasoning, in_use, new_program, read_compiled, shape_of
    from optimizers.promotion import card_for, export_stock, require_fit

    program, spec = new_program(module), spec_in_use(lm)
    file = path or in_use(module, spec)
    if file is None:
        raise CompiledMissing(
            f"{module} is not compiled for {spec}. Compile it: python -m optimizers.train --module {module} --lm {spec}"
        )
    compiled = read_compiled(file, module, None if path else spec)
    require_fit(compiled, file)
    if to.startswith(HUB):
        import huggingface_hub

        from dspy_programs.registry import newest

        upload(file, compiled, card_for(compiled), to.removeprefix(HUB), not public, huggingface_hub.HfApi(), newest)
        lines = _shared_usage(module, spec, to)
    elif Path(to).suffix == ".json":
        if Path(to).exists() and not force:
            raise UsageError(f"{to} already exists; --force overwrites it")
        export_stock(file, Path(to), program)
        thinks = has_reasoning(compiled.provenance.fields) and not has_reasoning(shape_of(program))
        lines = usage(module, thinks, to)
    else:
        share(file, compiled, card_for(compiled), Path(to))
        lines = _shared_usage(module, spec, to)
    print(f"wrote {to}, from {file}. To read it:")
    for line in lines:
        print(line)


def share(file: Path, compiled: "Compiled", card: str, folder: Path) -> None:
    """Put a compiled JSON and its card into a folder, next to those for other models, and record its hash."""
    from dspy_programs.atomic_file import require_writable, write_atomically
    from dspy_programs.registry import MANIFEST, file_name, write_manifest

    saved = compiled.provenance
    name = file_name(saved.lm)
    require_writable(folder / MANIFEST)
    write_manifest(folder, saved.program, [])  # refuses a folder that shares another program, before anything is written
    write_atomically(folder / f"{name}.json", file.read_bytes())
    write_atomically(folder / f"{name}.md", card)
    write_manifest(folder, saved.program, [(f"{name}.json", saved.lm)])


def upload(
    file: Path, compiled: "Compiled", card: str, repo: str, private: bool, hub: Hub, newest: Callable[[str], Path | None]
) -> None:
    """Put it into a Hub repository, next to those for other models; newest: the manifest there now.

    Raises CompiledProgramError if that fails.
    """
    from dspy_programs.errors import CompiledProgramError
    from dspy_programs.lm.weights import without_credentials
    from dspy_programs.registry import MANIFEST

    with tempfile.TemporaryDirectory() as room:
        try:
            hub.create_repo(repo, private=private, exist_ok=True)
            if (before := newest(repo)) is not None:
                shutil.copy(before, Path(room) / MANIFEST)
            share(file, compiled, card, Path(room))
            what = f"{compiled.provenance.program} for {compiled.provenance.lm}"
            hub.upload_folder(repo_id=repo, folder_path=room, commit_message=f"Compiled {what}")
        except CompiledProgramError:
            raise
        except Exception as error:  # the client and its transports raise many unrelated types
            raise CompiledProgramError(f"{HUB}{repo}: cannot be written: {without_credentials(error)}") from None


def usage(module: str, thinks: bool, to: str) -> Iterator[str]:
    """Say how stock DSPy reads the file. thinks: it was compiled with chain of thought, which the class itself lacks."""
    from dspy_programs.registry import new_program, program_named

    source, program = program_named(module), new_program(module)
    home, name = type(program).__module__, type(program).__name__
    made = f"{name}()" if inspect.isclass(source) else "..."  # an instance is the user's to make
    yield f"  from {'dspy_programs' if home.startswith('dspy_programs.') else home} import {name}"
    if thinks:
        yield "  from dspy_programs import add_reasoning"
    yield f"  program = add_reasoning({made})" if thinks else f"  program = {made}"
    yield f"  program.load({to!r})"


def _shared_usage(module: str, spec: str, to: str) -> Iterator[str]:
    """Say how `load` reads a shared program."""
    yield "  from dspy_programs import load"
    yield f"  program = load({module!r}, {spec!r}, path={to!r})"


def main(argv: Sequence[str] | None = None) -> int:
    return run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
