"""What is wrong with Python that a model wrote, without running it: it cannot run, does nothing, or uses unknown names."""

import ast
import builtins
import re
import symtable
import warnings

_KNOWN = frozenset(dir(builtins)) | {"__name__", "__file__"}
_ASKS_FUNCTION = re.compile(r"\bfunction\b", re.IGNORECASE)


def code_fault(code: str, asked: str = "") -> str:
    """Return one sentence, "" for code without a fault that can be seen. asked: the request, which may name what it uses."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(code)
            compile(tree, "<pair>", "exec")
            unknown = sorted(_globals_in(symtable.symtable(code, "<pair>", "exec")) - _bound_in(tree) - _KNOWN)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "the code is no Python that can run; write bare, whole code"
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]
    if not functions and _ASKS_FUNCTION.search(asked):
        return "a function is asked for and the code has none; write it"
    if any(_is_empty(node) for node in functions if not isinstance(node, ast.Lambda)):
        return "a function of the code does nothing; write what it does"
    if missing := [name for name in unknown if name not in asked]:
        return f"the code uses {missing[0]}, which it does not define; define it"
    return ""


def _is_empty(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return all(
        isinstance(line, ast.Pass) or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
        for line in function.body
    )


def _globals_in(table: symtable.SymbolTable) -> set[str]:
    """Return the names that a block, or one inside it, takes from the module or the builtins."""
    names = {each.get_name() for each in table.get_symbols() if each.is_global() and each.is_referenced()}
    if table.get_type() == "module":
        names |= {each.get_name() for each in table.get_symbols() if each.is_referenced()}
    return names.union(*(_globals_in(inner) for inner in table.get_children()))


def _bound_in(tree: ast.Module) -> set[str]:
    """Return every name that is given a value anywhere; where does not matter here."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {(each.asname or each.name).partition(".")[0] for each in aliases}
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                names.add(name)
            case ast.Global(names=given):
                names |= {*given}
    return names
