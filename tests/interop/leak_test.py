#!/usr/bin/env python3
"""No plaintext leaves on the underlay, whatever fails; the kernel would forward if it could.

Each look at the wire ends with a plain frame of the test's own, which must be the only one that is seen.
"""
import json
import os
import signal
import time

from frames import packet_socket
from lab import TwoEspRegions, TwoRegions, Wire, check, command, main, ping, ping_at_once, wait_for

# A tunnel's, and nobody's; what is received inside leaves in the clear for neither.
TARGETS = ("10.2.0.2", "fd02::2", "203.0.113.9", "2001:db8:99::9")
# Also what has no tunnel has a way: through the underlay.
DEFAULT = """
[[route]]
destination = "0.0.0.0/0"
via = "192.0.2.2"
[[route]]
destination = "::/0"
via = "2001:db8::2"
"""


def look(regions):
    return Wire(regions.lab, regions.gateway_namespaces[1], sealed=regions.SEALED)


def plain_frame():
    """UDP to a port that nobody has, to nobody."""
    payload = b"the test's own"
    udp = b"\x30\x39\x00\x09" + (8 + len(payload)).to_bytes(2, "big") + b"\0\0" + payload
    ip = (b"\x45\0" + (20 + len(udp)).to_bytes(2, "big") + bytes(4) + b"\x40\x11\0\0" +
          bytes((192, 0, 2, 77)) + bytes((192, 0, 2, 78)))
    return b"\x02\0\0\0\0\x02" + b"\x02\0\0\0\0\x01" + b"\x08\0" + ip + udp


def nothing_plain(regions, wire, what):
    """How many sealed packets were seen, and no plain one, though one would have been."""
    with packet_socket(regions.gateway_namespaces[0], Wire.DEVICE) as link:
        link.send(plain_frame())
    plain, sealed = wire.stop()
    check(plain >= 1, "the wire does not show the test's own plain frame")
    check(plain == 1, f"{plain - 1} plain packets on the underlay {what}:\n{wire.plain_lines()[-2000:]}")
    return sealed


def mac(namespace, device):
    return json.loads(command("ip", "-n", namespace, "-j", "link", "show", "dev", device))[0]["address"]


WAYS_OUT = {"-4": "192.0.2.2", "-6": "2001:db8::2"}


def let_the_kernel_leak(regions, *versions):
    """The first gateway's host as a router that knows a way out by the devices beneath the ports.

    A gateway that runs has taken IPv6 off them.
    """
    gateway, other = regions.gateway_namespaces
    for version in versions:
        via = WAYS_OUT[version]
        command("ip", "-n", gateway, version, "route", "add", "default", "via", via, "dev", "vwan", "onlink")
        command("ip", "-n", gateway, "neigh", "replace", via, "lladdr", mac(other, "vwan"), "dev", "vwan")
    for via in ("10.1.0.1", "fd01::1"):
        command("ip", "-n", regions.hosts[0], "neigh", "replace", via, "lladdr", mac(gateway, "vlan"), "dev", "v0")


def try_to_leak(regions, count=5):
    """Traffic that has nowhere to go but out in the clear, also of the gateway's own processes."""
    host, gateway = regions.hosts[0], regions.gateway_namespaces[0]
    return ping_at_once(regions.lab, *((host, target) for target in TARGETS), (gateway, "10.2.0.2"),
                        count=count, wait=1)


def nobody_answers(regions):
    answers = try_to_leak(regions)
    check(answers == [0] * 5, f"{answers} pings are answered although there is no tunnel")


def before_the_first_handshake(lab):
    """The kernel forwards until the gateway starts; nothing does from then on."""
    regions = TwoRegions(lab, start=False)
    one = regions.gateways[0]
    one.file.write_text(one.file.read_text().replace("[[wireguard]]", DEFAULT + "[[wireguard]]"))
    # The other side's machine is there, but nobody answers on it.
    command("ip", "-n", regions.gateway_namespaces[1], "addr", "add", "192.0.2.2/24", "dev", "vwan")
    let_the_kernel_leak(regions, "-4", "-6")
    wire = look(regions)
    try_to_leak(regions, count=1)
    plain, _ = wire.stop()
    seen = wire.plain_lines()
    check(plain > 0 and all(f"> {target}: ICMP" in seen for target in TARGETS),
          f"the kernel forwards less than it could:\n{seen}")
    one.up()
    wire = look(regions)
    nobody_answers(regions)
    check(nothing_plain(regions, wire, "before the first handshake") > 0,
          "not even an initiation was seen on the underlay")
    check(one.drops()["plain_to_underlay"] > 0, f"nothing wanted to leave in the clear: {one.losses()}")


def with_wg0_down(lab):
    """Neither plain nor sealed: one that is down sends no keepalive and makes no handshake."""
    regions = TwoRegions(lab, keepalive=1)
    one = regions.gateways[0]
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "the tunnel does not work")
    set_wg0 = ("ip", "-n", regions.gateway_namespaces[0], "link", "set", "wg0")
    command(*set_wg0, "down")
    wait_for("the interface to be down",
             lambda: one.peer()["state"] == "interface_down" and one.peer()["session"] is None)
    wire = look(regions)
    nobody_answers(regions)
    sealed = nothing_plain(regions, wire, "with wg0 down")
    check(sealed == 0, f"{sealed} packets of an interface that is down")
    wire = look(regions)
    command(*set_wg0, "up")
    wait_for("a persistent keepalive opens the tunnel again", lambda: one.peer()["session"], seconds=5)
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "the tunnel does not work again")
    check(ping(lab, regions.gateway_namespaces[0], "10.2.0.2") == 3, "the host's routes are not there again")
    check(nothing_plain(regions, wire, "when wg0 comes up") > 0, "the tunnel carries nothing")


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


def with_a_child_killed(lab):
    """Data plane, then control: neither the dying, nor the kernel meanwhile, nor the next one lets go."""
    regions = TwoRegions(lab, start=False)
    one = regions.gateways[0]
    one.file.write_text(one.file.read_text().replace("[[wireguard]]", DEFAULT + "[[wireguard]]"))
    for gateway in regions.gateways:
        gateway.begin()
    for gateway in regions.gateways:
        gateway.ready()
    let_the_kernel_leak(regions, "-4")
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "the tunnel does not work")
    wire = look(regions)
    for program in ("gotthard-dataplane", "gotthard-control"):
        old = one.child(program)
        os.kill(old, signal.SIGKILL)
        try_to_leak(regions, count=3)
        wait_for(f"another {program}", lambda: one.replaced(program, old))
        one.wait()
        wait_for("the tunnel", lambda: ping(lab, regions.hosts[0], "10.2.0.2", count=1, wait=1) == 1, seconds=20)
    check(nothing_plain(regions, wire, "while a program was away") > 0, "the tunnel carried nothing")


def through_esp(lab):
    """A tunnel that is down, and one whose keys are used up with the data plane that had them."""
    regions = TwoEspRegions(lab, more={1: DEFAULT})
    one, gateway = regions.gateways[0], regions.gateway_namespaces[0]
    let_the_kernel_leak(regions, "-4")
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "the tunnel does not work")
    command("ip", "-n", gateway, "link", "set", "ipsec0", "down")
    wait_for("the interface to be down", lambda: not one.ask("show", "interfaces")["interfaces"][0]["up"])
    wire = look(regions)
    nobody_answers(regions)
    check(nothing_plain(regions, wire, "with ipsec0 down") == 0, "an interface that is down seals")
    command("ip", "-n", gateway, "link", "set", "ipsec0", "up")
    wait_for("the tunnel", lambda: ping(lab, regions.hosts[0], "10.2.0.2", count=1, wait=1) == 1, seconds=10)
    wire = look(regions)
    old = one.child("gotthard-dataplane")
    os.kill(old, signal.SIGKILL)
    try_to_leak(regions, count=3)
    wait_for("another gotthard-dataplane", lambda: one.replaced("gotthard-dataplane", old))
    one.wait()
    nobody_answers(regions)
    check(nothing_plain(regions, wire, "without keys") == 0, "a lab key is used twice")


def while_it_starts_and_stops(lab):
    """Whatever comes first or last to be there: routes, tunnels, ports; and when all is killed at once."""
    regions = TwoRegions(lab, start=False)
    one, two = regions.gateways
    one.file.write_text(one.file.read_text().replace("[[wireguard]]", DEFAULT + "[[wireguard]]"))
    two.up()
    host = regions.hosts[0]
    # What they ask for before the gateway answers.
    for via in ("10.1.0.1", "fd01::1"):
        command("ip", "-n", host, "neigh", "replace", via, "lladdr", mac(one.namespace, "vlan"), "dev", "v0")
    wire = look(regions)
    traffic = [lab.start(host, "ping", "-n", "-q", "-i", "0.02", target) for target in TARGETS]
    for _ in range(2):
        one.up()
        check(ping(lab, regions.hosts[1], "10.1.0.2", count=1) == 1, "the tunnel does not work")
        one.call("down")
        check(one.process.wait(20) == 0, "the gateway did not end in order")
    one.up()
    one.process.kill()
    one.process.wait()
    let_the_kernel_leak(regions, "-4")
    time.sleep(1)
    check(all(process.poll() is None for process in traffic), "the traffic has ended")
    check(nothing_plain(regions, wire, "while the gateway started or stopped") > 0, "the tunnel carried nothing")


if __name__ == "__main__":
    main(before_the_first_handshake, with_wg0_down, with_a_prefix_that_wg_gave, with_a_child_killed,
         through_esp, while_it_starts_and_stops)
