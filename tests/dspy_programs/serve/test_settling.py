"""A server's process stays as small, and its collections as short, as on its first day. Each case is a process of its own."""

import subprocess
import sys

BODIES = """
import os, sys
if sys.argv[1] == "settled":
    from dspy_programs.serve.settling import settle
    settle()
def megabytes():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
del_me = bytearray(8_000_000); del del_me  # after this one, glibc keeps what is freed of this size
kept, start = [], megabytes()
for _ in range(30):
    bodies = []
    for _ in range(4):
        bodies.append(bytearray(8_000_000))
        kept.append(bytearray(1_000))
    del bodies
print(megabytes() - start)
"""
COLLECTION = """
import gc, time, dspy, dspy_programs.serve.app
from dspy_programs.serve.settling import settle
def full():
    start = time.process_time(); gc.collect(); return time.process_time() - start
full()
before = min(full(), full(), full())
settle()
print(min(full(), full(), full()) / before)
"""


def said(program: str, *words: str) -> float:
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True, timeout=120)
    return float(done.stdout)


def test_freed_bodies_go_back_to_the_system():
    assert said(BODIES, "settled") < 5


def test_a_full_collection_leaves_out_what_was_loaded():
    assert said(COLLECTION) < 0.2
