"""What all plots share: a check that matplotlib is installed, and distinguishable colours and markers."""

from dspy_programs.errors import MissingExtra

COLOURS = ("#7f7f7f", "#e69f00", "#0072b2", "#009e73", "#cc79a7", "#d55e00")  # distinguishable with colour blindness
MARKERS = ("o", "s", "^", "v", "D", "*")


def require_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingExtra('the plot needs matplotlib; install it: pip install "dspy-programs[benchmark]"') from error
