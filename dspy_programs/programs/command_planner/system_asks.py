# ruff: noqa: E501  # a question stands on a line
"""Questions about the machine: processes, ports, memory, disks, versions, variables, logs of services."""

import shlex

from dspy_programs.programs.command_planner.phrases import PATH, Ask, Said, fixed
from dspy_programs.programs.command_planner.step import Step

_PROGRAM = r"(?P<name>[A-Za-z][\w.+-]*)"
_VERSIONS = {"java": "java -version", "go": "go version", "kubectl": "kubectl version --client"}


def _processes(said: Said) -> list[Step]:
    name, by = said.plain("name").lower(), said.plain("by").lower()
    if name in ("the", "all", "running", "top", "which", "what", "any", "of"):
        name = ""
    if name in ("zombie", "background", "child", "idle", "my", "own", "other", "user", "system", "root", "stopped", "defunct"):
        return []  # a kind of process, not a program
    column = {"mem": "4", "ram": "4", "cpu": "3", "pro": "3"}.get(by[:3], "")
    if not column:
        return [Step("list the processes", f"pgrep -af {shlex.quote(name)}" if name else "ps aux")]
    shown = f"ps aux | grep -i {shlex.quote(f'[{name[0]}]{name[1:]}')}" if name else "ps aux"
    return [Step("list the processes, the largest first", f"{shown} | sort -rn -k {column} | head -{said.number('top', 20)}")]


def _process(said: Said) -> list[Step]:
    shown = f"ps -o pid,rss,vsz,%cpu,etime,args -p {said.plain('pid')}"
    return [
        Step("show the process again and again", f"watch -n 1 {shown}")
        if said.plain("watched")
        else Step("show the process", shown)
    ]


def _running(said: Said) -> list[Step]:
    return [Step("list its processes", f"pgrep -af {said.get('name')}")]


def _killed(said: Said) -> list[Step]:
    return [
        Step("list its processes", f"pgrep -af {said.get('name')}"),
        Step(f"stop them, if they are yours: pkill -f {said.get('name')}"),
    ]


def _port(said: Said) -> list[Step]:
    return [
        Step("find the process that uses the port", f"lsof -i :{said.plain('port')}"),
        Step("stop it by its number, if it is yours: kill PID"),
    ]


def _environment(said: Said) -> list[Step]:
    return [
        Step("show the variable", f"printenv {said.get('name')}")
        if said.plain("name")
        else Step("list the variables", "env | sort")
    ]


def _variable(said: Said) -> list[Step]:
    return [Step("set the variable for this shell", f"export {said.plain('name')}={said.get('value')}")]


def _version(said: Said) -> list[Step]:
    name = said.plain("name").lower()
    return [Step("show the version", _VERSIONS.get(name, f"{name} --version"))]


def _where(said: Said) -> list[Step]:
    return [Step("show where the program is", f"command -v {said.get('name')}")]


def _checksum(said: Said) -> list[Step]:
    kind = said.plain("kind").lower().replace("-", "")
    program = kind if kind in ("md5", "sha1", "sha512") else "sha256"
    if "macos" in said.project.lists.get("os", []):
        return [
            Step(
                "show the checksum",
                f"md5 {said.get('name')}" if program == "md5" else f"shasum -a {program[3:]} {said.get('name')}",
            )
        ]
    return [Step("show the checksum", f"{program}sum {said.get('name')}")]


def _served(said: Said) -> list[Step]:
    folder = f" --directory {said.get('folder')}" if said.plain("folder") else ""
    return [Step("serve the files", f"python -m http.server {said.plain('port') or '8000'}{folder}")]


def _of_container(said: Said) -> list[Step]:
    follow = " --follow" if said.plain("follow") else ""
    if "compose" in said.project.kinds:
        return [Step("show its logs", f"docker compose logs --tail 100{follow} {said.get('name')}")]
    return [Step("show its logs", f"docker logs --tail 100{follow} {said.get('name')}")]


def _of_service(said: Said) -> list[Step]:
    return [Step("show its logs", f"journalctl -u {said.get('name')} -n 100{' -f' if said.plain('follow') else ''}")]


def _link(said: Said) -> list[Step]:
    return [Step("make the link", f"ln -s {said.get('source')} {said.get('target')}")]


def _permissions(said: Said) -> list[Step]:
    return [Step("show the rights and the owner", f"ls -ld {said.get('name')}")]


_KNOWN = r"(?:python3?|node|npm|pnpm|yarn|git|docker|cargo|rustc|go|java|ruby|gcc|make|cmake|uv|poetry|pip|ruff|pytest|mypy|kubectl|terraform|bash)"
_FOLLOW = r"(?:,? ?(?:and )?(?P<follow>follow(?:ing)?|live|as they come|keep following)(?: (?:it|them))?)?"
SYSTEM_ASKS = (
    Ask(r"\bhow long has (?:the )?(?:process|pid) (?P<pid>\d+) been (?:running|up|alive)", "", _process),
    Ask(r"\b(?:which|what) (?:linux|ubuntu|debian|fedora|distro) (?:version|release)\b(?: is (?:this|running|installed))?(?: running)?", "", fixed("show the system", "cat /etc/os-release")),
    Ask(rf"\b(?:kill|stop|end|terminate) (?:a |the |all )?(?:process(?:es)? )?(?:by (?:its )?name|called|named) {_PROGRAM}|\b(?:kill|terminate) (?:all |the )?(?P<name_>[A-Za-z][\w.+-]*) process(?:es)?", "", _killed),
    Ask(r"\bmemory (?:usage |use |consumption )?(?:of|used by) (?:the )?(?:process|pid) (?P<pid>\d+)", "", _process),
    Ask(r"\b(?P<watched>watch|monitor) (?:the )?(?:memory|cpu|resource)?(?: and cpu)? ?(?:usage |use )?(?:of|used by)? ?(?:the )?(?:process|pid) (?P<pid>\d+)", "", _process),
    Ask(r"\b(?:kill|stop|end|terminate|free)\b.{0,40}\b(?:port |listening on |listens on |:)(?:the )?(?:port )?(?P<port>\d{2,5})\b", "", _port),
    Ask(r"\b(?:process|program|what|who|which one)\b.{0,12}\b(?:using|uses|has|holds|listening on|listens on|occup\w+|blocks|blocking|on) (?:the )?port (?P<port>\d{2,5})\b", "", _port),
    Ask(
        rf"(?<!\d )\b(?:(?!(?:show|list|find|me)\b){_PROGRAM} )?processes\b(?:.{{0,25}}\b(?:most|by|the most|more|much)(?: of)?(?: the)? (?P<by>memory|mem|ram|cpu|processor)(?: usage| use| time)?)?",
        "top",
        _processes,
    ),
    Ask(r"\bwhat(?:'s| is)? (?:eating|using|taking|hogging)(?: up)?(?: all| so much)?(?: of)?(?: the| my)? (?P<by>memory|ram|cpu)\b", "", _processes),
    Ask(r"\b(?:how full (?:is|are) (?:the |my )?(?:disks?|drives?)|(?:free |available |remaining )(?:disk |hard drive )?space|(?:disk )?space (?:is |do (?:i|we) have )?(?:left|free|available|remaining)|is (?:the |my )?disk full)(?: (?:is )?(?:left|available|there|on (?:the |this |my )?disks?))*", "", fixed("show how full the disks are", "df -h")),
    Ask(r"\b(?:how much (?:free |available )?(?:memory|ram)|free (?:memory|ram)|memory usage)\b(?: (?:is |do (?:i|we) have )?(?:free|left|available|used))?", "", fixed("show the memory", "free -h")),
    Ask(r"\b(?:which|what|list|show)\b.{0,12}\bports\b(?: (?:are|is))?(?: currently)?(?: (?:open|listening|in use|used|being listened on))?", "", fixed("list the ports that processes listen on", "lsof -nP -iTCP -sTCP:LISTEN")),
    Ask(rf"^is (?:there )?(?:an? |the )?{_PROGRAM}(?: process| server)? (?:still |currently |already )?(?:running|up|alive)(?: (?:process|server))?", "", _running),
    Ask(r"\b(?:value of )?(?:the )?(?:environment|env) (?:variable )?(?P<name>[A-Z][A-Z0-9_]+)\b(?! to\b)|\b(?:list|show|print|what|all|which)\b.{0,12}\b(?:environment|env) (?:variables|vars)\b(?: are set)?", "", _environment),
    Ask(r"\b(?:set|export|define) (?:the )?(?:environment |env )?(?:variable )?(?P<name>[A-Z][A-Z0-9_]+) (?:to|=|as) ?(?P<value>[^\s;,]+)", "", _variable),
    Ask(rf"\b(?:which|what) (?:version of )?(?P<name>{_KNOWN}) ?(?:version)?(?: is (?:this|it|installed|used|active|in use|here))?$|\b(?P<name_>{_KNOWN}) version\b(?: is)?(?: (?:installed|used|in use))?", "", _version),
    Ask(rf"\bwhere is (?:the )?(?P<name>{_KNOWN})(?: binary| executable| program)?(?: installed)?$|\bpath (?:of|to) (?:the )?(?P<name_>{_KNOWN})(?: binary| executable)?$|\b(?:which|what) (?P<name__>{_KNOWN}) (?:binary|executable|interpreter)(?: is (?:used|in use|active))?", "", _where),
    Ask(rf"\b(?:compute |calculate )?(?P<kind>checksum|sha-?256|sha-?512|sha-?1|md5)(?:sum| hash| checksum| sum)? (?:of|for) (?:the )?(?:file )?(?P<name>{PATH})", "", _checksum),
    Ask(r"\bserve (?:the )?(?:files|folder|directory|static files)?\b(?:.{0,12}\bport (?P<port>\d{2,5}))?", "folder", _served),
    Ask(rf"\blogs? (?:of|for|from) (?:the )?(?:docker )?(?:container (?:called |named )?{_PROGRAM}|(?P<name_>[\w.-]+) container){_FOLLOW}", "", _of_container),
    Ask(rf"\blogs? (?:of|for|from) (?:the )?(?:systemd )?(?:(?:service|unit) {_PROGRAM}|(?P<name_>[\w.-]+) (?:service|unit)){_FOLLOW}", "", _of_service),
    Ask(rf"\b(?:make|create) a (?:sym|soft)(?:bolic )?link (?:from |to |of )?(?P<source>{PATH}) (?:to|in|at|called|named|as) (?P<target>{PATH}|[\w.-]+)", "", _link),
    Ask(rf"\b(?:permissions?|rights|owner|mode) (?:of|on|for) (?:the )?(?:file |folder )?(?P<name>{PATH})|\bwho owns (?:the )?(?P<name_>{PATH})", "", _permissions),
    Ask(r"\bhow many (?:cpus?|cores|processors)\b(?: (?:are there|do (?:i|we) have))?|\bnumber of (?:cpus?|cores)\b", "", fixed("show the number of processors", "getconf _NPROCESSORS_ONLN")),
    Ask(r"\b(?:which|what) (?:operating system|os|kernel|distro|distribution)\b(?: is (?:this|it))?(?: version)?", "", fixed("show the system", "uname -a")),
    Ask(r"\bhow long has .{0,20}\b(?:up|running|on)$|\buptime\b", "", fixed("show since when the machine runs", "uptime")),
)  # fmt: skip
