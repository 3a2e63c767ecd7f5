"""Tests that are programs of the build: unit, packet, thread and fuzz tests."""
import json
import os
import pathlib
import re

from .process import run, run_side_by_side

BUILD_SECONDS = 1800


def count_cases(report, name, ran):
    """Of a GoogleTest program that has run."""
    passed = re.search(r"\[  PASSED  \] (\d+) test", ran.output)
    for case in re.findall(r"^\[  FAILED  \] ([^\s,]+)(?:, where.*)? \(\d+ ms\)", ran.output, re.M):
        report.fail(f"{name} {case}", ran.output)
    # GoogleTest counts what was skipped among what passed no more than once, at its end.
    skipped = re.search(r"^\[  SKIPPED \] (\d+) test", ran.output, re.M)
    reasons = re.findall(r"Skipped\n(.*)", ran.output)
    count = int(passed.group(1)) if passed else 0
    if skipped:
        report.skip(name, "; ".join(sorted(set(r.strip() for r in reasons))) or "said by the test",
                    int(skipped.group(1)))
    if ran.status is None:
        report.fail(f"{name}: not done within the group's budget", ran.output)
    elif ran.status != 0 and "[  FAILED  ]" not in ran.output:
        report.fail(f"{name}: ended with status {ran.status}", ran.output)
    elif count:
        report.ok(name, count)
    elif ran.status == 0 and not skipped:
        report.fail(name, "ran no test")


def tests_of(directory, suite):
    listed = run(["meson", "introspect", directory, "--tests"], 60)
    return [t for t in json.loads(listed.output)
            if any(s.split(":")[-1] == suite for s in t["suite"])]


def run_suites(report, directory, suites, budget, prefix=""):
    """Programs side by side; each is one thread's work but for a moment."""
    tests = []
    for suite in suites:
        of_suite = tests_of(directory, suite)
        if not of_suite:
            report.fail(suite, "the build has no such tests")
        tests += of_suite
    run_side_by_side([([test["cmd"][0], "--gtest_brief=1"], test["env"]) for test in tests], os.cpu_count(),
                     budget.left(),
                     lambda index, ran: count_cases(report, prefix + pathlib.Path(tests[index]["cmd"][0]).name, ran))


def unit(report, budget, full):
    run_suites(report, "build", ["unit"], budget)


def packet(report, budget, full):
    run_suites(report, "build", ["packet"], budget)


def build_tree(report, arguments, budget):
    with budget.apart():
        built = run(["tools/build", *arguments], BUILD_SECONDS)
    if built.status != 0:
        report.fail(" ".join(["tools/build", *arguments]), built.output)
    return built.status == 0


def asan(report, budget, full):
    """Unit and packet tests again, under AddressSanitizer, LeakSanitizer and UBSan."""
    names = [pathlib.Path(t["cmd"][0]).relative_to(pathlib.Path("build").resolve())
             for suite in ("unit", "packet") for t in tests_of("build", suite)]
    if build_tree(report, ["--sanitize", "address", *map(str, names)], budget):
        run_suites(report, "build-address", ["packet", "unit"], budget, "asan ")


def tsan(report, budget, full):
    """The tests with threads, under ThreadSanitizer."""
    names = [pathlib.Path(t["cmd"][0]).relative_to(pathlib.Path("build").resolve())
             for t in tests_of("build", "tsan")]
    if build_tree(report, ["--sanitize", "thread", *map(str, names)], budget):
        run_suites(report, "build-thread", ["tsan"], budget, "tsan ")


def finding(output):
    """What a fuzzer found and the input that shows it, without its dictionary and statistics."""
    start = re.search(r"^==\d+==|^\S+: runtime error:|^INFO: Seed", output, re.M)
    end = re.search(r"^stat::", output, re.M)
    text = output[start.start() if start else 0:end.start() if end else None]
    summary = re.findall(r"^SUMMARY: .*|^Base64: .*", output, re.M)
    return "\n".join([*text.splitlines()[:30], *summary])


def fuzz(report, budget, full):
    """Each target some seconds; longer with --full."""
    sources = sorted(pathlib.Path("tests/fuzz").glob("*_fuzz.cc"))
    targets = [f"tests/fuzz/{s.stem}" for s in sources]
    if not build_tree(report, ["--sanitize", "address", *targets], budget):
        return
    seconds = 120 if full else 5
    commands = []
    for source in sources:
        corpus = pathlib.Path("build-address/corpus") / source.stem
        corpus.mkdir(parents=True, exist_ok=True)
        seeds = pathlib.Path("tests/fuzz/corpus") / source.stem.removesuffix("_fuzz")
        commands.append(([f"build-address/tests/fuzz/{source.stem}", f"-max_total_time={seconds}",
                          "-print_final_stats=1", "-artifact_prefix=build-address/", str(corpus),
                          *([str(seeds)] if seeds.is_dir() else [])], {"ASAN_OPTIONS": "detect_leaks=1"}))

    def on_end(index, ran):
        name = sources[index].stem
        if ran.status == 0:
            report.ok(f"{name}, {seconds} s")
        else:
            report.fail(name, finding(ran.output))

    run_side_by_side(commands, os.cpu_count(), budget.left(), on_end)
