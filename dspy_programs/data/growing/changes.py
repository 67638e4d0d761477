"""The ways to make another task of one."""

CHANGES = {
    "deepen": "ask for more depth: for the reason, the exception or the consequence as well",
    "constrain": "add one constraint that the answer has to keep",
    "concretise": "replace what is general by something concrete: a name, a number, a place",
    "broaden": "make a new task of the same field about something rarer",
}
