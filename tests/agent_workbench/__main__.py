"""python -m tests.agent_workbench --raw DIR --out RESULTS.jsonl: the agent at 24 requests of WorkBench, by end state.

All tools are offered, as in the published figures: 43 % of 690 requests for GPT-4, 3 % for Llama2-70B (Styles et al. 2024).
Some requests need no change (`--by expects`): doing nothing solves them.
"""

import sys
from pathlib import Path

from dspy_programs.errors import ProgramsError
from tests.agent_tasks.command import measure, parser
from tests.agent_workbench.cases import others, sample
from tests.agent_workbench.tools import tools


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--raw", type=Path, required=True, help="the folder that holds actor/workbench")
    flags.add_argument("--split", choices=("train", "test"), default="test", help="train: 16 requests of other templates")
    asked = flags.parse_args()
    measure(asked, others(asked.raw) if asked.split == "train" else sample(asked.raw), lambda request: tools(request.office))


if __name__ == "__main__":
    try:
        main()
    except ProgramsError as error:
        sys.exit(f"error: {error}")
