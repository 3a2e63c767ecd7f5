"""The groups of tools/test, in order, each with its budget in minutes."""
import sys
import time

from . import code, constant_time, programs, system
from .process import run as run_process
from .result import Budget, Report

# name, minutes, minutes with --full, function
GROUPS = [
    ("format", 1, 1, code.formatting),
    ("includes", 1, 1, code.includes),
    ("unit", 5, 10, programs.unit),
    ("packet", 2, 5, programs.packet),
    ("constant_time", 1, 6, constant_time.constant_time),
    ("asan", 8, 15, programs.asan),
    ("tsan", 5, 15, programs.tsan),
    ("fuzz", 6, 60, programs.fuzz),
    ("tidy", 12, 40, code.tidy),
    ("kernel", 8, 30, system.kernel),
    ("net", 15, 70, system.net),
    ("restart", 4, 12, system.restart),
    ("demo", 3, 5, system.demo),
    ("leftovers", 5, 8, system.leftovers),
]


def run(arguments):
    full = "--full" in arguments
    wanted = [a for a in arguments if a != "--full"]
    known = [name for name, *_ in GROUPS]
    for name in wanted:
        if name not in known:
            print(f"tools/test: there is no group '{name}': groups are {', '.join(known)}",
                  file=sys.stderr)
            return 2
    report = Report()
    report.group = "build"
    print("== build", flush=True)
    built = run_process(["tools/build"], 1800)
    if built.status != 0:
        report.fail("tools/build", built.output)
        print(report.last_line())
        return 1
    report.ok("tools/build")
    for name, minutes, full_minutes, function in GROUPS:
        if wanted and name not in wanted:
            continue
        budget = full_minutes if full else minutes
        report.group = name
        print(f"== {name} (at most {budget} min)", flush=True)
        started = time.monotonic()
        function(report, Budget(budget), full)
        print(f"  took {time.monotonic() - started:.0f} s", flush=True)
    for title, lines in (("skipped", report.skips), ("failed", report.failures)):
        if lines:
            print(f"== {title}")
            for line in lines:
                print(f"  {line}")
    print(report.last_line())
    return 1 if report.failed else 0
