"""The programs and options that the reader of command lines knows, in tables.

A program that is missing here is none of them: it has no consequence that is asked about, and the sandbox holds it.
"""

import re

DELETES = frozenset("rm rmdir unlink shred wipe srm truncate mkfs wipefs dd fdisk mkswap".split())
NETWORK = frozenset(
    "curl wget nc ncat netcat socat ssh scp sftp ftp tftp telnet ping dig nslookup host rsync pip pip3 pipx uv npm npx yarn "
    "pnpm bun apt apt-get aptitude dpkg dnf yum apk pacman brew snap gem cargo go docker podman kubectl helm aws gcloud az "
    "gh hg svn ollama huggingface-cli mail sendmail".split()
)
RIGHTS = frozenset("sudo doas su pkexec chown chgrp chroot mount umount setcap capsh unshare nsenter newgrp setfacl".split())
SYSTEM = frozenset(
    "kill pkill killall shutdown reboot halt poweroff systemctl service crontab at batch iptables nft sysctl modprobe insmod "
    "useradd userdel usermod passwd launchctl ulimit prlimit bwrap gdb strace ltrace screen tmux script".split()
)
UNSEEN = frozenset(
    "eval source . alias unalias trap enable set shopt bind complete hash builtin function parallel watch expect vi vim view "
    "ex ed emacs nano less more man ssh-agent flock run-parts".split()
)
SHELLS = frozenset("sh bash dash ash zsh ksh mksh fish csh tcsh rbash pwsh".split())
INTERPRETERS = re.compile(r"(?:python|pypy|perl|ruby|node|nodejs|deno|php|lua|luajit|tclsh|julia|Rscript|osascript)[\d.]*$")
CODE = re.compile(r"-[A-Za-z]*[ceErp]$|--(?:eval|print|command)\b")
RUNNERS: dict[str, tuple[str, ...]] = {
    "env": ("-u", "--unset", "-C", "--chdir"),
    "nice": ("-n", "--adjustment"),
    "nohup": (),
    "setsid": (),
    "stdbuf": ("-i", "-o", "-e"),
    "ionice": ("-c", "-n"),
    "timeout": ("-k", "-s", "--kill-after", "--signal"),
    "command": (),
    "exec": (),
    "busybox": (),
    "toybox": (),
    "xargs": ("-I", "-n", "-P", "-L", "-d", "-s", "-a", "-E"),
    "time": (),
}
"""program that runs another -> its options that take a value."""
PLAIN_OPTIONS = {
    "env": ("-i", "-", "-0"),
    "xargs": ("-0", "-r", "-t", "-x", "--null", "--no-run-if-empty"),
    "timeout": ("--foreground", "--preserve-status", "-v"),
    "setsid": ("-f", "-w"),
    "command": ("-p",),
}
HARMLESS_VARIABLES = re.compile(r"(?:LANG|LC_[A-Z]+|TZ|COLUMNS|LINES|NO_COLOR|DEBUG|CI|[a-z]\w*)\+?=")
GIT_DELETES = {"clean", "rm", "restore", "gc", "prune", "filter-branch", "rebase", "reset"}
GIT_NETWORK = {"push", "pull", "fetch", "clone", "remote", "submodule", "ls-remote", "send-email", "lfs"}
GIT_COMMITS = {"commit", "merge", "cherry-pick", "revert", "am", "tag", "commit-tree", "update-ref", "stash", "worktree"}
GIT_READS = {
    "status",
    "diff",
    "log",
    "show",
    "blame",
    "ls-files",
    "rev-parse",
    "shortlog",
    "describe",
    "grep",
    "cat-file",
    "init",
}
GIT_REST = {"add", "mv", "branch", "checkout", "switch", "apply", "version", "help", "rev-list", "ls-tree", "name-rev"}
SED = re.compile(r"(?:\d+|\$)?(?:,(?:\d+|\$))?[pdq=]|s([/|,#:])(?:(?!\1).)*\1(?:(?!\1).)*\1[gpiI0-9]*")
