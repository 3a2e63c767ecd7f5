"""Tests of whole gateways: programs of tests/interop, restart and leftovers, and the demo.

Each is an executable that prints nothing of use when it passes, the reason when it fails (status 1),
and the reason for skipping all (status 77) or a part of it (`NAME: skipped: REASON`).
"""
import os
import pathlib
import re

from .process import run, run_side_by_side


def run_scripts(report, directory, budget, full, jobs=1):
    scripts = sorted(p for p in pathlib.Path(directory).glob("*_test.*") if os.access(p, os.X_OK))
    if os.geteuid() != 0:
        report.skip(directory, "needs root for network namespaces", max(1, len(scripts)))
        return
    if not scripts:
        report.fail(directory, "has no tests")

    def on_end(index, ran):
        name = scripts[index].stem
        for test, why in re.findall(r"^(.+?): skipped: (.*)$", ran.output, re.M):
            report.skip(f"{name} {test}", why)
        if ran.status == 0:
            report.ok(f"{name}, {ran.seconds:.0f} s")
        elif ran.status == 77:
            report.skip(name, ran.output.strip().splitlines()[-1] if ran.output.strip() else "")
        elif ran.status is None:
            report.fail(name, ran.output + "\nnot done within the group's budget")
        else:
            report.fail(name, ran.output)

    run_side_by_side([[str(s), *(["--full"] if full else [])] for s in scripts], jobs, budget.left(), on_end)


def kernel(report, budget, full):
    """The User-Mode Linux kernel that tests/interop/linux_test.py needs: found, or built once."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "/var/cache") / "gotthard"
    for path in (os.environ.get("GOTTHARD_UML_KERNEL"), cache / "linux-uml"):
        if path and os.access(path, os.X_OK):
            report.ok(f"User-Mode Linux kernel {path}")
            return
    if os.geteuid() != 0:
        report.skip("User-Mode Linux kernel", "needs root to install what building it needs")
        return
    ran = run(["tests/interop/uml/build", str(cache / "linux-uml")], budget.left())
    if ran.status == 0:
        report.ok("User-Mode Linux kernel, built")
    elif ran.status is None and not full:
        report.skip("User-Mode Linux kernel", "not built within the budget: run `tools/test kernel` "
                    "again, it goes on where it was")
    else:
        report.fail("User-Mode Linux kernel", ran.output)


# Labs that run side by side: a lab mostly waits.
LABS = 2


def net(report, budget, full):
    run_scripts(report, "tests/interop", budget, full, LABS)


def restart(report, budget, full):
    run_scripts(report, "tests/restart", budget, full, LABS)


def leftovers(report, budget, full):
    run_scripts(report, "tests/leftovers", budget, full)


def demo(report, budget, full):
    if os.geteuid() != 0:
        report.skip("tools/demo", "needs root for network namespaces")
        return
    for words in (["tools/demo"], ["tools/demo", "--ipsec"]):
        ran = run(words, budget.left())
        if ran.status == 0:
            report.ok(f"{' '.join(words)}, {ran.seconds:.0f} s")
        else:
            report.fail(" ".join(words), ran.output)
