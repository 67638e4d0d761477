"""Whose attribute a name is: the class of the object before the dot, where the code says it."""

import ast
from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple

OTHER = "?"
"""Surely of no class of the code: a module, a literal."""
PARENT = "super of "
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_LITERALS = (ast.Constant, ast.JoinedStr, ast.List, ast.Dict, ast.Set, ast.Tuple, ast.ListComp, ast.DictComp, ast.SetComp)


class Use(NamedTuple):
    """An attribute. of: the class of its object, OTHER, PARENT and a class, or "" if it is not known; line: from 1."""

    of: str
    line: int
    end: int
    """Where it ends in its line, in bytes."""


def uses_in(tree: ast.Module, name: str, classes: Set[str]) -> list[Use]:
    """Return where an attribute of a name is read or written. classes: the names of those that matter."""
    reader = _Reader(name, classes)
    reader.read(tree)
    return reader.found


class _Reader(ast.NodeVisitor):
    def __init__(self, name: str, classes: Set[str]) -> None:
        self.name, self.classes = name, classes
        self.found = list[Use]()
        self.inside = list[str]()  # the classes around
        self.scopes = list[dict[str, str]]()  # variable -> the class of its value
        self.held = dict[tuple[str, str], str]()  # class, attribute -> the class of its value

    def read(self, tree: ast.Module) -> None:
        modules = {
            alias.asname or alias.name.partition(".")[0]: OTHER
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                self._read_fields(node)
        self.scopes.append(modules | self._bound(tree.body))
        self.visit(tree)

    def _read_fields(self, node: ast.ClassDef) -> None:
        """Note what the attributes of a class hold: `self.cart = Cart()`, `cart: Cart`."""
        for each in ast.walk(node):
            for target, of in self._assigned(each):
                is_own = isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self"
                name = target.attr if isinstance(target, ast.Attribute) and is_own else ""
                name = target.id if isinstance(target, ast.Name) and each in node.body else name
                if name:
                    self.held[node.name, name] = of if self.held.get((node.name, name), of) == of else ""

    def _assigned(self, node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
        """Yield what a statement binds, with the class of the value, "" if it is not known."""
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from ((target, self._made_by(value)) for target in targets)
            case ast.AnnAssign(target=target, annotation=annotation):
                yield target, self._annotated(annotation)
            case ast.Name(ctx=ast.Store()):
                yield node, ""

    def _bound(self, body: Sequence[ast.stmt]) -> dict[str, str]:
        """Return the variables that statements bind, those of inner functions left out."""
        known, plain = dict[str, str](), set[str]()
        waiting: list[ast.AST] = list(body)
        while waiting:
            node = waiting.pop()
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
                continue
            said = [(target.id, of) for target, of in self._assigned(node) if isinstance(target, ast.Name)]
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                for name, of in said:
                    known[name] = of if known.get(name, of) == of else ""
                simple = [target for target, _ in self._assigned(node) if isinstance(target, ast.Name)]
                waiting += [each for each in ast.iter_child_nodes(node) if each not in simple]
                continue
            plain |= {name for name, _ in said}
            waiting += ast.iter_child_nodes(node)
        return known | dict.fromkeys(plain, "")

    def _made_by(self, value: ast.expr | None) -> str:
        is_made = isinstance(value, ast.Call) and isinstance(value.func, ast.Name)
        made = value.func.id if is_made and isinstance(value, ast.Call) and isinstance(value.func, ast.Name) else ""
        return made if made in self.classes else ""

    def _annotated(self, annotation: ast.expr | None) -> str:
        is_text = isinstance(annotation, ast.Constant) and isinstance(annotation.value, str)
        name = annotation.value if is_text and isinstance(annotation, ast.Constant) else getattr(annotation, "id", "")
        return str(name) if name in self.classes else ""

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.inside.append(node.name)
        self.generic_visit(node)
        self.inside.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_function(node)

    def _visit_function(self, node: _Function) -> None:
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        scope = {each.arg: self._annotated(each.annotation) for each in arguments}
        if self.inside and arguments and arguments[0].arg in ("self", "cls"):
            scope[arguments[0].arg] = self.inside[-1]
        for name, of in self._bound(node.body).items():
            scope[name] = of if scope.get(name, of) == of else ""
        self.scopes.append(scope)
        self.generic_visit(node)
        self.scopes.pop()

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr == self.name:
            self.found.append(Use(self._of(node.value), node.end_lineno or 0, node.end_col_offset or 0))
        self.generic_visit(node)

    def _of(self, value: ast.expr) -> str:
        match value:
            case ast.Name(id=name):
                known = next((scope[name] for scope in reversed(self.scopes) if name in scope), None)
                return known if known is not None else name if name in self.classes else ""
            case ast.Call(func=ast.Name(id="super")):
                return PARENT + self.inside[-1] if self.inside else ""
            case ast.Call():
                return self._made_by(value)
            case ast.Attribute(value=ast.Name(id="self"), attr=attr) if self.inside:
                return self.held.get((self.inside[-1], attr), "")
        return OTHER if isinstance(value, _LITERALS) else ""
