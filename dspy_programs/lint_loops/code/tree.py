"""A file's syntax tree with what the detectors ask for: scopes, loops, parents, the order of nodes, and who uses a name.

walk.py fills it.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from dspy_programs.lint_loops.code.kind import Kind

Function = ast.FunctionDef | ast.AsyncFunctionDef
ForLoop = ast.For | ast.AsyncFor
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class, function or lambda: where names live. Those of a comprehension count to the scope around it."""

    node: ast.AST
    outer: "Scope | None"
    uses: dict[str, list[ast.Name]] = field(default_factory=lambda: defaultdict(list))
    """Every mention of a name directly in the scope, in order."""
    bindings: dict[str, list[ast.AST]] = field(default_factory=lambda: defaultdict(list))
    """name -> the nodes that give it a value: Name (stored), arg, alias, def, class, handler."""
    inner: "list[Scope]" = field(default_factory=list)
    elsewhere: set[str] = field(default_factory=set)
    """Names declared global or nonlocal here."""

    @property
    def is_function(self) -> bool:
        return isinstance(self.node, Function | ast.Lambda)

    def below(self) -> "Iterator[Scope]":
        """Yield the scopes inside, at any depth."""
        waiting = list(self.inner)
        while waiting:
            scope = waiting.pop()
            yield scope
            waiting += scope.inner

    def home_of(self, name: str) -> "Scope | None":
        """Return the scope that a name belongs to if it is read here; None for built-ins and star imports."""
        scope: Scope | None = self
        is_first = True
        while scope is not None:
            if (
                name in scope.bindings
                and name not in scope.elsewhere
                and (is_first or not isinstance(scope.node, ast.ClassDef))
            ):
                return scope
            is_first, scope = False, scope.outer
        return None


@dataclass(slots=True, eq=False)
class Loop:
    """A loop or one `for` of a comprehension. start, end: the order of its nodes; what is evaluated once lies outside."""

    node: ast.For | ast.AsyncFor | ast.While | Comprehension
    scope: Scope
    outer: "Loop | None"
    tree: "Tree"
    start: int
    end: int = 0
    nodes: list[ast.expr | ast.stmt] = field(default_factory=list)
    """Calls, comparisons, assignments and subscripts evaluated on each pass, and not in an inner loop."""

    @property
    def is_comprehension(self) -> bool:
        return not isinstance(self.node, ast.For | ast.AsyncFor | ast.While)

    @property
    def iterable(self) -> ast.expr | None:
        """Return what is looped over, None for a while loop."""
        if isinstance(self.node, ast.While):
            return None
        return self.node.iter if isinstance(self.node, ast.For | ast.AsyncFor) else self.node.generators[0].iter

    def has(self, node: ast.AST) -> bool:
        """Return whether a node belongs to what runs on each pass; also in inner loops and functions."""
        return self.start <= self.tree.order[node] < self.end

    def around(self) -> "Iterator[Loop]":
        """Yield this loop and those around it in the same scope, inside out."""
        loop: Loop | None = self
        while loop is not None:
            yield loop
            loop = loop.outer


class Tree:
    """A parsed file; empty until walk.py has filled it."""

    def __init__(self, module: ast.Module) -> None:
        self.module = Scope(module, None)
        self.parents: dict[ast.AST, ast.AST] = {}
        self.order: dict[ast.AST, int] = {}
        self.loops: list[Loop] = []
        self.scopes: dict[ast.AST, Scope] = {module: self.module}
        self.kinds: dict[tuple[Scope | ast.ClassDef, str], Kind | None] = {}
        """What is known of names so far; see kinds.py."""

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes around a node, inside out."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def statement_of(self, node: ast.AST) -> ast.stmt | None:
        """Return the innermost statement that a node belongs to."""
        while not isinstance(node, ast.stmt):
            if (parent := self.parents.get(node)) is None:
                return None
            node = parent
        return node

    def block_of(self, statement: ast.AST) -> list[ast.stmt]:
        """Return the list of statements that a statement stands in; [] for what is none."""
        parent = self.parents.get(statement)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(parent, name, None)
            if isinstance(block, list) and any(each is statement for each in block):
                return block
        return []

    def before(self, statement: ast.AST) -> list[ast.stmt]:
        """Return the statements before a statement in its block, the nearest first."""
        block = self.block_of(statement)
        at = next((at for at, each in enumerate(block) if each is statement), 0)
        return block[:at][::-1]
