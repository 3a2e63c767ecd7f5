"""Runs the groups of tests that main.py lists; see tools/test.

Each group has a budget in minutes and is ended when it is used up. --full adds long runs and
products of options. What this machine cannot run is skipped, counted and named.
"""
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from suite import main  # noqa: E402


def stop(number, frame):
    sys.exit(128 + number)


# What runs is ended in order, also when the whole is interrupted.
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, stop)
sys.exit(main.run(sys.argv[1:]))
