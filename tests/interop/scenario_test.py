#!/usr/bin/env python3
"""What networks do to tunnels: address translation, roaming, loops, stray sources, many streams."""
import time

from lab import (Gateway, Sequence, TwoRegions, answers, check, command, dataplane, faultless, forwarding, genkey,
                 genpsk, host, iperf3, main, needs, ping, ports, wait_for)

needs("nft", "wg")


def translate(lab, namespace, how="masquerade"):
    """As a home router does it: whoever is behind has one address outside, and a port for a while."""
    lab.inside(namespace, "nft", "-f", "-", stdin=f"""
table ip nat {{
  chain post {{
    type nat hook postrouting priority 100;
    oifname "outer" {how}
  }}
}}
""")
    lab.inside(namespace, "sysctl", "-qw", "net.netfilter.nf_conntrack_udp_timeout=2",
               "net.netfilter.nf_conntrack_udp_timeout_stream=2")


class BehindNat:
    """host1 - gateway 1 - a router that translates - gateway 2, which knows no endpoint - host2."""

    def __init__(self, lab, keepalive, how="masquerade"):
        mine, self.router, theirs = (lab.namespace(n) for n in ("gw1", "nat", "gw2"))
        lab.link(mine, "vwan", self.router, "inner")
        lab.link(self.router, "outer", theirs, "vwan")
        command("ip", "-n", self.router, "addr", "add", "192.168.9.1/24", "dev", "inner")
        command("ip", "-n", self.router, "addr", "add", "192.0.2.9/24", "dev", "outer")
        self.hosts = [host(lab, n, space) for n, space in ((1, mine), (2, theirs))]
        for namespace in (mine, self.router, theirs):
            forwarding(lab, namespace)
        translate(lab, self.router, how)
        keys, psk = [genkey(), genkey()], genpsk()
        inner = ports(1).replace('"192.0.2.1/24", "2001:db8::1/64"', '"192.168.9.2/24"')
        way = '\n[[route]]\ndestination = "192.0.2.0/24"\nvia = "192.168.9.1"\n'
        self.gateways = []
        for n, namespace, text, peer in (
                (1, mine, inner + way, f'endpoint = "192.0.2.2:51820"\npersistent_keepalive = {keepalive}'),
                (2, theirs, ports(2), "")):
            other = 3 - n
            self.gateways.append(Gateway(lab, f"gateway{n}", namespace, dataplane() + text + f"""
[[wireguard]]
name = "wg0"
private_key_file = "wg0.key"
[[wireguard.peer]]
name = "region-{other}"
public_key = "{keys[other - 1][1]}"
preshared_key_file = "peer.psk"
allowed_ips = ["10.{other}.0.0/16", "fd0{other}::/64"]
{peer}
""", {"wg0.key": keys[n - 1][0] + "\n", "peer.psk": psk + "\n"}))
        for gateway in self.gateways:
            gateway.begin()
        for gateway in self.gateways:
            gateway.ready()


def nat_and_keepalives(lab):
    """Persistent keepalives keep the way back open through a router that forgets in two seconds."""
    stand = BehindNat(lab, keepalive=1)
    one, two = stand.gateways
    ping(lab, stand.hosts[0], "10.2.0.2")
    time.sleep(5)
    check(answers(lab, stand.hosts[1], "10.1.0.2") == 2, "the way back has closed in spite of keepalives")
    check(two.peer()["endpoint"].startswith("192.0.2.9:"), f"{two.peer()}")
    # Without them it closes: the test can tell.
    one.wg("set", "wg0", "peer", one.wg("show", "wg0", "peers").strip(), "persistent-keepalive", "0")
    time.sleep(5)
    check(answers(lab, stand.hosts[1], "10.1.0.2") == 0, "the way back stays open without keepalives")
    # The router may give another port: answers until the peer has followed are lost.
    check(ping(lab, stand.hosts[0], "10.2.0.2") >= 2, "traffic from behind does not open it again")
    check(answers(lab, stand.hosts[1], "10.1.0.2") == 2, "the way back is closed still")


def nat_gives_another_port(lab):
    """The peer follows what is authentic to the port that the router chose now."""
    stand = BehindNat(lab, keepalive=1, how="masquerade random")
    one, two = stand.gateways
    seen = set()
    for _ in range(3):
        check(ping(lab, stand.hosts[0], "10.2.0.2") == 3, f"{one.losses()} {two.losses()}")
        seen.add(two.peer()["endpoint"])
        # The router forgets all who went out by a device that goes down.
        command("ip", "-n", stand.router, "link", "set", "outer", "down")
        command("ip", "-n", stand.router, "link", "set", "outer", "up")
        before = two.peer()["endpoint"]
        wait_for("another port", lambda: two.peer()["endpoint"] != before, seconds=10)
        check(answers(lab, stand.hosts[1], "10.1.0.2") == 2, "the peer did not follow")
    check(len(seen) == 3, f"the router gave {seen}")


def roaming(lab):
    """A gateway's address changes, then the outer IP version: what it sends arrives all the time."""
    regions = TwoRegions(lab)
    one, two = regions.gateways
    namespace = regions.gateway_namespaces[0]
    ping(lab, regions.hosts[0], "10.2.0.2")
    stream = Sequence(lab, regions.hosts[0], regions.hosts[1], "10.2.0.2", 1000, 9)
    time.sleep(1)
    command("ip", "-n", namespace, "addr", "add", "192.0.2.11/25", "dev", "wan")
    command("ip", "-n", namespace, "addr", "del", "192.0.2.1/24", "dev", "wan")
    wait_for("the new address at the peer", lambda: two.peer()["endpoint"] == "192.0.2.11:51820", seconds=5)
    check(ping(lab, regions.hosts[1], "10.1.0.2") == 3, "no way back to the new address")
    # Four packets wait for a neighbour's address at the most: it is known before.
    lab.inside(namespace, "ping", "-n", "-c", "1", "-W", "2", "2001:db8::2")
    one.wg("set", "wg0", "peer", one.wg("show", "wg0", "peers").strip(), "endpoint", "[2001:db8::2]:51820")
    wait_for("IPv6 at the peer", lambda: two.peer()["endpoint"] == "[2001:db8::1]:51820", seconds=5)
    result = stream.result()
    check(faultless(result),
          f"{result} {one.losses()} {two.losses()}")
    check(ping(lab, regions.hosts[1], "10.1.0.2") == 3, "no way back by IPv6")


def stray_sources(lab):
    """Crypto-routing: a peer may send only from its allowed IPs, and gets only what is for them."""
    regions = TwoRegions(lab)
    one, two = regions.gateways
    ping(lab, regions.hosts[0], "10.2.0.2")
    command("ip", "-n", regions.hosts[0], "addr", "add", "10.66.0.1/32", "dev", "v0")
    command("ip", "-n", regions.hosts[0], "addr", "add", "fd66::1/128", "dev", "v0", "nodad")
    for source, target in (("10.66.0.1", "10.2.0.2"), ("fd66::1", "fd02::2")):
        before = two.drops()["wg_source_denied"]
        lab.inside(regions.hosts[0], "ping", "-n", "-c", "3", "-i", "0.2", "-W", "1", "-I", source, target,
                   allow=None)
        wait_for("the strays to be counted", lambda: two.drops()["wg_source_denied"] == before + 3, seconds=5)
    # Nobody's prefix, though a route leads into the tunnel.
    command("ip", "-n", regions.gateway_namespaces[0], "route", "add", "10.67.0.0/16", "dev", "wg0")
    wait_for("the route", lambda: "10.67.0.0/16" in one.call("show", "routes"), seconds=5)
    before = one.drops()["no_peer"]
    check(answers(lab, regions.hosts[0], "10.67.0.1", 3) == 0, "who answered?")
    wait_for("the drops to be counted", lambda: one.drops()["no_peer"] >= before + 3, seconds=5)


ROUND = '\n[[route]]\ndestination = "10.99.0.0/16"\ninterface = "wg0"\n'


def loops(lab):
    """A loop between gateways ends by TTL and is answered; a tunnel whose endpoint is in it goes around it."""
    regions = TwoRegions(lab, start=False)
    for gateway in regions.gateways:
        text = gateway.file.read_text()
        gateway.file.write_text(text.replace("[[wireguard]]", ROUND + "[[wireguard]]")
                                .replace('allowed_ips = [', 'allowed_ips = ["0.0.0.0/0", "192.0.2.0/24", '))
        gateway.begin()
    for gateway in regions.gateways:
        gateway.ready()
    one, two = regions.gateways
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "the endpoint's own prefix took the tunnel with it")
    command("ip", "-n", regions.gateway_namespaces[0], "route", "add", "192.0.2.2/32", "dev", "wg0")
    wait_for("the route", lambda: "192.0.2.2/32" in one.call("show", "routes"), seconds=5)
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "the endpoint's own route took the tunnel with it")
    before = [g.drops()["ttl_expired"] for g in (one, two)]
    text = lab.inside(regions.hosts[0], "ping", "-n", "-c", "3", "-i", "0.3", "-W", "1", "-t", "61", "10.99.0.1",
                      allow=None)
    check("Time to live exceeded" in text, f"nobody says that the packets ran out of hops:\n{text}")
    wait_for("the ends of the loop to be counted", lambda: sum(
        g.drops()["ttl_expired"] for g in (one, two)) == sum(before) + 3, seconds=5)


def many_streams(lab):
    """Sixteen TCP streams each way through one tunnel with two workers: each of them gets through."""
    regions = TwoRegions(lab, workers=2)
    ping(lab, regions.hosts[0], "10.2.0.2")
    for reverse in (False, True):
        rates = iperf3(lab, *regions.hosts, "10.2.0.2", reverse=reverse, streams=16)
        check(min(rates) > 0.1, f"Mbit/s of the streams: {rates}")


if __name__ == "__main__":
    main(nat_and_keepalives, nat_gives_another_port, roaming, stray_sources, loops, many_streams)
