"""Running programs with a limit, and ending all of them when it is reached."""
import dataclasses
import os
import signal
import subprocess
import tempfile
import time


@dataclasses.dataclass
class Ran:
    """Status None: not done in time. Output and errors together."""
    status: int | None
    output: str
    seconds: float


class Program:
    def __init__(self, argv, env=None):
        self.output = tempfile.TemporaryFile()
        self.started = time.monotonic()
        # A session of its own: all of it can be ended, and Ctrl-C reaches us first.
        self.process = subprocess.Popen(argv, stdout=self.output, stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL, start_new_session=True,
                                        env={**os.environ, **(env or {})})

    def ended(self):
        return self.process.poll() is not None

    def end(self):
        """Gently: it gets the chance to clean up what it has made."""
        if self.ended():
            return
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def result(self, in_time):
        with self.output:
            self.output.seek(0)
            text = self.output.read().decode(errors="replace")
        return Ran(self.process.returncode if in_time else None, text, time.monotonic() - self.started)


def run_side_by_side(commands, jobs, seconds, on_end):
    """Runs commands, `jobs` at a time, all within `seconds`; calls on_end(index, Ran) as they end.

    A command is a list of words, or a pair of it and what its environment has more.
    """
    limit = time.monotonic() + seconds
    waiting = list(enumerate(c if isinstance(c, tuple) else (c, None) for c in commands))
    running = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                index, command = waiting.pop(0)
                running[index] = Program(*command)
            late = time.monotonic() >= limit
            for index in [i for i, program in running.items() if late or program.ended()]:
                in_time = running[index].ended()
                running[index].end()
                on_end(index, running.pop(index).result(in_time))
            time.sleep(0.02)
    finally:  # also by Ctrl-C
        for program in running.values():
            program.end()


def run(argv, seconds, env=None):
    ended = []
    run_side_by_side([(argv, env)], 1, seconds, lambda _, ran: ended.append(ran))
    return ended[0]
