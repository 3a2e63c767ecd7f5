"""Whether time tells secrets: by valgrind, by the kernels' instructions, by the clock (tests/constant_time)."""
import pathlib
import re

from .process import run
from .programs import count_cases

TESTS = "build/tests/constant_time"
VALGRIND = ["valgrind", "-q", "--error-exitcode=99", "--suppressions=tests/constant_time/verdicts.supp"]
FOUND = 99


def secret_memory(report, budget):
    """The portable backend and handshakes with secrets marked; first what leaks, which has to be found."""
    for leak in ("comparison", "branch", "table"):
        ran = run([*VALGRIND, f"{TESTS}/leaking_test", leak], budget.left())
        if ran.status != FOUND:
            report.fail("valgrind", f"{ran.output}\ndoes not find a leak that is there: {leak}")
            return
    # What a test prints of its own comes after what valgrind has to say of it.
    ran = run([*VALGRIND, f"{TESTS}/secret_memory_test", "--gtest_brief=1"], budget.left())
    count_cases(report, "valgrind", ran)


def instructions(report, budget):
    ran = run(["tests/constant_time/disassembly_test.py"], budget.left())
    if ran.status == 0:
        report.ok("instructions of the wide kernels")
    else:
        report.fail("instructions of the wide kernels", ran.output)


NOISE = 77
LEAST_SECONDS = 15
CONFIRM_SECONDS = 8


def run_timing(seconds, *words):
    # It takes more than it is told to when something looks like a leak at first.
    return run([f"{TESTS}/timing_test", "--seconds", str(int(seconds)), *words], 2 * seconds + 10)


def is_confirmed(name):
    """Also by a process whose memory lies elsewhere."""
    return run_timing(CONFIRM_SECONDS, "--only", name).status == 1


def timing(report, budget):
    ran = run_timing(max(LEAST_SECONDS, budget.left() - 2 * CONFIRM_SECONDS))
    log = pathlib.Path("build/constant_time.log")
    log.write_text(ran.output)
    for backend, why in re.findall(r"^skip +(\S+): (.*)$", ran.output, re.M):
        report.skip(f"timing of {backend}", why)
    last = ran.output.strip().splitlines()[-1] if ran.output.strip() else ""
    leaks = re.findall(r"^LEAK +(.*?) +t +", ran.output, re.M)
    if ran.status == 0:
        report.ok(f"timing, {ran.seconds:.0f} s, {log}", len(re.findall(r"^ok ", ran.output, re.M)))
    elif ran.status is None or ran.status == NOISE:
        report.skip("timing", last if ran.status == NOISE else "not done in time: too noisy here")
    elif leaks and not any(is_confirmed(name) for name in leaks):
        report.skip("timing", f"{', '.join(leaks)}: found once, not again; see {log}")
    else:
        report.fail("timing", "\n".join(re.findall(r"^(?:LEAK|FAIL) .*$", ran.output, re.M)) or ran.output)


def constant_time(report, budget, full):
    instructions(report, budget)
    secret_memory(report, budget)
    timing(report, budget)
