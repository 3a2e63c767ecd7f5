#!/usr/bin/env python3
"""Nothing is left behind on the machine: by the demo, however it ends, and by a gateway that was killed."""
import os
import signal
import subprocess
import threading
import time

import world
from lab import ROOT, Skipped, TwoRegions, Wire, check, command, main, wait_for

# What the demo says just before, and how many seconds later it is ended.
AT_ONCE = (None, 0.2)
NAMESPACES = ("Two regions", 0.2)
GATEWAYS_START = ("Two regions", 1.2)
PINGS = ("both gateways are up", 0.5)
IPERF3 = ("ping over IPv6", 1.0)
REKEY = ("host2 to host1", 5.5)


KEPT = ("It stays up", 0.5)


class Program:
    """One of tools/ with all that it starts. Nobody presses Enter."""

    def __init__(self, name, *words):
        self.name = " ".join((f"tools/{name}", *words))
        self.process = subprocess.Popen(
            [ROOT / "tools" / name, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"})
        self.said = ""
        self.limit = threading.Timer(120, lambda: os.killpg(self.process.pid, signal.SIGKILL))
        self.limit.start()

    def until(self, marker):
        for line in self.process.stdout:
            self.said += line
            if marker is not None and marker in line:
                return
        check(marker is None, f"{self.name} ended without '{marker}':\n{self.said}")

    def end(self):
        self.until(None)
        status = self.process.wait()
        self.limit.cancel()
        return status


def compare(before, what, state=world.snapshot):
    left = world.difference(before, state())
    check(not left, f"{what}:\n{left}")


def ended(moment, number, to_all, *words, good=None):
    """`to_all`: as Ctrl-C in a terminal does, to the program and all that it runs."""
    marker, seconds = moment
    # An interpreter that has not read the program yet ends in its own way.
    statuses = (128 + number, -number, *((1,) if marker is None else ())) if good is None else (good,)
    before = world.snapshot()
    program = Program(*words)
    what = f"{program.name} after {signal.Signals(number).name} {seconds} s after '{marker or 'its start'}'"
    if marker is not None:
        program.until(marker)
    time.sleep(seconds)
    (os.killpg if to_all else os.kill)(program.process.pid, number)
    begin = time.monotonic()
    status = program.end()
    check(status in statuses, f"{what} ended with {status}:\n{program.said}")
    check(time.monotonic() - begin < 30, f"{what} took {time.monotonic() - begin:.0f} s to end")
    compare(before, f"{what} leaves")


def demo_interrupted(lab):
    for moment in (AT_ONCE, NAMESPACES, GATEWAYS_START, PINGS, IPERF3, REKEY):
        ended(moment, signal.SIGINT, True, "demo")


def demo_terminated(lab):
    ended(GATEWAYS_START, signal.SIGTERM, True, "demo")
    ended(PINGS, signal.SIGTERM, False, "demo")


def kept_demo_interrupted(lab):
    """When it is to stay, that is how it ends."""
    ended(GATEWAYS_START, signal.SIGINT, True, "demo", "--keep")
    ended(KEPT, signal.SIGINT, True, "demo", "--keep", good=0)


def to_its_end(*words):
    before = world.snapshot()
    demo = Program("demo", *words)
    status = demo.end()
    check(status == 0, f"{demo.name} ended with {status}:\n{demo.said}")
    compare(before, f"{demo.name} leaves")
    return demo.said


def demo_to_its_end(lab):
    to_its_end()


def demo_with_hugepages(lab):
    missing = world.no_hugepages()
    if missing:
        raise Skipped(missing)
    said = to_its_end("--hugepages")
    check("memory: hugepages" in said, f"the demo did not use hugepages:\n{said}")


def killed_gateway(lab):
    """Killed while it starts or runs, it dies with its children; the next start puts the host back."""
    regions = TwoRegions(lab, hugepages="auto", start=False)
    gateway = regions.gateways[0]
    command("ip", "-n", gateway.namespace, "addr", "add", "198.51.100.1/24", "dev", Wire.DEVICE)
    command("ip", "-n", gateway.namespace, "route", "add", "203.0.113.0/24", "via", "198.51.100.254")
    gateway.surroundings = ()  # what it leaves in /run counts
    gateway.state_dir.mkdir()
    gateway.log.touch()
    gateway.usable()

    def state():
        return {**world.snapshot(), **world.network("ip", "netns", "exec", gateway.namespace)}

    before = state()
    for seconds in (0.03, 0.12, 0.3, None):
        gateway.begin()
        if seconds is None:
            gateway.wait()
        else:
            time.sleep(seconds)
        gateway.process.kill()
        gateway.process.wait()
        wait_for("the children to die with the supervisor", lambda: not processes_of(gateway))
        if seconds is None:
            left = world.difference(before, state())
            check("nftables" in left and "blackhole" in left, f"it leaves less than it must:\n{left}")
        gateway.up()
        check(seconds is not None or "event=repairing" in gateway.log_text(), "the next did not repair")
        gateway.call("down")
        status = gateway.process.wait(20)
        check(status == 0, f"after a kill at {seconds} s the next gateway ended with {status}")
        gateway.usable()
        compare(before, f"a gateway killed at {seconds} s and the next one leave", state)


def processes_of(gateway):
    """The supervisor and its two children; of those that are dead and not reaped nothing is told."""
    return [name for name in world.processes() if "gotthard-" in name.split()[2] or
            str(gateway.run_dir) in name]


world.enter()
main(demo_to_its_end, demo_with_hugepages, demo_interrupted, demo_terminated, kept_demo_interrupted,
     killed_gateway)
