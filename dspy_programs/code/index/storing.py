"""Put files into the tables of an index, and take them out."""

from collections.abc import Sequence

from dspy_programs.code.index.reading import Read, searched_columns, signature_of
from dspy_programs.code.index.words import names_in
from dspy_programs.database import Database


def keep(database: Database, batch: Sequence[Read]) -> None:
    """Put files into the index in place of what it had of them, all at once."""
    if not batch:
        return
    with database.together():  # another process may have indexed them since
        of_path = "SELECT id FROM files WHERE path = ?"
        again = [one.found.path for one in batch if one.is_new]
        forget(database, [row["id"] for path in again for row in database.rows(of_path, (path,))])
        for one in batch:
            if one.is_new:
                _insert(database, one)
            else:
                values = (one.found.size, one.trusted_time, one.found.path)
                database.write("UPDATE files SET size = ?, changed = ? WHERE path = ?", values)


def _insert(database: Database, one: Read) -> None:
    path, parsed = one.found.path, one.parsed
    language, by = (parsed.language, parsed.by) if parsed else ("", "")
    names = "\n".join(f"{name} {count}" for name, count in names_in(one.text).items()) if language else ""
    imports = "\n".join(parsed.imports) if parsed else ""
    values = (
        path,
        one.found.size,
        one.trusted_time,
        one.digest,
        one.why,
        language,
        by,
        one.text.count("\n"),
        names,
        imports,
    )
    file = database.write(
        "INSERT INTO files (path, size, changed, digest, why, language, read_by, lines, names, imports) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )
    if parsed is None:
        return
    lines = one.text.split("\n")
    database.write_many(
        "INSERT INTO symbols VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ((file, s.name, s.name.rpartition(".")[2], *s[1:], signature_of(lines, s)) for s in parsed.symbols),
    )
    ((first,),) = database.rows("SELECT coalesce(max(id), 0) + 1 FROM places")
    database.write_many(
        "INSERT INTO places VALUES (?, ?, ?, ?, ?)",
        ((at, file, c.symbol, c.line, c.end_line) for at, c in enumerate(parsed.chunks, first)),
    )
    database.write_many(
        "INSERT INTO chunks (rowid, name, path, text, humps) VALUES (?, ?, ?, ?, ?)",
        searched_columns(path, parsed.chunks, first),
    )


def forget(database: Database, files: Sequence[int]) -> None:
    """Take files out of the index; their vectors stay, for the same text elsewhere."""
    rows = [(file,) for file in files]
    of_files = "UPDATE vectors SET place = NULL WHERE place IN (SELECT id FROM places WHERE file = ?)"
    database.write_many(of_files, rows)
    database.write_many("DELETE FROM chunks WHERE rowid IN (SELECT id FROM places WHERE file = ?)", rows)
    for table, key in (("places", "file"), ("symbols", "file"), ("files", "id")):
        database.write_many(f"DELETE FROM {table} WHERE {key} = ?", rows)
