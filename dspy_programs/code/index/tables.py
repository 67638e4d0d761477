"""The tables of an index: files, their definitions, and the chunks that are searched, by words and by vectors.

A vector without a place is of a text that is gone, and spares the same text elsewhere the embedder. Files of an older index are
read again, for their imports.
"""

SCHEMA = (
    """
CREATE TABLE files (
  id INTEGER PRIMARY KEY, path TEXT UNIQUE, size INTEGER, changed INTEGER, digest BLOB, why TEXT, language TEXT, read_by TEXT,
  lines INTEGER, names TEXT
);
CREATE TABLE symbols (
  file INTEGER, name TEXT, last TEXT, kind TEXT, line INTEGER, head INTEGER, end_line INTEGER, nested INTEGER, signature TEXT
);
CREATE INDEX symbols_of_file ON symbols (file);
CREATE INDEX symbols_named ON symbols (last);
CREATE TABLE places (id INTEGER PRIMARY KEY, file INTEGER, symbol TEXT, line INTEGER, end_line INTEGER);
CREATE INDEX places_of_file ON places (file);
CREATE VIRTUAL TABLE chunks USING fts5(name, path, text, humps, tokenize = 'porter unicode61 remove_diacritics 2');
""",
    """
CREATE TABLE vectors (embedder TEXT, place INTEGER, digest BLOB, vector BLOB, PRIMARY KEY (embedder, place));
CREATE INDEX vectors_of_place ON vectors (place);
ALTER TABLE files ADD COLUMN imports TEXT;
UPDATE files SET size = -1, digest = NULL;
""",
)
KNOWN_FILES = """
SELECT id, path, size, changed, CASE WHEN again THEN NULL ELSE digest END AS digest, again FROM
  (SELECT *, ? AND read_by = 'lines' AND language != '' AS again FROM files)
"""
"""Files that were cut into lines for want of a grammar are read again once the grammars are installed."""
