#!/usr/bin/env python3
"""Control is killed while a handshake is surely under way: initiated, answered, and the answer not there."""
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "interop"))
from frames import INITIATION, RESPONSE, Frames  # noqa: E402
from lab import Sequence, TwoRegions, Wire, check, faultless, main, needs, ping, wait_for  # noqa: E402
from products import tests_of  # noqa: E402
from underlay import Switch  # noqa: E402

needs("nft")

# A response and its UDP header.
RESPONSES = "udp length 100"


def killed_in_a_handshake(lab, workers):
    regions = TwoRegions(lab, workers=workers, start=False)
    switch = Switch(lab, *regions.gateway_namespaces)
    for gateway in regions.gateways:
        gateway.begin()
    for gateway in regions.gateways:
        gateway.ready()
    first, second = regions.hosts
    initiator, responder = regions.gateways
    at_switch = Frames(switch.namespace, "left"), Frames(switch.namespace, "right")
    at_initiator = Frames(regions.gateway_namespaces[0], Wire.DEVICE)
    check(ping(lab, first, "10.2.0.2") == 3 and ping(lab, second, "fd01::2") == 3, "the tunnel does not work")
    there = Sequence(lab, first, second, "10.2.0.2", rate=500, seconds=120, flows=4)
    back = Sequence(lab, second, first, "fd01::2", rate=500, seconds=120, flows=4)

    def session(gateway):
        return gateway.peer()["session"]["local_id"]

    def count(gateway, what):
        return gateway.peer().get("handshakes", {}).get(what, 0)

    def under_way(number):
        """A handshake whose answer is lost in the switch."""
        initiator.call("rekey", "region-2")
        wait_for("an answer to be lost", lambda: switch.lost() >= number)
        check(session(initiator) == current, "the handshake is over")
        initiations = at_switch[0].of_type(INITIATION)
        check(len(initiations) == 1 + number, f"{len(initiations)} initiations were seen")
        return initiations[-1]

    def kill(gateway):
        old = gateway.child("gotthard-control")
        os.kill(old, signal.SIGKILL)
        wait_for("another control", lambda: gateway.replaced("gotthard-control", old))
        gateway.wait()

    current = session(initiator)
    time.sleep(3.2)  # two handshakes lie at least five seconds apart; the pings took two
    switch.lose("right", RESPONSES)
    initiations = [under_way(1)]
    kill(initiator)
    check(session(initiator) == current, f"session {current} became {session(initiator)}")
    # The next one's timestamp is greater than the dead one's, or it would be refused.
    initiations.append(under_way(2))
    answered = len(at_switch[1].of_type(RESPONSE))
    check(answered == 3 and len(at_initiator.of_type(RESPONSE)) == 1, f"{answered} answers came to the switch")
    kill(responder)
    # Neither of the two that the dead control had answered is answered again.
    for frame in initiations:
        at_initiator.send(frame)
    wait_for("two replays to be counted", lambda: count(responder, "initiation_replayed") == 2)
    check(count(responder, "initiation_accepted") == 0, "a recorded initiation was accepted")
    check(len(at_switch[1].of_type(RESPONSE)) == answered, "a recorded initiation was answered")
    switch.lose_nothing()
    # The initiator tries again by itself.
    wait_for("new keys", lambda: session(initiator) != current, seconds=15)
    wait_for("the answer to be counted", lambda: count(responder, "initiation_accepted") == 1)
    for stream in (there, back):
        result = stream.stop()
        check(faultless(result), f"{result}, {[g.losses() for g in regions.gateways]}")


if __name__ == "__main__":
    main(*tests_of(killed_in_a_handshake, [{"workers": w} for w in ((1, 2) if "--full" in sys.argv else (1,))]))
