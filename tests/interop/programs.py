"""Starting programs, and being ended at any moment without losing sight of what was started.

A signal becomes SystemExit in the main thread, so that `finally` cleans up, but never between a
program's start and its being known.
"""
import contextlib
import os
import pathlib
import select
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("GOTTHARD_BUILD", ROOT / "build"))
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Failed(Exception):
    """The test's finding."""


class Skipped(Exception):
    """What this machine lacks for the test."""


def check(condition, message):
    if not condition:
        raise Failed(message)


class Endings:
    """Who is impatient meanwhile does not disturb the cleaning up."""

    def __init__(self):
        self.held = 0
        self.came = None

    def catch(self):
        for number in SIGNALS:
            signal.signal(number, self._on_signal)

    def ignore(self):
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    @contextlib.contextmanager
    def hold(self):
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1
            if self.came is not None and self.held == 0:
                self._end(self.came)

    def _on_signal(self, number, frame):
        self.came = number
        if self.held == 0:
            self._end(number)

    def _end(self, number):
        self.ignore()
        self.came = None
        raise SystemExit(128 + number)


ENDINGS = Endings()


def start(known, *words, **options):
    """A process that is in `known` from its start on."""
    with ENDINGS.hold():
        process = subprocess.Popen([str(w) for w in words], **options)
        known.append(process)
    return process


def end(process, seconds=20):
    """Gently, then surely."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def others_in_groups(leaders):
    """By descriptor. User-Mode Linux leads a group of helpers, which outlive it when it is killed."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid = int(stat.parent.name)
            group = int(stat.read_text().rpartition(")")[2].split()[2])
            if group in leaders and pid != group:
                found.append(os.pidfd_open(pid))
    return found


def kill(descriptors):
    """When it returns they have ended."""
    for descriptor in descriptors:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    for descriptor in descriptors:
        select.select([descriptor], [], [], 5)
        os.close(descriptor)


def naming(word):
    """Processes whose command line has it, but ours."""
    found = {}
    for file in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if word in words and int(file.parent.name) != os.getpid():
                found[int(file.parent.name)] = words
    return found


def wait_for(what, condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < deadline, f"waited {seconds} s for {what}")
        time.sleep(0.02)


def command(*words, seconds=60, allow=(0,), stdin=None):
    """What it says. It ends with whatever ends its time or ours."""
    known = []
    try:
        process = start(known, *words, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE)
        output, errors = process.communicate(stdin, timeout=seconds)
    finally:
        for process in known:
            end(process)
    if allow is not None and process.returncode not in allow:
        raise Failed(f"{' '.join(map(str, words))} ended with {process.returncode}: {output}{errors}")
    return output
