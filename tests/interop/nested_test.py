#!/usr/bin/env python3
"""Tunnels within tunnels."""
import time

from lab import Sequence, TwoRegions, Wire, check, command, genkey, iperf3, main, ping, reach, wait_for


def two_layers(lab):
    """wg1 between the same gateways, its endpoints behind wg0: hosts and local processes, no loss by a rekey."""
    regions = TwoRegions(lab, start=False)
    keys = [genkey(), genkey()]
    for n, gateway in enumerate(regions.gateways, 1):
        key = gateway.directory / "wg1.key"
        key.touch(mode=0o600)
        key.write_text(keys[n - 1][0] + "\n")
        gateway.file.write_text(gateway.file.read_text() + f"""
[[wireguard]]
name = "wg1"
listen_port = 51821
private_key_file = "wg1.key"
addresses = ["172.32.0.{n}/30"]
[[wireguard.peer]]
name = "inner"
public_key = "{keys[2 - n][1]}"
endpoint = "172.31.0.{3 - n}:51821"
allowed_ips = ["10.{20 + 3 - n}.0.0/16", "172.32.0.{3 - n}/32"]
""")
        command("ip", "-n", regions.hosts[n - 1], "addr", "add", f"10.{20 + n}.0.2/32", "dev", "lo")
        gateway.begin()
    for n, gateway in enumerate(regions.gateways, 1):
        gateway.ready()
        command("ip", "-n", regions.gateway_namespaces[n - 1], "route", "add", f"10.{20 + n}.0.0/16", "via",
                f"10.{n}.0.2")
    one, two = regions.gateways
    first, second = regions.hosts
    wire = Wire(lab, *regions.gateway_namespaces)
    reach(lab, regions.gateway_namespaces[0], "172.32.0.2")
    command("ip", "-n", first, "route", "add", "10.22.0.2/32", "via", "10.1.0.1", "src", "10.21.0.2", "mtu", "1360")
    command("ip", "-n", second, "route", "add", "10.21.0.2/32", "via", "10.2.0.1", "src", "10.22.0.2", "mtu", "1360")
    reach(lab, first, "10.22.0.2")
    before = one.peer("region-2")["tx_packets"]
    there = Sequence(lab, first, second, "10.22.0.2", 1000, 8, size=1200)
    back = Sequence(lab, second, first, "10.21.0.2", 1000, 8)
    time.sleep(1)
    one.call("rekey", "wg1/inner")
    time.sleep(1)
    two.call("rekey", "wg0/region-1")
    for stream in (there, back):
        result = stream.result()
        check(result["lost_by_gateways"] == 0 and result["duplicated"] == 0, f"{result} {one.losses()} {two.losses()}")
    check(one.peer("region-2")["tx_packets"] > before + 8000, "wg1's packets did not go through wg0")
    rate = iperf3(lab, first, second, "10.22.0.2", seconds=1)
    check(rate > 5, f"TCP carries {rate:.0f} Mbit/s only")
    plain, sealed = wire.stop()
    check(plain == 0 and sealed > 8000, f"{plain} plain and {sealed} sealed packets on the underlay")
    # What is too big is too big for both.
    command("ip", "-n", first, "route", "replace", "10.22.0.2/32", "via", "10.1.0.1", "src", "10.21.0.2")
    text = lab.inside(first, "ping", "-n", "-c1", "-W2", "-M", "do", "-s", "1392", "10.22.0.2", allow=(1,))
    check("mtu = 1360" in text, text)
    # A tunnel within itself: wg0's endpoint behind wg0 alone, then behind wg1, which is behind wg0.
    key = one.wg("show", "wg0", "peers").strip()
    one.wg("set", "wg0", "peer", key, "endpoint", "172.31.0.2:51820")
    lab.inside(first, "ping", "-n", "-c2", "-i0.2", "-W1", "10.2.0.2", allow=None)
    one.wg("set", "wg0", "peer", key, "endpoint", "172.32.0.2:51820")
    lab.inside(first, "ping", "-n", "-c2", "-i0.2", "-W1", "10.2.0.2", allow=None)
    one.wg("set", "wg0", "peer", key, "endpoint", "192.0.2.2:51820")
    wait_for("the way back", lambda: ping(lab, first, "10.22.0.2", count=1, wait=1) == 1, seconds=15)
    reach(lab, first, "10.2.0.2")


if __name__ == "__main__":
    main(two_layers)
