#!/usr/bin/env python3
"""What hosts and local processes see of the gateway as a router: path MTU, hops, refusals, fragments."""
import time

from lab import TwoRegions, check, command, iperf3, main, ping, wait_for


def said(lab, namespace, *words):
    """What a ping that is not expected to be answered prints."""
    return lab.inside(namespace, "ping", "-n", "-c1", "-W2", *words, allow=None)


def whole_links(lab, regions):
    """Hosts that know nothing of the tunnel's MTU."""
    for n, name in enumerate(regions.hosts, 1):
        command("ip", "-n", name, "route", "replace", "default", "via", f"10.{n}.0.1")
        command("ip", "-n", name, "-6", "route", "replace", "default", "via", f"fd0{n}::1")


def wait_for_mtu(gateway, mtu):
    deadline = time.monotonic() + 5
    while gateway.ask("show", "interfaces")["interfaces"][0]["mtu"] != mtu:
        check(time.monotonic() < deadline, f"{gateway.name} does not follow its device's MTU")
        time.sleep(0.05)


def path_mtu(lab):
    """Hosts learn what fits, TCP works at once, and what may be cut is cut."""
    regions = TwoRegions(lab)
    whole_links(lab, regions)
    one = regions.hosts[0]
    ping(lab, one, "10.2.0.2")
    text = said(lab, one, "-M", "do", "-s", "1472", "10.2.0.2")
    check("From 10.1.0.1" in text and "mtu = 1420" in text, text)
    text = said(lab, one, "-6", "-M", "do", "-s", "1452", "fd02::2")
    check("From fd01::1" in text and "mtu=1420" in text.replace(" ", ""), text)
    check("mtu 1420" in command("ip", "-n", one, "route", "get", "10.2.0.2"), "not learned by the host")
    command("ip", "-n", one, "route", "flush", "cache")
    iperf3(lab, one, regions.hosts[1], "10.2.0.2", seconds=1)
    before = regions.gateways[0].drops()
    # The kernel puts IPv4 pieces together before it gives them to DPDK's af_packet ports, whose frames
    # have 2048 bytes.
    lab.inside(one, "ping", "-n", "-c3", "-i0.2", "-W2", "-M", "dont", "-s", "1900", "10.2.0.2")
    after = regions.gateways[0].drops()
    check(before.get("too_big", 0) == after.get("too_big", 0), "what may be cut was refused")
    # A smaller tunnel, live.
    command("ip", "-n", regions.gateway_namespaces[0], "link", "set", "wg0", "mtu", "1300")
    wait_for_mtu(regions.gateways[0], 1300)
    command("ip", "-n", one, "route", "flush", "cache")
    text = said(lab, one, "-M", "do", "-s", "1372", "10.2.0.2")
    check("mtu = 1300" in text, text)


def outer_fragments(lab):
    """A tunnel as wide as the underlay: sealed packets are cut, and put together by the other side."""
    regions = TwoRegions(lab)
    whole_links(lab, regions)
    for gateway, namespace in zip(regions.gateways, regions.gateway_namespaces):
        command("ip", "-n", namespace, "link", "set", "wg0", "mtu", "1500")
        wait_for_mtu(gateway, 1500)
    lab.inside(regions.hosts[0], "ping", "-n", "-c5", "-i0.2", "-W2", "-M", "do", "-s", "1472", "10.2.0.2")
    lab.inside(regions.hosts[0], "ping", "-n", "-6", "-c5", "-i0.2", "-W2", "-s", "1452", "fd02::2")
    for gateway in regions.gateways:
        check(gateway.drops().get("outer_fragment", 0) == 0, gateway.losses())


def refusals(lab):
    """Time exceeded from each hop; no route; no peer, to hosts and to local processes."""
    regions = TwoRegions(lab)
    one = regions.hosts[0]
    ping(lab, one, "10.2.0.2")
    for words, source, what in (
            (("-t1", "10.2.0.2"), "10.1.0.1", "Time to live exceeded"),
            (("-t2", "10.2.0.2"), "172.31.0.2", "Time to live exceeded"),
            (("-6", "-t1", "fd02::2"), "fd01::1", "Hop limit"),
            (("10.77.0.1",), "10.1.0.1", "Destination Net Unreachable"),
            (("-6", "fd77::1"), "fd01::1", "No route")):
        text = said(lab, one, *words)
        check(f"From {source}" in text and what in text, f"ping {' '.join(words)}: {text}")
    gateway = regions.gateway_namespaces[0]
    command("ip", "-n", gateway, "route", "add", "10.88.0.0/24", "dev", "wg0")
    deadline = time.monotonic() + 5
    while "Destination Host Unreachable" not in (text := said(lab, one, "10.88.0.9")):
        check(time.monotonic() < deadline, f"a host, to nobody's address: {text}")
    text = said(lab, gateway, "10.88.0.9")
    check("Destination Host Unreachable" in text, f"a local process, to nobody's address: {text}")
    # Nothing is sent to who is not reached: the errors are about what was dropped, and counted.
    wait_for("both to be counted", lambda: regions.gateways[0].drops()["no_peer"] >= 2)


def shows_routes(lab):
    """What packets take: routes and neighbours as the data plane has them, live."""
    regions = TwoRegions(lab)
    gateway, namespace = regions.gateways[0], regions.gateway_namespaces[0]
    ping(lab, regions.hosts[0], "10.2.0.2")

    def route(destination):
        routes = {r["destination"]: r for r in gateway.ask("show", "routes")["routes"]}
        return routes.get(destination)

    tunnel = route("10.2.0.0/16")
    check(tunnel and (tunnel["kind"], tunnel["device"], tunnel["peer"], tunnel["mtu"]) ==
          ("tunnel", "wg0", "region-2", 1420), f"{tunnel}")
    check(route("10.1.0.1/32")["kind"] == "local" and route("10.1.0.1/32")["device"] == "lan", "local")
    host = route("10.1.0.2/32")
    check(host and (host["kind"], host["via"], host["device"]) == ("via", "10.1.0.2", "lan"), f"{host}")
    neighbours = {n["address"]: n for n in gateway.ask("show", "neighbours")["neighbours"]}
    mac = command("ip", "-n", regions.hosts[0], "-br", "link", "show", "v0").split()[2]
    check(neighbours["10.1.0.2"]["mac"] == mac and neighbours["10.1.0.2"]["port"] == "lan",
          f"{neighbours}")
    check(neighbours["192.0.2.2"]["state"] == "reachable", f"{neighbours}")
    command("ip", "-n", namespace, "route", "add", "blackhole", "10.99.0.0/16")
    deadline = time.monotonic() + 5
    while (route("10.99.0.0/16") or {}).get("kind") != "blackhole":
        check(time.monotonic() < deadline, "a kernel's route is not followed")
        time.sleep(0.05)
    check("10.99.0.0/16" in gateway.call("show", "routes") and mac in gateway.call("show", "neighbours"),
          "not in the tables")
    command("ip", "-n", namespace, "rule", "add", "from", "10.1.0.0/16", "lookup", "100", "priority", "77")
    deadline = time.monotonic() + 5
    while not (rules := gateway.ask("show", "routes")["rules_not_followed"]):
        check(time.monotonic() < deadline, "a policy rule is ignored in silence")
        time.sleep(0.05)
    check("main table alone" in rules[0].pop("reason"), f"{rules}")
    check(rules == [{"family": "ipv4", "priority": 77, "rule": "from 10.1.0.0/16 lookup 100"}], f"{rules}")
    check("policy_rule_not_followed" in gateway.log_text() and "77" in gateway.call("show", "routes"),
          "neither the log nor the table has it")


main(path_mtu, outer_fragments, refusals, shows_routes)
