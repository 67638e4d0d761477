"""python -m tests.agent_tasks --split train --out RESULTS.jsonl: the agent at the tasks of datasets/agent/tasks.

Each task runs in a fresh copy of its workspace. Printed: solved tasks with a 95 % interval, minutes, tokens and calls of tools
a task. A stopped measurement goes on where it was; the events of every run are beside the results, in a folder of their name.
The test split is read once for each reported figure.
"""

import sys

from dspy_programs.errors import ProgramsError
from tests.agent_tasks.command import measure, parser
from tests.agent_tasks.tasks import tasks


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--split", choices=("train", "test"), default="train")
    asked = flags.parse_args()
    measure(asked, tasks(asked.split))


if __name__ == "__main__":
    try:
        main()
    except ProgramsError as error:
        sys.exit(f"error: {error}")
