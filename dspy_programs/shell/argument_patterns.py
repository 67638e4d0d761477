"""The arguments with which a program deletes for good, runs what they name, or changes the machine, as patterns."""

FOR_GOOD = {
    **dict.fromkeys(
        ("docker", "podman", "docker-compose"),
        r"(?:\S+ )?prune\b|volume (?:rm|remove)\b|(?:compose )?(?:-\S+ \S+ )*down\b.* (?:-v|--volumes)\b"
        r"|(?:container )?rmi? (?=.*-\w*(?:f|v)\b).*__VALUE__|(?:container )?rm .*-\w*v\b"
        r"|(?:container )?run\b.* (?:--privileged\b|(?:-v|--volume)[ =]/:)",
    ),
    "crontab": r"-r\b|/dev/null",
    **dict.fromkeys(("dropdb", "dropuser"), r""),
    "mysqladmin": r".*\b(?:drop|shutdown)\b",
    **dict.fromkeys(("zfs", "zpool", "btrfs"), r"(?:\S+ )?(?:destroy|delete|labelclear)\b"),
    **dict.fromkeys(("make", "gmake"), r".*(?:^| )(?:SHELL=|--eval|-f ?/dev/)"),
    **dict.fromkeys(
        ("vim", "vi", "nvim", "view", "ex", "less", "man", "emacs", "gdb"),
        r".*(?:^| )(?:\+\S*!|(?:-c|--cmd|-ex|--eval)[ =]\S*(?:!|shell|system))",
    ),
    "sed": r".*(?:^| )(?:\d*e \S|s([/|,#])(?:(?!\1).)*\1(?:(?!\1).)*\1\w*e\b)",
    "unzip": r".*(?:^| )-d ?/(?:etc|usr|s?bin|lib|boot|root)?(?:/|$)",
    "format": r"[A-Za-z]:",
    **dict.fromkeys(("npm", "pnpm", "yarn", "cargo", "gem"), r"(?:unpublish|yank)\b"),
    "prisma": r"migrate reset\b|db push.*--(?:force-reset|accept-data-loss)",
    "alembic": r"downgrade base\b",
    "socat": r".*(?i:exec|system):",
    "pkill": r".*(?:^| )-\w*[uU]\b",
    "kill": r".*(?:^| )-?(?:\S+ )-1$",
    "ssh": r".*ProxyCommand=",
    "truncate": r"",
    "rsync": r".*(?:^| )--(?:del|remove-source)",
    "tar": r".*(?:^| )(?:--(?:checkpoint-action|to-command|use-compress-program)\b"
    r"|(?:\S*x\S* .*)(?:-C|--directory)[ =]/(?:etc|usr|s?bin|lib|boot|root)?(?:/|$| ))",
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk"), r".*(?:\bsystem\s*\(|\|\s*\"(?:ba|z|da)?sh\b)"),
}
"""Arguments with which a program deletes for good, or runs what they name."""


OF_MACHINE = {
    "setfacl": r"(?=.*(?:^| )(?:-\w*R|--recursive))",
    **dict.fromkeys(("userdel", "deluser", "groupdel", "usermod", "gpasswd", "visudo", "chpasswd"), r""),
    "passwd": r"(?=.)(?!-S|--status)",
    **dict.fromkeys(("systemctl", "service", "launchctl"), r".*\b(?:stop|disable|mask|poweroff|reboot|halt|unload|bootout)\b"),
    **dict.fromkeys(("iptables", "ip6tables"), r".*(?:^| )(?:-F|--flush|-X|-P \S+ ACCEPT)"),
    "nft": r"flush\b|delete\b",
    "ufw": r"disable\b|reset\b",
}
"""Arguments with which a program changes rights, users, services or the firewall of the machine."""
