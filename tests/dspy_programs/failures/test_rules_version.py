"""The version of the rules: what changes it, what does not, and that it covers what decides a verdict."""

from dspy_programs.failures import calibration_file
from dspy_programs.failures.rules_version import deciding_files, digest_of, rules_version
from tests.architecture import ROOT


def test_version_is_short_and_the_same_each_time():
    assert rules_version() == digest_of(deciding_files()) and len(rules_version()) == 12


def test_version_changes_with_a_file_its_name_and_its_place_and_not_with_line_ends(tmp_path):
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_bytes(b"a = 1\n")
    other.write_bytes(b"a = 1\n")
    before = digest_of([one])
    assert digest_of([other]) != before
    one.write_bytes(b"a = 1\r\n")
    assert digest_of([one]) == before
    one.write_bytes(b"a = 2\n")
    assert digest_of([one]) != before


def test_version_covers_the_detectors_the_formats_and_the_calibration():
    found = deciding_files()
    package = ROOT / "dspy_programs"
    rooms = (package / "programs/failure_judge", package / "conversation", package / "failures/formats")
    assert {path for room in rooms for path in room.rglob("*.py")} <= set(found)
    assert calibration_file() in found and package / "types.py" in found and package / "text.py" in found
    assert {package / "jsonable.py", package / "text_stream.py"} <= set(found)
    assert package / "failures/archive.py" in found and package / "programs/actor/arguments/checking.py" in found
    assert len(found) == len(set(found))
