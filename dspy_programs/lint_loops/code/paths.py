"""Names with dots: `self.items` and `config.limits` as text."""

import ast


def path_of(node: ast.AST) -> str | None:
    """Return a name or a chain of attributes of a name as it is written, None for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def root_of(node: ast.AST) -> ast.Name | None:
    """Return the name that a chain of attributes, subscripts and calls begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node if isinstance(node, ast.Name) else None


def is_same(one: ast.AST, other: ast.AST) -> bool:
    """Return whether two expressions are written alike."""
    if isinstance(one, ast.Name) and isinstance(other, ast.Name):
        return one.id == other.id
    return type(one) is type(other) and ast.dump(_read(one)) == ast.dump(_read(other))


def _read(node: ast.AST) -> ast.AST:
    """A target is compared as if it were read."""
    if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
        return ast.Attribute(node.value, node.attr, ast.Load())
    if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
        return ast.Subscript(node.value, node.slice, ast.Load())
    return node


def written(node: ast.AST, characters: int = 60) -> str:
    """Return an expression as Python writes it, on one line, cut if it is long."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= characters else text[: characters - 3] + "..."
