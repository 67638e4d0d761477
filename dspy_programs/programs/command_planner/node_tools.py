"""The commands of a Node project's tools."""

from dspy_programs.programs.command_planner.project import Project
from dspy_programs.programs.command_planner.step import Deed, Step, steps_in


def manager_of(project: Project) -> str:
    locks = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lockb": "bun", "bun.lock": "bun"}
    return next((manager for lock, manager in locks.items() if project.has(lock)), "npm")


def node_steps(deed: Deed, project: Project, which: str) -> list[Step]:
    manager, tools = manager_of(project), project.tools
    which = "" if which in ("failed", "first") else which
    if deed == "upgrade" and which:
        return [Step(f"upgrade {which}", f"{manager} {'install' if manager == 'npm' else 'add'} {which}@latest")]
    once = {"npm": "npx", "pnpm": "pnpm exec", "yarn": "yarn", "bun": "bunx"}[manager]
    locked = {
        "npm": "npm ci",
        "pnpm": "pnpm install --frozen-lockfile",
        "yarn": "yarn install --frozen-lockfile",
        "bun": "bun install",
    }
    is_locked = project.has("package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lockb", "bun.lock")
    if deed == "test" and (which or "vitest" in tools or "jest" in tools):
        runner = next((tool for tool in ("vitest", "jest") if tool in tools), "")
        return [
            Step(
                "",
                f"{once} {runner} {'run ' if runner == 'vitest' else ''}{which}".strip()
                if runner
                else f"{manager} test -- {which}",
            )
        ]
    lint = next(
        (
            f"{once} {command}"
            for tool, command in (
                ("eslint", f"eslint{' --fix' if which == '--fix' else ''} {'.' if which in ('', '--fix') else which}"),
                ("biome", "biome check ."),
            )
            if tool in tools
        ),
        "",
    )
    shape = next(
        (
            f"{once} {command}"
            for tool, command in (("prettier", "prettier --write ."), ("biome", "biome format --write ."))
            if tool in tools
        ),
        "",
    )
    table: dict[Deed, str] = {
        "test": f"{manager} test",
        "lint": lint,
        "format": shape,
        "types": f"{once} tsc --noEmit" if project.has("tsconfig.json") or "tsc" in tools else "",
        "install": locked[manager] if is_locked else f"{manager} install",
        "outdated": f"{manager} outdated",
        "upgrade": f"{manager} {'upgrade' if manager == 'yarn' else 'update'}",
        "add": f"{manager} {'install' if manager == 'npm' else 'add'} {which}",
        "remove": f"{manager} {'uninstall' if manager == 'npm' else 'remove'} {which}",
        "release": f"{manager} publish",
    }
    return steps_in(table, deed)
