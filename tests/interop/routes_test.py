#!/usr/bin/env python3
"""Many routes, and many changes of them, under traffic."""
import json
import sys
import time

from lab import ROOT, Sequence, TwoRegions, check, command, genkey, main, ping

FULL = "--full" in sys.argv
MANY = 100_000
RATE = 10_000  # changes a second


def churn(lab, namespace, *words):
    return json.loads(lab.inside(namespace, sys.executable, ROOT / "tests/interop/churn.py", *words, seconds=300))


def prefixes(count):
    return [f"{11 + (n >> 16)}.{n >> 8 & 255}.{n & 255}.0/24" for n in range(count)]


def shown(gateway):
    return {r["destination"]: r for r in gateway.ask("show", "routes")["routes"]}


def wait_for_route(gateway, namespace, prefix, seconds):
    """How long the kernel's word takes to be the data plane's."""
    begin = time.monotonic()
    command("ip", "-n", namespace, "route", "add", "blackhole", prefix)
    while prefix not in shown(gateway):
        check(time.monotonic() < begin + seconds, f"{prefix} is not there after {seconds} s")
        time.sleep(0.1)
    return time.monotonic() - begin


def changes_under_traffic(lab):
    """100,000 routes; then 10,000 changes a second, some of them of what covers the traffic."""
    regions = TwoRegions(lab, routes=262144)
    one, two = regions.gateways
    namespace = regions.gateway_namespaces[0]
    ping(lab, regions.hosts[0], "10.2.0.2")
    begin = time.monotonic()
    check(churn(lab, namespace, "fill", MANY)["errors"] == 0, "the kernel refuses routes")
    added = time.monotonic() - begin
    lag = wait_for_route(one, namespace, "10.250.0.0/16", 60)
    check(len(shown(one)) >= MANY, f"{len(shown(one))} routes are shown")
    print(f"{MANY} routes: the kernel took {added:.1f} s, the data plane has them {lag:.1f} s later")
    seconds = 60 if FULL else 4
    # Both ways, and to an address whose longest route comes and goes all the time.
    streams = [Sequence(lab, regions.hosts[0], regions.hosts[1], "10.2.0.2", 2000, seconds + 3),
               Sequence(lab, regions.hosts[1], regions.hosts[0], "10.1.0.2", 2000, seconds + 3)]
    time.sleep(0.5)
    done = churn(lab, namespace, RATE, seconds)
    rate = done["made"] / done["seconds"]
    lag = wait_for_route(one, namespace, "10.251.0.0/16", 30)
    results = [stream.result() for stream in streams]
    print(f"{done['made']} changes at {rate:.0f} a second; the last is in the data plane after {lag:.1f} s; "
          f"{results}")
    check(rate > 0.98 * RATE and done["errors"] == 0, f"{done}")
    for result in results:
        check(result["lost_by_gateways"] == 0 and result["duplicated"] == 0,
              f"{result} {one.losses()} {two.losses()}")
    kernel = json.loads(command("ip", "-n", namespace, "-j", "route", "show", "root", "0.0.0.0/0"))
    ours = {destination: route["device"] for destination, route in shown(one).items()}
    wrong = [r["dst"] for r in kernel if "dev" in r and r["dst"].startswith(("11.", "12."))
             and ours.get(r["dst"]) != r["dev"]]
    check(len(kernel) > MANY and not wrong,
          f"{len(wrong)} of {len(kernel)} routes are not as the kernel has them: {wrong[:5]}")


def many_allowed_ips(lab):
    """100,000 allowed IPs of two interfaces by a reload; each leads to its peer, nothing is lost meanwhile."""
    regions = TwoRegions(lab, start=False, routes=262144)
    one, two = with_twin(regions)
    ping(lab, regions.hosts[0], "10.2.0.2")
    lists = prefixes(MANY)
    text = one.file.read_text().replace('allowed_ips = ["10.66.0.0/16"]',
                                        f"allowed_ips = {json.dumps(['10.66.0.0/16', *lists[::2]])}")
    text = text.replace('"172.31.0.2/32"]', f'"172.31.0.2/32", {json.dumps(lists[1::2])[1:]}')
    one.file.write_text(text)
    stream = Sequence(lab, regions.hosts[0], regions.hosts[1], "10.2.0.2", 1000, 12)
    begin = time.monotonic()
    one.call("reload")
    took = time.monotonic() - begin
    routes = shown(one)
    wrong = [p for n, p in enumerate(lists)
             if routes.get(p, {}).get("peer") != ("region-2" if n % 2 else "twin")]
    check(not wrong, f"{len(wrong)} prefixes do not lead to their peer: {wrong[:5]}")
    edit_back = one.file.read_text().replace(json.dumps(lists[1::2])[1:], json.dumps(lists[3::2])[1:])
    one.file.write_text(edit_back)
    begin = time.monotonic()
    said = one.ask("reload")["differences"]
    print(f"{MANY} allowed IPs by a reload in {took:.1f} s, one less in {time.monotonic() - begin:.1f} s")
    check([d["before"] for d in said] == [lists[1]], f"{str(said)[:300]}")
    check(lists[1] not in shown(one), "an allowed IP is there still")
    result = stream.result()
    check(result["lost_by_gateways"] == 0, f"{result} {one.losses()} {two.losses()}")


def a_prefix_moves(lab):
    """From one peer to another and back, under traffic: each packet takes one or the other."""
    regions = TwoRegions(lab, start=False)
    one, two = with_twin(regions)
    keys = {name: one.peer(name)["public_key"] for name in ("region-2", "twin")}
    ping(lab, regions.hosts[0], "10.2.0.2")
    one.call("rekey", "wg0/twin")
    stream = Sequence(lab, regions.hosts[0], regions.hosts[1], "10.2.0.2", 2000, 8)
    received = {name: one.peer(name)["tx_packets"] for name in keys}
    for n in range(100):
        one.wg("set", "wg0", "peer", keys["region-2" if n % 2 else "twin"], "allowed-ips",
               "10.2.0.0/16")
        time.sleep(0.05)
    result = stream.result()
    check(result["lost_by_gateways"] == 0 and result["duplicated"] == 0,
          f"{result} {one.losses()} {two.losses()}")
    for name, before in received.items():
        check(one.peer(name)["tx_packets"] > before + 1000, f"{name} got hardly any of it")


def with_twin(regions):
    """The second gateway as two peers of the first: at wg0 and at wg1."""
    one, two = regions.gateways
    private, public = genkey()
    (two.directory / "wg1.key").touch(mode=0o600)
    (two.directory / "wg1.key").write_text(private + "\n")
    key_of_one = next(line.split('"')[1] for line in two.file.read_text().splitlines()
                      if line.startswith("public_key"))
    two.file.write_text(two.file.read_text() + f"""
[[wireguard]]
name = "wg1"
listen_port = 51821
private_key_file = "wg1.key"
routes = "none"
[[wireguard.peer]]
name = "region-1"
public_key = "{key_of_one}"
endpoint = "192.0.2.1:51820"
allowed_ips = ["10.1.0.0/16"]
""")
    one.file.write_text(one.file.read_text() + f"""
[[wireguard.peer]]
name = "twin"
public_key = "{public}"
endpoint = "192.0.2.2:51821"
allowed_ips = ["10.66.0.0/16"]
""")
    for gateway in (one, two):
        gateway.begin()
    for gateway in (one, two):
        gateway.ready()
    return one, two


if __name__ == "__main__":
    main(changes_under_traffic, many_allowed_ips, a_prefix_moves)
