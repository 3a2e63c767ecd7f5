#!/usr/bin/env python3
"""A recorded handshake initiation is worth nothing, also to a control that has just been started again."""
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "interop"))
from frames import INITIATION, RESPONSE, Frames  # noqa: E402
from lab import Sequence, TwoRegions, Wire, check, faultless, main, ping, wait_for  # noqa: E402
from products import tests_of  # noqa: E402


def handshakes(gateway):
    """The counters of the one peer; those that are zero are not told."""
    return gateway.peer().get("handshakes", {})


def recorded_initiations_are_refused(lab, workers):
    regions = TwoRegions(lab, workers=workers)
    first, second = regions.hosts
    initiator, responder = regions.gateways
    at_initiator, at_responder = (Frames(n, Wire.DEVICE) for n in regions.gateway_namespaces)
    check(ping(lab, first, "10.2.0.2") == 3, "the tunnel does not work")
    check(ping(lab, second, "10.1.0.2") == 3, "the tunnel does not work")
    there = Sequence(lab, first, second, "10.2.0.2", rate=1000, seconds=20, flows=4)
    back = Sequence(lab, second, first, "10.1.0.2", rate=1000, seconds=20, flows=4)

    def session():
        return responder.peer()["session"]["local_id"]

    def rekey():
        time.sleep(5.2)  # two handshakes with one peer lie at least five seconds apart
        before = session()
        initiator.call("rekey", "region-2")
        wait_for("new keys", lambda: session() != before)

    # Two real handshakes: the first initiation is an old one, the second the last that was accepted.
    rekey()
    recorded = at_responder.of_type(INITIATION)
    check(len(recorded) == 2 and recorded[0] != recorded[1], f"{len(recorded)} initiations were seen")
    check(handshakes(responder).get("initiation_accepted") == 2, f"{handshakes(responder)}")
    answers = len(at_initiator.of_type(RESPONSE))
    check(answers == 2, f"{answers} responses were seen")
    current = session()

    # To the control that has accepted them: the sender's frames arrive and are refused as replays.
    for frame in recorded:
        at_initiator.send(frame)
    wait_for("two replays to be counted", lambda: handshakes(responder).get("initiation_replayed") == 2)

    old = responder.child("gotthard-control")
    os.kill(old, signal.SIGKILL)
    # While control is away or just coming, too: it must not listen before it knows what it accepted.
    for turn in range(20):
        at_initiator.send(recorded[turn % 2])
        time.sleep(0.05)
    responder.wait()
    check(responder.child("gotthard-control") != old, "control was not started again")
    before = handshakes(responder).get("initiation_replayed", 0)
    for frame in recorded:
        at_initiator.send(frame)
    wait_for("the replays to be counted", lambda:
             handshakes(responder).get("initiation_replayed", 0) == before + 2)
    time.sleep(0.5)
    counters = handshakes(responder)
    check(set(counters) == {"initiation_replayed"}, f"more came of the replays than refusals: {counters}")
    check(session() == current, f"session {current} became {session()}")
    check(len(at_initiator.of_type(RESPONSE)) == answers, "a replayed initiation was answered")

    # What is new is accepted.
    rekey()
    check(handshakes(responder).get("initiation_accepted") == 1, f"{handshakes(responder)}")
    for direction in (there, back):
        result = direction.result()
        check(result["total"] == 20000 and faultless(result),
              f"under replays: {result}, {[g.losses() for g in regions.gateways]}")


main(*tests_of(recorded_initiations_are_refused,
               [{"workers": w} for w in ((1, 2) if "--full" in sys.argv else (2,))]))
