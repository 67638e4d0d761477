"""One walk over a file's syntax tree, without recursion, so that no depth of nesting is too deep."""

import ast
from collections.abc import Callable
from typing import Any, NamedTuple

from dspy_programs.lint_loops.code.tree import Comprehension, ForLoop, Function, Loop, Scope, Tree

_OF_INTEREST = (ast.Call, ast.Compare, ast.AugAssign, ast.Assign, ast.Subscript)


def tree_of(module: ast.Module) -> Tree:
    """Return all that the detectors ask for."""
    tree = Tree(module)
    _Walk(tree, module).run()
    return tree


class _Mark(NamedTuple):
    """A sign between the nodes that wait: here a loop's passes begin, or end."""

    loop: Loop
    is_end: bool


_Waiting = tuple[ast.AST | _Mark, ast.AST | None, Scope, Loop | None]


class _Walk:
    """Fills a Tree."""

    def __init__(self, tree: Tree, module: ast.Module) -> None:
        self.tree, self.count = tree, 0
        self.waiting: list[_Waiting] = [(module, None, tree.module, None)]

    def run(self) -> None:
        waiting, parents, order = self.waiting, self.tree.parents, self.tree.order
        plain = self.plain
        special = _SPECIAL
        while waiting:
            node, parent, scope, loop = waiting.pop()
            if isinstance(node, _Mark):
                if node.is_end:
                    node.loop.end = self.count
                else:
                    node.loop.start = self.count
                continue
            if parent is not None:
                parents[node] = parent
            order[node] = self.count
            self.count += 1
            if loop is not None and isinstance(node, _OF_INTEREST):
                loop.nodes.append(node)
            if (handle := special.get(type(node))) is not None:
                handle(self, node, scope, loop)
            else:
                plain(node, scope, loop)

    def plain(self, node: ast.AST, scope: Scope, loop: Loop | None) -> None:
        """Go on with all that a node contains."""
        found: list[_Waiting] = []
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                if not isinstance(value, ast.expr_context | ast.operator | ast.cmpop | ast.boolop | ast.unaryop):
                    found.append((value, node, scope, loop))
            elif isinstance(value, list):
                found += [(each, node, scope, loop) for each in value if isinstance(each, ast.AST)]
        found.reverse()
        self.waiting += found

    def then(self, nodes: list[ast.AST], parent: ast.AST, scope: Scope, loop: Loop | None) -> None:
        """Put nodes on the stack: the first is next."""
        self.waiting += [(node, parent, scope, loop) for node in reversed(nodes)]

    def constant(self, node: ast.Constant, scope: Scope, loop: Loop | None) -> None:
        pass

    def name(self, node: ast.Name, scope: Scope, loop: Loop | None) -> None:
        scope.uses[node.id].append(node)
        if not isinstance(node.ctx, ast.Load):
            scope.bindings[node.id].append(node)

    def elsewhere(self, node: ast.Global | ast.Nonlocal, scope: Scope, loop: Loop | None) -> None:
        scope.elsewhere.update(node.names)

    def alias(self, node: ast.alias, scope: Scope, loop: Loop | None) -> None:
        scope.bindings[node.asname or node.name.partition(".")[0]].append(node)

    def handler(self, node: ast.ExceptHandler, scope: Scope, loop: Loop | None) -> None:
        if node.name:
            scope.bindings[node.name].append(node)
        self.plain(node, scope, loop)

    def pattern(self, node: ast.MatchAs | ast.MatchStar, scope: Scope, loop: Loop | None) -> None:
        if node.name:
            scope.bindings[node.name].append(node)
        self.plain(node, scope, loop)

    def mapping_pattern(self, node: ast.MatchMapping, scope: Scope, loop: Loop | None) -> None:
        if node.rest:
            scope.bindings[node.rest].append(node)
        self.plain(node, scope, loop)

    def function(self, node: Function, scope: Scope, loop: Loop | None) -> None:
        scope.bindings[node.name].append(node)
        own = self.new_scope(node, scope)
        self.then([*node.body], node, own, None)
        self.arguments(node.args, node, scope, own, loop)
        annotations = [node.returns] if node.returns else []
        self.then([*node.decorator_list, *annotations], node, scope, loop)

    def lambda_(self, node: ast.Lambda, scope: Scope, loop: Loop | None) -> None:
        own = self.new_scope(node, scope)
        self.then([node.body], node, own, None)
        self.arguments(node.args, node, scope, own, loop)

    def arguments(self, args: ast.arguments, node: ast.AST, scope: Scope, own: Scope, loop: Loop | None) -> None:
        every = [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
        for each in every:
            own.bindings[each.arg].append(each)
            self.tree.parents[each] = args
            self.tree.order[each] = self.count
        self.tree.parents[args] = node
        given = [*args.defaults, *(each for each in args.kw_defaults if each is not None)]
        self.then([*given, *(each.annotation for each in every if each.annotation)], node, scope, loop)

    def class_(self, node: ast.ClassDef, scope: Scope, loop: Loop | None) -> None:
        scope.bindings[node.name].append(node)
        own = self.new_scope(node, scope)
        self.then([*node.body], node, own, None)
        self.then([*node.decorator_list, *node.bases, *node.keywords], node, scope, loop)

    def new_scope(self, node: ast.AST, outer: Scope) -> Scope:
        own = Scope(node, outer)
        outer.inner.append(own)
        self.tree.scopes[node] = own
        return own

    def for_(self, node: ForLoop, scope: Scope, loop: Loop | None) -> None:
        self.then([*node.orelse], node, scope, loop)
        self.inside([node.target, *node.body], node, scope, loop)
        self.then([node.iter], node, scope, loop)

    def while_(self, node: ast.While, scope: Scope, loop: Loop | None) -> None:
        self.then([*node.orelse], node, scope, loop)
        self.inside([node.test, *node.body], node, scope, loop)

    def comprehension(self, node: Comprehension, scope: Scope, loop: Loop | None) -> None:
        """Take all but the first iterable as what runs on each pass; further `for`s are loops of the same comprehension."""
        first, *others = node.generators
        result: list[ast.AST] = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        own = self.new_loop(node, scope, loop)
        self.waiting.append((_Mark(own, is_end=True), node, scope, loop))
        self.then(result, node, scope, own)
        for each in reversed(others):
            self.then([each.target, each.iter, *each.ifs], each, scope, own)
        self.then([first.target, *first.ifs], first, scope, own)
        self.waiting.append((_Mark(own, is_end=False), node, scope, loop))
        self.then([first.iter], first, scope, loop)
        for each in node.generators:
            self.tree.parents[each], self.tree.order[each] = node, self.count

    def new_loop(self, node: ForLoop | ast.While | Comprehension, scope: Scope, outer: Loop | None) -> Loop:
        own = Loop(node, scope, outer, self.tree, 0)
        self.tree.loops.append(own)
        return own

    def inside(self, nodes: list[ast.AST], node: ForLoop | ast.While, scope: Scope, outer: Loop | None) -> None:
        """Take nodes as what runs on each pass of a loop."""
        own = self.new_loop(node, scope, outer)
        self.waiting.append((_Mark(own, is_end=True), node, scope, outer))
        self.then(nodes, node, scope, own)
        self.waiting.append((_Mark(own, is_end=False), node, scope, outer))


_SPECIAL: dict[type[ast.AST], Callable[[_Walk, Any, Scope, Loop | None], None]] = {
    ast.Constant: _Walk.constant,
    ast.Name: _Walk.name,
    ast.Global: _Walk.elsewhere,
    ast.Nonlocal: _Walk.elsewhere,
    ast.alias: _Walk.alias,
    ast.ExceptHandler: _Walk.handler,
    ast.MatchAs: _Walk.pattern,
    ast.MatchStar: _Walk.pattern,
    ast.MatchMapping: _Walk.mapping_pattern,
    ast.FunctionDef: _Walk.function,
    ast.AsyncFunctionDef: _Walk.function,
    ast.Lambda: _Walk.lambda_,
    ast.ClassDef: _Walk.class_,
    ast.For: _Walk.for_,
    ast.AsyncFor: _Walk.for_,
    ast.While: _Walk.while_,
    ast.ListComp: _Walk.comprehension,
    ast.SetComp: _Walk.comprehension,
    ast.DictComp: _Walk.comprehension,
    ast.GeneratorExp: _Walk.comprehension,
}
