#!/usr/bin/env python3
"""VLANs that the host's kernel has of the ports' twins, and jumbo frames."""
import subprocess

from lab import Sequence, Skipped, TwoRegions, Wire, check, command, iperf3, main, ping, reach, wait_for


def needs_vlans(lab):
    namespace = lab.namespace("vlans")
    tried = subprocess.run(["ip", "-n", namespace, "link", "add", "link", "lo", "name", "over", "type", "vlan", "id",
                            "1"], capture_output=True, text=True)
    if "Unknown device type" in tried.stderr:
        raise Skipped("this kernel has no VLANs (CONFIG_VLAN_8021Q)")


def vlans(gateway, port="lan"):
    ports = {p["name"]: p for p in gateway.ask("show", "ports")["ports"]}
    return {v["name"]: v for v in ports[port]["vlans"]}


def vlan_of(namespace, device, number, *addresses):
    """As an operator makes one."""
    command("ip", "-n", namespace, "link", "add", "link", device, "name", f"{device}.{number}", "type", "vlan",
            "id", number)
    command("ip", "-n", namespace, "link", "set", f"{device}.{number}", "up")
    for address in addresses:
        command("ip", "-n", namespace, "addr", "add", address, "dev", f"{device}.{number}",
                *(["nodad"] if ":" in address else []))


def inside_vlan(lab):
    """A second network behind a gateway by a tag: made live, by a router there, gone when it is gone."""
    needs_vlans(lab)
    regions = TwoRegions(lab)
    one, two = regions.gateways
    host, other = regions.hosts
    namespace = regions.gateway_namespaces[0]
    vlan_of(host, "v0", 100, "10.1.100.2/24", "fd01:100::2/64")
    vlan_of(namespace, "lan", 100, "10.1.100.1/24", "fd01:100::1/64")
    wait_for("the VLAN", lambda: vlans(one).get("lan.100", {}).get("up"))
    check("lan.100" in one.call("show", "ports"), "not in the table")
    # Its neighbours are the kernel's; ping from the gateway itself goes by the twin's VLAN.
    reach(lab, namespace, "10.1.100.2")
    # The other side's gateway sends both networks here; the inner source must be ours there.
    key = one.wg("show", "wg0", "public-key").strip()
    two.wg("set", "wg0", "peer", key, "allowed-ips",
           "10.1.0.0/16,fd01::/64,fd01:100::/64,172.31.0.1/32")
    command("ip", "-n", host, "rule", "add", "from", "10.1.100.2", "lookup", "77")
    command("ip", "-n", host, "route", "add", "default", "via", "10.1.100.1", "table", "77", "mtu", "1420")
    text = lab.inside(other, "ping", "-n", "-c3", "-i0.2", "-W3", "10.1.100.2")
    check("3 received" in text, text)
    check("3 received" in lab.inside(host, "ping", "-n", "-c3", "-i0.2", "-W3", "-I", "10.1.100.2", "10.2.0.2"),
          "from within the VLAN")
    command("ip", "-n", host, "-6", "route", "add", "fd02::/64", "via", "fd01:100::1", "src", "fd01:100::2",
            "metric", "1")
    reach(lab, other, "fd01:100::2")
    neighbours = {n["address"]: n["port"] for n in one.ask("show", "neighbours")["neighbours"]}
    check(neighbours.get("10.1.100.2") == "lan.100", f"{neighbours}")
    # A route by a router in the VLAN.
    command("ip", "-n", host, "addr", "add", "10.1.200.1/32", "dev", "lo")
    command("ip", "-n", namespace, "route", "add", "10.1.200.0/24", "via", "10.1.100.2")
    routes = {}

    def by_vlan():
        routes.update({r["destination"]: r for r in one.ask("show", "routes")["routes"]})
        return routes.get("10.1.200.0/24", {}).get("device") == "lan.100"
    wait_for("the route", by_vlan)
    stream = Sequence(lab, other, host, "10.1.200.1", 1000, 2)
    result = stream.result()
    check(result["lost_by_gateways"] == 0, f"{result} {one.losses()}")
    # It has its own MTU, live.
    command("ip", "-n", namespace, "link", "set", "lan.100", "mtu", "1300")
    wait_for("the MTU", lambda: vlans(one)["lan.100"]["mtu"] == 1300)
    text = lab.inside(other, "ping", "-n", "-c1", "-W2", "-M", "do", "-s", "1372", "10.1.100.2", allow=None)
    check("mtu = 1300" in text, text)
    # Down nothing goes in or out; frames of VLANs that nobody made are dropped and counted.
    command("ip", "-n", namespace, "link", "set", "lan.100", "down")
    wait_for("the VLAN's end", lambda: not vlans(one)["lan.100"]["up"])
    lab.inside(other, "ping", "-n", "-c1", "-W1", "10.1.100.2", allow=(1,))
    command("ip", "-n", namespace, "link", "del", "lan.100")
    wait_for("the VLAN's removal", lambda: not vlans(one))
    lab.inside(host, "ping", "-n", "-c2", "-i0.2", "-W1", "10.1.100.1", allow=(1, 2))
    wait_for("the count", lambda: one.drops()["unknown_vlan"] > 0)


def underlay_vlan(lab):
    """The peer is behind a tag of the underlay; nothing plain leaves there either."""
    needs_vlans(lab)
    regions = TwoRegions(lab, start=False)
    one, two = regions.gateways
    for n, gateway in enumerate(regions.gateways, 1):
        gateway.file.write_text(gateway.file.read_text().replace(f"192.0.2.{3 - n}:51820", f"198.51.100.{3 - n}:51820"))
        gateway.begin()
    for gateway in regions.gateways:
        gateway.ready()
    for n, namespace in enumerate(regions.gateway_namespaces, 1):
        vlan_of(namespace, "wan", 7, f"198.51.100.{n}/24")
    wire = Wire(lab, *regions.gateway_namespaces)
    for gateway in regions.gateways:
        wait_for("the VLAN", lambda: vlans(gateway, "wan").get("wan.7", {}).get("up"))
    check(ping(lab, regions.hosts[0], "10.2.0.2") > 0, "no way through the VLAN")
    stream = Sequence(lab, regions.hosts[0], regions.hosts[1], "10.2.0.2", 1000, 2, size=1300)
    result = stream.result()
    check(result["lost_by_gateways"] == 0, f"{result} {one.losses()} {two.losses()}")
    # Inside packets for addresses there have no way unsealed.
    lab.inside(regions.hosts[0], "ping", "-n", "-c2", "-i0.2", "-W1", "198.51.100.2", allow=(1,))
    wait_for("the count", lambda: one.drops()["plain_to_underlay"] >= 2)
    wire.stop()
    inner = [line for line in wire.plain_lines().splitlines() if "10.1.0.2" in line or "10.2.0.2" in line]
    check(not inner, f"plain on the underlay: {inner[:5]}")


def jumbo_frames(lab):
    """9000 bytes on all links: TCP in both directions, and packets that fill the tunnel."""
    regions = TwoRegions(lab, start=False, mbufs=8192)
    for n, gateway in enumerate(regions.gateways, 1):
        gateway.file.write_text(gateway.file.read_text()
                                .replace('role = "underlay"', 'role = "underlay"\nmtu = 9000')
                                .replace('role = "inside"', 'role = "inside"\nmtu = 9000')
                                .replace("listen_port = 51820", "listen_port = 51820\nmtu = 8920"))
        namespace, host = regions.gateway_namespaces[n - 1], regions.hosts[n - 1]
        for where, device in ((namespace, "vwan"), (namespace, "vlan"), (host, "v0")):
            command("ip", "-n", where, "link", "set", device, "mtu", "9000")
        command("ip", "-n", host, "route", "replace", "default", "via", f"10.{n}.0.1")
        command("ip", "-n", host, "-6", "route", "replace", "default", "via", f"fd0{n}::1")
        gateway.begin()
    for gateway in regions.gateways:
        gateway.ready()
    first, second = regions.hosts
    reach(lab, first, "10.2.0.2")
    for here, there in ((first, "10.2.0.2"), (second, "10.1.0.2")):
        text = lab.inside(here, "ping", "-n", "-c3", "-i0.2", "-W3", "-M", "do", "-s", "8892", there)
        check("3 received" in text, text)
        text = lab.inside(here, "ping", "-n", "-c1", "-W2", "-M", "do", "-s", "8893", there, allow=(1,))
        check("mtu = 8920" in text, text)
    for here, there in ((first, "fd02::2"), (second, "fd01::2")):
        text = lab.inside(here, "ping", "-n", "-6", "-c3", "-i0.2", "-W3", "-M", "do", "-s", "8872", there)
        check("3 received" in text, text)
    for here, there, address in ((first, second, "10.2.0.2"), (second, first, "fd01::2")):
        stream = Sequence(lab, here, there, address, 500, 2, size=8800)
        result = stream.result()
        check(result["lost_by_gateways"] == 0, f"{result} {[g.losses() for g in regions.gateways]}")
    for reverse in (False, True):
        rate = iperf3(lab, first, second, "10.2.0.2", seconds=1, reverse=reverse)
        check(rate > 10, f"TCP carries {rate:.0f} Mbit/s only")
    for gateway in regions.gateways:
        check(gateway.drops().get("outer_fragment", 0) == 0, "sealed packets were cut")


if __name__ == "__main__":
    main(inside_vlan, underlay_vlan, jumbo_frames)
