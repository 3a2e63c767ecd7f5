#!/usr/bin/env python3
"""Control is killed: forwarding goes on, sessions are kept, nothing is accepted twice."""
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "interop"))
from lab import Sequence, TwoRegions, check, main, ping  # noqa: E402


def killed_during_a_rekey_under_traffic(lab):
    regions = TwoRegions(lab)
    first, second = regions.hosts
    check(ping(lab, first, "10.2.0.2") == 3, "the tunnel does not work")
    time.sleep(0.5)
    there = Sequence(lab, first, second, "10.2.0.2", rate=1000, seconds=20)
    back = Sequence(lab, second, first, "10.1.0.2", rate=1000, seconds=20)
    for turn, (asking, dying) in enumerate(((0, 0), (0, 1))):
        time.sleep(5.2)
        gateway = regions.gateways[dying]
        old = gateway.child("gotthard-control")
        regions.gateways[asking].call("rekey", "region-2")
        os.kill(old, signal.SIGKILL)
        gateway.wait()
        check(gateway.child("gotthard-control") != old, f"turn {turn}: control was not started again")
    for direction in (there, back):
        result = direction.result()
        check(result["total"] == 20000 and result["lost_by_gateways"] == 0,
              f"control killed during rekeys: {result}, {[g.losses() for g in regions.gateways]}")
    # And it still can make new keys.
    time.sleep(5.2)
    before = regions.gateways[0].peer()["session"]["local_id"]
    regions.gateways[0].call("rekey", "region-2")
    deadline = time.monotonic() + 15
    while regions.gateways[0].peer()["session"]["local_id"] == before:
        check(time.monotonic() < deadline, "no rekey is possible after the restarts")
        time.sleep(0.2)


main(killed_during_a_rekey_under_traffic)
