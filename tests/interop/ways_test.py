#!/usr/bin/env python3
"""Routes of several next hops, for some packets only, and that refuse: as the host's kernel has them."""

import sys
import time

from lab import TwoRegions, check, command, genkey, main, ping, wait_for

# Counts UDP flows by their source port until it is told to end.
LISTEN = """
import signal, socket, sys
ports = {}
def end(*_):
    print(len(ports), sum(ports.values()), flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
s.bind((sys.argv[1], 7000))
print("ready", flush=True)
while True:
    _, (_, port) = s.recvfrom(100)
    ports[port] = ports.get(port, 0) + 1
"""
FLOWS = 200
SEND = f"""
import socket, sys, time
for port in range(20000, 20000 + {FLOWS}):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_IP, socket.IP_TOS, int(sys.argv[2]))
    s.bind(("", port))
    for _ in range(2):
        s.sendto(b"x", (sys.argv[1], 7000))
    time.sleep(0.002)
"""


def flows_at(lab, sender, address, routers, tos=0):
    """How many of the sender's flows each router has got; a flow has two packets."""
    listening = []
    for router in routers:
        process = lab.start(router, sys.executable, "-c", LISTEN, address)
        check(process.stdout.readline().strip() == b"ready", "a listener does not start")
        listening.append(process)
    lab.inside(sender, sys.executable, "-c", SEND, address, tos)
    time.sleep(0.5)
    counts = []
    for process in listening:
        process.terminate()
        counts.append([int(n) for n in process.communicate(timeout=10)[0].split()])
    check(sum(packets for _, packets in counts) == 2 * FLOWS and sum(f for f, _ in counts) == FLOWS,
          f"flows and packets at the routers: {counts}")
    return [flows for flows, _ in counts]


class TwoRouters:
    """host2 - tunnel - gateway 1 - two routers, both of which have 10.50.0.1."""

    def __init__(self, lab):
        self.regions = TwoRegions(lab, start=False)
        one, two = self.regions.gateways
        self.gateway, self.namespace = one, self.regions.gateway_namespaces[0]
        self.routers = [self.regions.hosts[0], lab.namespace("router2")]
        lab.link(self.namespace, "vlan2", self.routers[1], "v0")
        command("ip", "-n", self.routers[1], "addr", "add", "10.3.0.2/24", "dev", "v0")
        command("ip", "-n", self.routers[1], "route", "add", "default", "via", "10.3.0.1", "mtu", "1420")
        for router in self.routers:
            command("ip", "-n", router, "addr", "add", "10.50.0.1/32", "dev", "lo")
        one.file.write_text(one.file.read_text().replace("[[wireguard]]", """[[port]]
name = "lan2"
role = "inside"
device = "net_af_packet2,iface=vlan2"
addresses = ["10.3.0.1/24"]
[[wireguard]]""", 1))
        two.file.write_text(two.file.read_text().replace('allowed_ips = [', 'allowed_ips = ["10.50.0.0/16", '))
        for gateway in (one, two):
            gateway.begin()
        for gateway in (one, two):
            gateway.ready()
        check(ping(lab, self.regions.hosts[1], "10.1.0.2") == 3, "no way through the tunnel")

    def ip(self, *words):
        command("ip", "-n", self.namespace, *words)

    def route(self, prefix="10.50.0.0/16"):
        return next((r for r in self.gateway.ask("show", "routes")["routes"] if r["destination"] == prefix), {})

    def alive(self):
        return [way["alive"] for way in self.route().get("ways", [])]


def two_next_hops(lab):
    """Flows are shared between two routers by weight; a lost one's go to the other and come back."""
    stand = TwoRouters(lab)
    sender = stand.regions.hosts[1]
    stand.ip("route", "add", "10.50.0.0/16", "nexthop", "via", "10.1.0.2", "nexthop", "via", "10.3.0.2")
    wait_for("the route", lambda: stand.alive() == [True, True])
    first = flows_at(lab, sender, "10.50.0.1", stand.routers)
    check(min(first) > 0.3 * FLOWS, f"flows at the routers: {first}")
    text = stand.gateway.call("show", "routes")
    check("shared" in text and "weight 1" in text, text)
    # An operator takes a device down.
    stand.ip("link", "set", "lan2", "down")
    wait_for("the loss", lambda: stand.alive() == [True, False])
    check(flows_at(lab, sender, "10.50.0.1", stand.routers) == [FLOWS, 0], "flows to a device that is down")
    stand.ip("link", "set", "lan2", "up")
    wait_for("the return", lambda: stand.alive() == [True, True])
    # Its neighbour is asked for anew.
    lab.inside(stand.namespace, "ping", "-n", "-c1", "-W3", "10.3.0.2")
    check(flows_at(lab, sender, "10.50.0.1", stand.routers) == first, "flows did not come back as they were")
    stand.ip("route", "replace", "10.50.0.0/16", "nexthop", "via", "10.1.0.2", "nexthop", "via", "10.3.0.2",
             "weight", "9")
    wait_for("the weights", lambda: [w["weight"] for w in stand.route()["ways"]] == [1, 9])
    check(flows_at(lab, sender, "10.50.0.1", stand.routers)[1] > 0.75 * FLOWS, "weights have no effect")
    # By objects, as FRR does: a change of the object is enough.
    stand.ip("nexthop", "add", "id", "1", "via", "10.1.0.2", "dev", "lan")
    stand.ip("nexthop", "add", "id", "2", "via", "10.3.0.2", "dev", "lan2")
    stand.ip("nexthop", "add", "id", "3", "group", "1/2")
    stand.ip("route", "replace", "10.50.0.0/16", "nhid", "3")
    wait_for("the group", lambda: [w["weight"] for w in stand.route().get("ways", [])] == [1, 1])
    check(flows_at(lab, sender, "10.50.0.1", stand.routers) == first, "an object is not as its route")
    stand.ip("nexthop", "replace", "id", "3", "group", "2")
    wait_for("the smaller group", lambda: stand.route().get("via") == "10.3.0.2")
    check(flows_at(lab, sender, "10.50.0.1", stand.routers) == [0, FLOWS], "the group is not followed")


def routes_for_some(lab):
    """A route for a class of packets takes these alone; what is not followed is dropped and named."""
    stand = TwoRouters(lab)
    sender, gateway = stand.regions.hosts[1], stand.gateway
    stand.ip("route", "add", "10.50.0.0/16", "via", "10.1.0.2")
    stand.ip("route", "add", "10.50.0.0/16", "tos", "0x10", "via", "10.3.0.2")
    wait_for("the routes", lambda: [w["via"] for w in stand.route().get("ways", [])] == ["10.3.0.2", "10.1.0.2"])
    lab.inside(stand.namespace, "ping", "-n", "-c1", "-W3", "10.3.0.2")
    check(flows_at(lab, sender, "10.50.0.1", stand.routers) == [FLOWS, 0], "packets of no class")
    check(flows_at(lab, sender, "10.50.0.1", stand.routers, tos=0x10) == [0, FLOWS], "packets of that class")
    stand.ip("route", "add", "10.50.0.0/24", "encap", "ip", "id", "7", "dst", "10.1.0.2", "dev", "lan")
    wait_for("the encapsulating route", lambda: stand.route("10.50.0.0/24").get("kind") == "not_followed")
    shown = gateway.ask("show", "routes")["routes_not_followed"]
    check([r["route"] for r in shown] == ["10.50.0.0/24"] and "encap" in shown[0]["reason"], f"{shown}")
    check("route not followed" in gateway.call("show", "routes"), "not in the table")
    check("route_not_followed" in gateway.log_text(), "not in the log")
    lab.inside(sender, "ping", "-n", "-c2", "-i0.2", "-W1", "10.50.0.1", allow=None)
    check(gateway.drops()["route_not_followed"] >= 2, f"{gateway.losses()}")
    # As the kernel answers, and only then.
    for n, kind, said in ((1, "unreachable", "Destination Host Unreachable"), (2, "prohibit", "Packet filtered"),
                          (3, "throw", "Destination Net Unreachable"), (4, "blackhole", "100% packet loss")):
        stand.ip("route", "add", kind, f"10.50.{n}.0/24")
        wait_for(kind, lambda: stand.route(f"10.50.{n}.0/24").get("kind") == kind)
        text = lab.inside(sender, "ping", "-n", "-c1", "-W2", f"10.50.{n}.1", allow=None)
        check(said in text, f"{kind}: {text}")


def shared_tunnels(lab):
    """One prefix through two tunnels: both carry flows, nothing is lost when one is taken down."""
    regions = TwoRegions(lab, start=False)
    pairs = [genkey(), genkey()]
    for n, gateway in enumerate(regions.gateways, 1):
        (gateway.directory / "wg1.key").touch(mode=0o600)
        (gateway.directory / "wg1.key").write_text(pairs[n - 1][0] + "\n")
        gateway.file.write_text(gateway.file.read_text() + f"""
[[wireguard]]
name = "wg1"
listen_port = 51821
private_key_file = "wg1.key"
routes = "none"
[[wireguard.peer]]
name = "other"
public_key = "{pairs[2 - n][1]}"
endpoint = "192.0.2.{3 - n}:51821"
allowed_ips = ["10.{3 - n}.0.0/16"]
""")
        gateway.begin()
    for gateway in regions.gateways:
        gateway.ready()
    one, two = regions.gateways
    namespace, (host, other) = regions.gateway_namespaces[0], regions.hosts
    for peer in ("region-2", "other"):
        one.call("rekey", f"wg{0 if peer == 'region-2' else 1}/{peer}")
    command("ip", "-n", namespace, "route", "replace", "10.2.0.0/16", "nexthop", "dev", "wg0", "nexthop", "dev", "wg1")

    def alive():
        route = next(r for r in one.ask("show", "routes")["routes"] if r["destination"] == "10.2.0.0/16")
        return [way["alive"] for way in route.get("ways", [])]

    wait_for("the route", lambda: alive() == [True, True])
    # A gateway lets four packets wait for a neighbour that it does not know yet; this is not about them.
    check(ping(lab, host, "10.2.0.2") == 3, "no way through the tunnels")
    before = [one.peer(name)["tx_packets"] for name in ("region-2", "other")]
    check(flows_at(lab, host, "10.2.0.2", [other]) == [FLOWS], "flows are lost")
    # The workers' counts are summed twenty times a second.
    sent = [one.peer(name)["tx_packets"] - b for name, b in zip(("region-2", "other"), before)]
    check(min(sent) > 0.3 * 2 * FLOWS, f"packets by the tunnels: {sent}")
    # IPv4's way by a device that is down is dead to the kernel too; the route stays.
    command("ip", "-n", namespace, "link", "set", "wg1", "down")
    wait_for("the loss", lambda: alive() == [True, False])
    check(flows_at(lab, host, "10.2.0.2", [other]) == [FLOWS], "flows are lost with a tunnel")
    command("ip", "-n", namespace, "link", "set", "wg1", "up")
    wait_for("the return", lambda: alive() == [True, True])
    check(flows_at(lab, host, "10.2.0.2", [other]) == [FLOWS], "flows are lost by the return")


if __name__ == "__main__":
    main(two_next_hops, routes_for_some, shared_tunnels)
