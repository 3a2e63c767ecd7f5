"""Outcomes of tests, counted and told as they come."""
import contextlib
import dataclasses
import time


@dataclasses.dataclass
class Report:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list = dataclasses.field(default_factory=list)
    skips: list = dataclasses.field(default_factory=list)
    group: str = ""

    def ok(self, name, count=1):
        self.passed += count
        print(f"  ok    {name}" + (f" ({count})" if count != 1 else ""), flush=True)

    def fail(self, name, why):
        self.failed += 1
        self.failures.append(f"{self.group}: {name}: {why.strip().splitlines()[-1] if why.strip() else ''}")
        print(f"  FAIL  {name}", flush=True)
        for line in why.strip().splitlines()[-40:]:
            print(f"        {line}", flush=True)

    def skip(self, name, why, count=1):
        self.skipped += count
        self.skips.append(f"{self.group}: {name}: {why}")
        print(f"  skip  {name}: {why}", flush=True)

    def last_line(self):
        line = f"{self.passed} passed, {self.failed} failed"
        return line + (f", {self.skipped} skipped" if self.skipped else "")


class Budget:
    """Seconds that a group may still take."""

    def __init__(self, minutes):
        self.end = time.monotonic() + minutes * 60

    def left(self):
        return max(1.0, self.end - time.monotonic())

    @contextlib.contextmanager
    def apart(self):
        """What is not the group's own work, as building on a machine that has built nothing yet."""
        start = time.monotonic()
        yield
        self.end += time.monotonic() - start
