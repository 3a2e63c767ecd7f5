#!/usr/bin/env python3
"""Control is killed: forwarding goes on, sessions are kept, nothing is accepted twice."""
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "interop"))
from lab import Sequence, TwoRegions, check, faultless, main, ping, wait_for  # noqa: E402
from products import tests_of  # noqa: E402

FULL = "--full" in sys.argv
# Seconds from the request for new keys to the end of control: before the handshake, in it, after it.
MOMENTS = (0, 0.005, 0.02, 0.1, 0.5)


def killed_during_rekeys(lab, workers, moments):
    """Both sides' controls in turn, of which the first gateway's made the request."""
    regions = TwoRegions(lab, workers=workers)
    first, second = regions.hosts
    check(ping(lab, first, "10.2.0.2") == 3, "the tunnel does not work")
    time.sleep(0.5)
    seconds = 8 + 12 * len(moments)
    there = Sequence(lab, first, second, "10.2.0.2", rate=1000, seconds=seconds, flows=4)
    back = Sequence(lab, second, first, "10.1.0.2", rate=1000, seconds=seconds, flows=4)
    for moment in moments:
        for dying in (0, 1):
            time.sleep(5.2)
            gateway = regions.gateways[dying]
            old = gateway.child("gotthard-control")
            regions.gateways[0].call("rekey", "region-2")
            time.sleep(moment)
            os.kill(old, signal.SIGKILL)
            gateway.wait()
            check(gateway.child("gotthard-control") != old,
                  f"gateway {dying + 1}, {moment} s: control was not started again")
    for direction in (there, back):
        result = direction.result()
        check(result["total"] == 1000 * seconds and faultless(result),
              f"control killed during rekeys: {result}, {[g.losses() for g in regions.gateways]}")
    # And it still can make new keys.
    time.sleep(5.2)
    before = regions.gateways[0].peer()["session"]["local_id"]
    regions.gateways[0].call("rekey", "region-2")
    wait_for("a rekey after the restarts",
             lambda: regions.gateways[0].peer()["session"]["local_id"] != before, seconds=15)


main(*tests_of(killed_during_rekeys,
               [{"workers": w, "moments": MOMENTS} for w in (1, 2)] if FULL else
               [{"workers": 1, "moments": MOMENTS[:1]}]))
