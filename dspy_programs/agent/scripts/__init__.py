"""How a small model works on files: by a script, a fact copied from a text, or functions written again."""
