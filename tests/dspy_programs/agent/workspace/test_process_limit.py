"""Where a process may make control groups, as /proc tells it: version 1, version 2, both at once, and in a container."""

import pytest

from dspy_programs.agent.workspace.process_limit import groups_in

TMPFS = "23 18 0:21 / /sys/fs/cgroup rw,nosuid - tmpfs tmpfs rw,mode=755"
PIDS = "30 23 0:26 / /sys/fs/cgroup/pids rw,nosuid shared:11 - cgroup cgroup rw,pids"
MEMORY = "31 23 0:27 / /sys/fs/cgroup/memory rw,nosuid shared:12 - cgroup cgroup rw,memory"
TWO = "29 18 0:25 / /sys/fs/cgroup rw,nosuid,nodev shared:4 - cgroup2 cgroup2 rw,nsdelegate"
UNIFIED = "33 23 0:28 / /sys/fs/cgroup/unified rw shared:13 - cgroup2 cgroup2 rw"
IN_CONTAINER = "29 18 0:25 /docker/ab12 /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw"
SCOPE = "/user.slice/user-1000.slice/user@1000.service/run-7.scope"


def found(cgroup, *mountinfo):
    return [str(path) for path in groups_in(cgroup, mountinfo)]


def test_version_2_is_one_tree_and_the_nearest_group_comes_first():
    groups = found([f"0::{SCOPE}"], "22 1 8:1 / / rw - ext4 /dev/sda1 rw", TWO)
    assert groups[0] == f"/sys/fs/cgroup{SCOPE}" and groups[-1] == "/sys/fs/cgroup" and len(groups) == 5


def test_version_1_has_a_tree_of_its_own_for_processes():
    lines = ["8:pids:/jobs/7", "4:memory:/other", "0::/"]
    assert found(lines, TMPFS, MEMORY, PIDS) == [f"/sys/fs/cgroup/pids{end}" for end in ("/jobs/7", "/jobs", "")]


def test_controllers_that_share_a_tree_are_told_apart():
    mounted = "30 23 0:26 / /sys/fs/cgroup/a,b rw - cgroup cgroup rw,cpu,pids"
    assert found(["8:cpu,pids:/x", "1:name=systemd:/y"], mounted)[0] == "/sys/fs/cgroup/a,b/x"


def test_both_versions_at_once_are_both_tried():
    groups = found(["8:pids:/a", "0::/b"], PIDS, UNIFIED)
    assert groups == ["/sys/fs/cgroup/pids/a", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified/b", "/sys/fs/cgroup/unified"]


def test_in_a_container_the_mounted_part_counts_as_the_root():
    assert found(["0::/docker/ab12/inner"], IN_CONTAINER) == ["/sys/fs/cgroup/inner", "/sys/fs/cgroup"]
    assert found(["0::/elsewhere"], IN_CONTAINER) == []


@pytest.mark.parametrize("lines", [([], [TWO]), (["0::/a"], []), (["no group"], [TWO]), (["0::/a"], ["no mount"])])
def test_what_cannot_be_read_gives_no_group(lines):
    assert list(groups_in(*lines)) == []
