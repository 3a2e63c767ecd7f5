"""What the code must look like: formatting, clang-tidy, who may include whom."""
import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess

from .process import run, run_side_by_side

SOURCES = ("base", "crypto", "nic", "dataplane", "control", "tools", "perf", "tests")

# Folder, and the folders whose headers it may include beside its own. The longest match counts.
ALLOWED = {
    "base": (),
    "crypto": ("base",),
    "nic": ("base",),
    "dataplane/abi": (),
    "dataplane": ("nic", "crypto", "dataplane", "base"),
    "control": ("crypto", "dataplane/abi", "base"),
    "tools": ("control/mgmt", "control/config", "control/checkpoint", "control/broker", "crypto",
              "dataplane/abi", "base"),
}
# The supervisor opens the netlink socket that control's follower describes.
EXCEPTIONS = {("tools/supervisor", "control/route")}


def sources(*endings):
    listed = subprocess.run(["git", "ls-files", *SOURCES], capture_output=True, text=True, check=True)
    return [path for path in listed.stdout.splitlines() if path.endswith(endings)]


def version_of(program):
    if shutil.which(program) is None:
        return None
    text = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"version (\d+)", text)
    return int(found.group(1)) if found else None


def formatting(report, budget, full):
    if version_of("clang-format") != 14:
        report.skip("clang-format", "another version than Debian 12's formats otherwise")
        return
    ran = run(["clang-format", "--dry-run", "--Werror", *sources(".h", ".cc")], budget.left())
    if ran.status == 0:
        report.ok("clang-format")
    else:
        report.fail("clang-format", ran.output)


def includes(report, budget, full):
    wrong = []
    for path in sources(".h", ".cc"):
        owner = next((f for f in sorted(ALLOWED, key=len, reverse=True)
                      if path.startswith(f + "/")), None)
        if owner is None:
            continue
        for header in re.findall(r'^#include "([^"]+)"', pathlib.Path(path).read_text(), re.M):
            folder = header.rsplit("/", 1)[0]
            fits = any(folder == f or folder.startswith(f + "/") for f in (owner, *ALLOWED[owner]))
            excepted = any(path.startswith(a + "/") and folder == b for a, b in EXCEPTIONS)
            if not fits and not excepted:
                wrong.append(f"{path} includes {header}")
    if wrong:
        report.fail("who may include whom", "\n".join(wrong))
    else:
        report.ok("who may include whom")


INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


@functools.cache
def headers_of(path):
    """Our headers that a file reads, also through others; a fixed point, as headers name each other."""
    seen = set()
    todo = [path]
    while todo:
        for header in INCLUDE.findall(pathlib.Path(todo.pop()).read_text()):
            if header not in seen and pathlib.Path(header).exists():
                seen.add(header)
                todo.append(header)
    return sorted(seen)


def passed_before(path, command):
    """A stamp whose name says what was looked at: the file, what it includes, how, by which rules."""
    home = "/var/cache" if os.geteuid() == 0 else pathlib.Path.home() / ".cache"
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or home) / "gotthard" / "tidy"
    cache.mkdir(parents=True, exist_ok=True)
    words = command["command"].replace(str(pathlib.Path.cwd()), ".")
    seen = hashlib.sha256(words.encode())
    for part in (".clang-tidy", path, *headers_of(path)):
        seen.update(part.encode() + hashlib.sha256(pathlib.Path(part).read_bytes()).digest())
    return cache / seen.hexdigest()


def tidy(report, budget, full):
    """A file that has not changed since it passed is not looked at again, in any clone."""
    if version_of("clang-tidy") != 14:
        report.skip("clang-tidy", "another version than Debian 12's finds other things")
        return
    commands = {str((pathlib.Path(c["directory"]) / c["file"]).resolve().relative_to(pathlib.Path.cwd())): c
                for c in json.loads(pathlib.Path("build/compile_commands.json").read_text())
                if pathlib.Path(c["directory"], c["file"]).resolve().is_relative_to(pathlib.Path.cwd())}
    todo = []
    for path in sources(".cc"):
        if path not in commands or path.startswith(("tests/", "perf/")):
            continue
        stamp = passed_before(path, commands[path])
        if not stamp.exists():
            todo.append((path, stamp))

    bad = []
    late = []

    def on_end(index, ran):
        path, stamp = todo[index]
        if ran.status == 0:
            stamp.touch()
        elif ran.status is None:
            late.append(path)
        else:
            bad.append(f"{path}\n{ran.output}")

    run_side_by_side([["clang-tidy", "--quiet", "-p", "build", path] for path, _ in todo], os.cpu_count(),
                     budget.left(), on_end)
    if bad:
        report.fail("clang-tidy", "\n".join(bad))
    elif late:
        report.skip("clang-tidy", f"{len(late)} of {len(todo)} changed files did not fit in the budget: "
                    "run `tools/test tidy` again, it goes on where it was", len(late))
    else:
        report.ok("clang-tidy")
