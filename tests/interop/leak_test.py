#!/usr/bin/env python3
"""No plaintext leaves on the underlay, whatever fails; the kernel would forward if it could."""
import os
import signal
import time

from lab import TwoRegions, Wire, check, command, main, ping, ping_at_once, wait_for


def try_to_leak(lab, regions):
    """Traffic that has nowhere to go but out in the clear."""
    host, gateway = regions.hosts[0], regions.gateway_namespaces[0]
    # The gateway's own processes too.
    answers = ping_at_once(lab, (host, "10.2.0.2"), (host, "fd02::2"), (gateway, "10.2.0.2"),
                           count=5, wait=1)
    check(answers == [0, 0, 0], f"{answers} pings are answered although there is no tunnel")


def before_the_first_handshake(lab):
    regions = TwoRegions(lab, start=False)
    # The other side's machine is there, but nobody answers on it.
    command("ip", "-n", regions.gateway_namespaces[1], "addr", "add", "192.0.2.2/24", "dev", "vwan")
    regions.gateways[0].up()
    wire = Wire(lab, regions.gateway_namespaces[1])
    try_to_leak(lab, regions)
    plain, sealed = wire.stop()
    check(plain == 0, f"{plain} plain packets on the underlay:\n{wire.plain_lines()[-2000:]}")
    check(sealed > 0, "not even an initiation was seen on the underlay")


def with_wg0_down(lab):
    """Neither plain nor sealed: one that is down sends no keepalive and makes no handshake."""
    regions = TwoRegions(lab, keepalive=1)
    one = regions.gateways[0]
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "the tunnel does not work")
    set_wg0 = ("ip", "-n", regions.gateway_namespaces[0], "link", "set", "wg0")
    command(*set_wg0, "down")
    wait_for("the tunnel to be down", lambda: one.peer()["state"] == "interface_down" and
             one.peer()["session"] is None)
    wire = Wire(lab, regions.gateway_namespaces[1])
    try_to_leak(lab, regions)
    plain, sealed = wire.stop()
    check(plain == 0, f"{plain} plain packets on the underlay:\n{wire.plain_lines()[-2000:]}")
    check(sealed == 0, f"{sealed} packets of an interface that is down")
    wire = Wire(lab, regions.gateway_namespaces[1])
    command(*set_wg0, "up")
    wait_for("a persistent keepalive opens the tunnel again", lambda: one.peer()["session"], seconds=5)
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "the tunnel does not work again")
    check(ping(lab, regions.gateway_namespaces[0], "10.2.0.2") == 3, "the host's routes are not there again")
    plain, sealed = wire.stop()
    check(plain == 0 and sealed > 0, f"{plain} plain and {sealed} sealed packets after it was set up")


def with_a_prefix_that_wg_gave(lab):
    """It is the tunnel's as one of the file's is, also for the host's own processes."""
    regions = TwoRegions(lab)
    one, gateway = regions.gateways[0], regions.gateway_namespaces[0]
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "the tunnel does not work")
    command("ip", "-n", gateway, "route", "add", "default", "via", "192.0.2.2")
    command("ip", "-n", gateway, "-6", "route", "add", "default", "via", "2001:db8::2")

    def plain_on_the_wire():
        wire = Wire(lab, regions.gateway_namespaces[1])
        answers = ping_at_once(lab, (gateway, "10.99.0.9"), (gateway, "fd99::9"), count=2, wait=1)
        check(answers == [0, 0], f"{answers} pings are answered by nobody")
        return wire.stop()[0]

    def routes(prefix, family="-4"):
        text = command("ip", "-n", gateway, family, "route", "show", prefix)
        return "dev wg0" in text, "blackhole" in text

    check(plain_on_the_wire() > 0, "the test's own packets are not seen")
    key = one.wg("show", "wg0", "peers").strip()
    allowed = ["10.2.0.0/16", "172.31.0.2/32", "fd02::/64"]
    one.wg("set", "wg0", "peer", key, "allowed-ips", ",".join([*allowed, "10.99.0.0/16", "fd99::/64"]))
    for prefix, family in (("10.99.0.0/16", "-4"), ("fd99::/64", "-6")):
        check(routes(prefix, family) == (True, True), f"{prefix}: {routes(prefix, family)}")
    command("ip", "-n", gateway, "link", "set", "wg0", "down")
    check(plain_on_the_wire() == 0, "plain packets with the tunnel down")
    control = one.child("gotthard-control")
    os.kill(control, signal.SIGKILL)
    check(plain_on_the_wire() == 0, "plain packets while control is started again")
    one.wait()
    command("ip", "-n", gateway, "link", "set", "wg0", "up")
    wait_for("the route of a prefix that wg gave", lambda: routes("10.99.0.0/16") == (True, True))
    one.wg("set", "wg0", "peer", key, "allowed-ips", ",".join(allowed))
    check(routes("10.99.0.0/16") == (False, False), "what nobody claims any more is still routed")
    check(routes("10.2.0.0/16") == (True, True), "the others' routes went too")
    check(ping(lab, gateway, "10.2.0.2") == 3, "the tunnel does not work again")


def with_the_data_plane_killed(lab):
    regions = TwoRegions(lab)
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "the tunnel does not work")
    wire = Wire(lab, regions.gateway_namespaces[1])
    gateway = regions.gateways[0]
    old = gateway.child("gotthard-dataplane")
    os.kill(old, signal.SIGKILL)
    host = regions.hosts[0]
    ping_at_once(lab, (host, "10.2.0.2"), (host, "fd02::2"), count=5, wait=1)
    gateway.wait()
    check(gateway.child("gotthard-dataplane") != old, "the data plane was not started again")
    deadline = time.monotonic() + 20
    while ping(lab, regions.hosts[0], "10.2.0.2", count=2, wait=1) == 0:
        check(time.monotonic() < deadline, "the tunnel does not come back")
    plain, _ = wire.stop()
    check(plain == 0, f"{plain} plain packets on the underlay:\n{wire.plain_lines()[-2000:]}")


main(before_the_first_handshake, with_wg0_down, with_a_prefix_that_wg_gave, with_the_data_plane_killed)
