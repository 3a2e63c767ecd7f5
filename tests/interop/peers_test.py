#!/usr/bin/env python3
"""What a kernel's own tests do with WireGuard, with each kind of peer: rekeys, roaming, other keys, stray
sources, MTUs, loops, nested tunnels, many streams; and through a network that loses, doubles and reorders.

With --full with all combinations of options.
"""
import re
import sys
import time

from far import FAR, FAR_NESTED, LOOP, NEAR, Stand, after, secret
from lab import (Sequence, Skipped, answers, check, command, forwarding, genpsk, iperf3, main, needs, ping,
                 ping_at_once, ports, reach, wait_for)
from linux_kernel import LinuxKernel, has, kernel
from products import product, tests_of
from scenario_test import translate

FULL = "--full" in sys.argv
KINDS = ("gotthard", "wireguard-go", "linux")
OPTIONS = {"far": KINDS, "outer": ("IPv4", "IPv6"), "workers": (1, 2), "initiator": ("near", "far")}
SHORT = [{"far": "wireguard-go", "outer": "IPv6", "workers": 2, "psk": True, "initiator": "near"},
         {"far": "linux", "outer": "IPv4", "workers": 1, "psk": True, "initiator": "far"}]

RATE = 100  # packets a second that User-Mode Linux forwards also on a machine that is busy
PATIENCE = 30  # for what it does

needs("wireguard-go", "wg", "iperf3")


def available(far):
    if far == "linux" and kernel() is None:
        raise Skipped("no User-Mode Linux kernel")


def scenarios(lab, **choice):
    available(choice["far"])
    stand = Stand(lab, **choice)
    last = first_contact(stand, choice["initiator"])
    rekeys_and_roaming(stand, last)
    for scenario in (peer_roams, stray_sources, path_mtu, loop, nested, streams, other_keys):
        scenario(stand)


def first_contact(stand, initiator):
    """Not even the first packet is lost. When it was."""
    hosts, near_first = stand.hosts, initiator == "near"
    source, addresses = (hosts[0], ("10.2.0.2", "fd02::2")) if near_first else (hosts[1], ("10.1.0.2", "fd01::2"))
    when = time.monotonic()
    for address in addresses:
        check(ping(stand.lab, source, address, count=1, wait=5) == 1, f"the first ping is lost: {stand.losses()}")
    role = stand.peer()["session"]["role"]
    check(role == ("initiator" if near_first else "responder"), f"the gateway is {role}")
    answered = ping_at_once(stand.lab, (hosts[0], "10.2.0.2"), (hosts[0], "fd02::2"), (hosts[1], "10.1.0.2"),
                            (hosts[1], "fd01::2"), count=1)
    check(answered == [1, 1, 1, 1], f"{answered} of 1 ping each are answered: {stand.losses()}")
    return when


def rekeys_and_roaming(stand, last):
    """Handshakes that either side begins, another preshared key, other addresses: all arrives, in order."""
    lab, hosts, far = stand.lab, stand.hosts, stand.far
    counted = stand.gateway.drops().get("no_endpoint", 0)
    moving = Sequence(lab, hosts[0], hosts[1], "10.2.0.2", RATE, 90, flows=4)
    roam(stand)
    # Between an address and the next one there may be no way out for an instant; that is said.
    lost = moving.stop()["lost_by_gateways"]
    counted = stand.gateway.drops().get("no_endpoint", 0) - counted
    check(lost <= counted <= 2, f"{lost} packets lost by roaming, {counted} without an endpoint: {stand.losses()}")
    there = Sequence(lab, hosts[0], hosts[1], "10.2.0.2", RATE, 90, flows=4)
    before = stand.session()
    far.begin_handshake(stand.far_keys, last)
    back = Sequence(lab, hosts[1], hosts[0], "fd01::2", RATE, 90, flows=4)
    wait_for("the peer's handshake", lambda: stand.session() != before)
    last = time.monotonic()
    check(stand.peer()["session"]["role"] == "responder", f"{stand.peer()}")
    if stand.psk:
        psk = secret(lab, "another-psk", genpsk())
        far.wg("set", far.tunnel, "peer", stand.keys.public, "preshared-key", psk)
        stand.wg("set", "wg0", "peer", stand.far_keys.public, "preshared-key", psk)
        stand.psk = psk
    after(last)
    before = stand.session()
    stand.gateway.call("rekey", "far")
    wait_for("new keys", lambda: stand.session() != before)
    check(stand.peer()["session"]["role"] == "initiator", f"{stand.peer()}")
    for stream in (back, there):
        stand.lost_nothing(stream.stop())


OUTER = {"IPv4": "192.0.2.{}", "IPv6": "2001:db8::{}"}
# With another length the new address is no second one of the old, which would go with it.
OLD_LENGTH, NEW_LENGTH = {"IPv4": 24, "IPv6": 64}, {"IPv4": 25, "IPv6": 64}
OTHER = {"IPv4": "IPv6", "IPv6": "IPv4"}


def place(version, number):
    """An endpoint as `wg` writes it."""
    host = OUTER[version].format(number)
    return (f"[{host}]" if ":" in host else host) + ":51820"


def move(ip, device, version, old, new):
    nodad = ["nodad"] if version == "IPv6" else []
    ip("addr", "add", f"{OUTER[version].format(new)}/{NEW_LENGTH[version]}", "dev", device, *nodad)
    ip("addr", "del", f"{OUTER[version].format(old)}/{OLD_LENGTH[version]}", "dev", device)


def roam(stand):
    """The gateway's address changes, then the outer IP version. The peer is silent: who sends from the
    old place meanwhile calls the gateway back there."""
    far, other = stand.far, OTHER[stand.outer]
    move(stand.ip, "wan", stand.outer, 1, 11)
    wait_for("the gateway's new address at the peer", lambda: far.endpoint() == place(stand.outer, 11),
             PATIENCE)
    # Four packets wait for a neighbour's address at the most: it is known before.
    reach(stand.lab, stand.namespace, OUTER[other].format(2), count=1)
    stand.wg("set", "wg0", "peer", stand.far_keys.public, "endpoint", place(other, 2))
    wait_for("the other IP version at the peer", lambda: far.endpoint() == place(other, 1), PATIENCE)


def peer_roams(stand):
    """The gateway follows what is authentic."""
    other = OTHER[stand.outer]
    move(stand.far.ip, stand.far.underlay, other, 2, 12)
    stand.far.moved()
    answers(stand.lab, stand.hosts[1], "10.1.0.2", 1)
    wait_for("the peer's new address at the gateway", lambda: stand.peer()["endpoint"] == place(other, 12),
             PATIENCE)
    reach(stand.lab, stand.hosts[0], "10.2.0.2", count=1)
    reach(stand.lab, stand.hosts[1], "10.1.0.2", count=1)


def echoes(lab, host):
    """How many requests have come to it."""
    return int(lab.inside(host, "nstat", "-asz", "IcmpInEchos").splitlines()[1].split()[1])


def stray_sources(stand):
    """What is not from the sender's allowed IPs goes nowhere, either way."""
    lab, (one, two) = stand.lab, stand.hosts
    for host, number in ((one, 1), (two, 2)):
        command("ip", "-n", host, "addr", "add", f"10.66.0.{number}/32", "dev", "v0")
    before = echoes(lab, two)
    check(answers(lab, one, "10.2.0.2", 3, "-I", "10.66.0.1") == 0, "who answered?")
    check(echoes(lab, two) == before, "the peer takes in what is not the gateway's to send")
    before, denied = echoes(lab, one), stand.gateway.drops()["wg_source_denied"]
    check(answers(lab, two, "10.1.0.2", 3, "-I", "10.66.0.2") == 0, "who answered?")
    wait_for("strays to be counted", lambda: stand.gateway.drops()["wg_source_denied"] == denied + 3)
    check(echoes(lab, one) == before, "a stray arrived")
    reach(lab, one, "10.2.0.2", count=1)


def path_mtu(stand):
    """A tunnel that becomes narrower says so, and is wide again."""
    lab, far = stand.lab, stand.far
    for ip, device, host, target in ((stand.ip, "wg0", stand.hosts[0], "10.2.0.2"),
                                     (far.ip, far.tunnel, stand.hosts[1], "10.1.0.2")):
        def said():
            return lab.inside(host, "ping", "-n", "-c", "1", "-W", "2", "-M", "do", "-s", "1372", target, allow=None)

        check("1 received" in said(), "1400 bytes do not fit in a tunnel of 1420")
        ip("link", "set", device, "mtu", "1300")
        wait_for("the narrow tunnel to be said", lambda: "mtu = 1300" in said())
        command("ip", "-n", host, "route", "flush", "cache")
        ip("link", "set", device, "mtu", "1420")
        wait_for("the wide tunnel", lambda: "1 received" in said())


def loop(stand):
    """A prefix that each side sends to the other: packets end by their hops, and their sender is told."""
    lab, host = stand.lab, stand.hosts[0]
    command("ip", "-n", host, "addr", "add", "10.99.1.1/32", "dev", "v0")
    stand.ip("route", "add", "10.99.1.1/32", "via", "10.1.0.2")
    wait_for("the way back", lambda: "10.99.1.1/32" in stand.gateway.call("show", "routes"))
    before = stand.gateway.drops()["ttl_expired"]
    text = lab.inside(host, "ping", "-n", "-c", "2", "-i", "0.3", "-W", "1", "-t", "31", "-I", "10.99.1.1",
                      "10.99.0.1", allow=None)
    check("Time to live exceeded" in text, f"nobody says that packets ran out of hops:\n{text}")
    wait_for("the ends to be counted", lambda: stand.gateway.drops()["ttl_expired"] == before + 2)


def nested(stand):
    """A tunnel whose outer packets go through the other."""
    lab, host = stand.lab, stand.hosts[0]
    stand.ip("addr", "add", "10.9.1.1/24", "dev", "lan")
    command("ip", "-n", host, "addr", "add", "10.9.1.2/24", "dev", "v0")
    outside = stand.peer()["tx_packets"]
    wait_for(f"{FAR_NESTED} through both", lambda: answers(lab, host, "10.8.2.1", 1, "-I", "10.9.1.2") == 1,
             PATIENCE)
    check(answers(lab, host, "10.8.2.1", 5, "-I", "10.9.1.2", "-s", "1200") == 5, stand.losses())
    for what in ("tx_packets", "rx_packets"):
        wait_for(f"the inner tunnel's {what}", lambda: stand.peer("nested")[what] >= 6)
    wait_for("the outer tunnel's count", lambda: stand.peer()["tx_packets"] - outside >= 6)


def streams(stand):
    """Eight TCP streams each way: each gets through."""
    lab, (one, two) = stand.lab, stand.hosts
    for reverse in (False, True):
        rates = iperf3(lab, one, two, "10.2.0.2", seconds=1, reverse=reverse, streams=8)
        check(min(rates) > 0, f"Mbit/s of the streams: {rates}, {stand.losses()}")


def other_keys(stand):
    """Each side gets another identity; nothing passes until the other has heard of it."""
    lab, far, (one, two) = stand.lab, stand.far, stand.hosts
    psk = ["preshared-key", stand.psk] if stand.psk else []
    where, old = stand.peer()["endpoint"], stand.far_keys.public
    stand.far_keys.renew()
    far.wg("set", far.tunnel, "private-key", stand.far_keys.file)
    check(answers(lab, one, "10.2.0.2", 2) == 0, "an identity that nobody knows is answered")
    stand.wg("set", "wg0", "peer", old, "remove", "peer", stand.far_keys.public, *psk, "allowed-ips",
             ",".join((*FAR, LOOP)), "endpoint", where)
    wait_for("the peer's new identity", lambda: answers(lab, one, "10.2.0.2", 1) == 1, seconds=PATIENCE)
    old = stand.keys.public
    where = far.endpoint()
    stand.keys.renew()
    stand.wg("set", "wg0", "private-key", stand.keys.file)
    far.wg("set", far.tunnel, "peer", old, "remove", "peer", stand.keys.public, *psk, "allowed-ips",
           ",".join((*NEAR, LOOP)), "endpoint", where)
    wait_for("the gateway's new identity", lambda: answers(lab, one, "10.2.0.2", 1) == 1, seconds=PATIENCE)
    reach(lab, two, "fd01::2", count=1)


class Weather:
    """Linux's netem, in a kernel between the two: what each way does to frames can be told any time."""

    def __init__(self, lab, near, far):
        name = lab.namespace("weather")
        lab.link(near, "vwan", name, "left")
        lab.link(name, "right", far, "vwan")
        self.linux = LinuxKernel(lab, name, ["left", "right"], """
ip link add br0 type bridge mcast_snooping 0
for port in vec0 vec1; do ip link set $port promisc on master br0 up; done
ip link set br0 up
""")

    def set(self, words):
        for port in ("vec0", "vec1"):
            self.linux.run(f"tc qdisc replace dev {port} root netem limit 10000 {words}")

    def dropped(self):
        text = self.linux.run("tc -s qdisc show dev vec0; tc -s qdisc show dev vec1")
        return sum(map(int, re.findall(r"dropped (\d+)", text)))


def bad_weather(lab, far, workers):
    """Loss, doubles and disorder outside: no double gets in, no more is lost, handshakes come through."""
    available(far)
    if kernel() is None or not has("netem"):
        raise Skipped("no User-Mode Linux kernel with netem: tests/interop/uml/build makes one")
    weather = []
    stand = Stand(lab, far, workers=workers, psk=True, between=lambda *where: weather.append(Weather(*where)))
    last = first_contact(stand, "near")
    weather[0].set("delay 20ms 15ms loss 2% duplicate 5%")
    hosts = stand.hosts
    streams = [Sequence(lab, hosts[0], hosts[1], "10.2.0.2", 400, 90, flows=4),
               Sequence(lab, hosts[1], hosts[0], "fd01::2", 400, 90, flows=4)]
    for _ in range(4 if FULL else 1):
        after(last)
        before, last = stand.session(), time.monotonic()
        stand.gateway.call("rekey", "far")
        # One that is lost is made again after five seconds.
        wait_for("new keys in spite of losses", lambda: stand.session() != before, seconds=40)
    results = [stream.stop() for stream in streams]
    dropped = weather[0].dropped()
    what = f"{results}, netem dropped {dropped}, {stand.losses()}, its own {weather[0].linux.losses()}"
    box = sum(weather[0].linux.losses().values())
    check(sum(r["lost_by_gateways"] for r in results) <= dropped + box, f"more is lost than by the weather: {what}")
    check(all(r["duplicated"] == 0 for r in results), f"doubles get in: {what}")
    check(dropped > 0 and all(r["reordered"] > 0 for r in results), f"the weather is fine: {what}")
    check(stand.gateway.drops()["wg_replay"] > 0, f"no double came: {what}")


def router(lab, near, far):
    """It translates, and forgets in two seconds who has gone out."""
    name = lab.namespace("nat")
    lab.link(near, "vwan", name, "inner")
    lab.link(name, "outer", far, "vwan")
    for address, device in (("192.168.9.1/24", "inner"), ("192.0.2.9/24", "outer")):
        command("ip", "-n", name, "addr", "add", address, "dev", device)
    forwarding(lab, name)
    translate(lab, name)


def behind_nat(lab, far):
    """Keepalives keep the way back open through a router that translates; without them it closes."""
    available(far)
    inner = ports(1).replace('"192.0.2.1/24", "2001:db8::1/64"', '"192.168.9.2/24"')
    way = '\n[[route]]\ndestination = "192.0.2.0/24"\nvia = "192.168.9.1"\n'
    stand = Stand(lab, far, between=router, near_ports=inner, near_more=way, next_hop="192.168.9.1",
                  keepalive=1)
    one, two = stand.hosts
    reach(lab, one, "10.2.0.2", count=1)
    time.sleep(5)
    check(answers(lab, two, "10.1.0.2", 2) == 2, "the way back has closed in spite of keepalives")
    check(stand.far.endpoint().startswith("192.0.2.9:"), stand.far.endpoint())
    stand.wg("set", "wg0", "peer", stand.far_keys.public, "persistent-keepalive", "0")
    time.sleep(5)
    check(answers(lab, two, "10.1.0.2", 2) == 0, "the way back stays open without keepalives")
    # The router may give another port: answers until the peer has followed are lost.
    check(ping(lab, one, "10.2.0.2") >= 2, "traffic from behind does not open it again")
    check(answers(lab, two, "10.1.0.2", 2) == 2, "the way back is closed still")


def rows():
    """Each pair of another option's choice and the preshared key's is among them."""
    if not FULL:
        return SHORT
    return [{**row, "psk": bin(number % 8).count("1") % 2 == 0} for number, row in enumerate(product(OPTIONS))]


if __name__ == "__main__":
    main(*tests_of(scenarios, rows()),
         *tests_of(bad_weather, product({"far": KINDS, "workers": (1, 2)}) if FULL else
                   [{"far": "gotthard", "workers": 2}]),
         *tests_of(behind_nat, product({"far": KINDS}) if FULL else []))
