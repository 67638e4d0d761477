"""All that is read to its last word, the most telling first."""

from dspy_programs.programs.command_planner.file_asks import FILE_ASKS
from dspy_programs.programs.command_planner.git_asks import GIT_ASKS
from dspy_programs.programs.command_planner.package_asks import PACKAGE_ASKS
from dspy_programs.programs.command_planner.system_asks import SYSTEM_ASKS
from dspy_programs.programs.command_planner.testing_asks import TEST_ASKS
from dspy_programs.programs.command_planner.text_asks import TEXT_ASKS

ASKS = (*GIT_ASKS, *PACKAGE_ASKS, *TEST_ASKS, *SYSTEM_ASKS, *TEXT_ASKS, *FILE_ASKS)
