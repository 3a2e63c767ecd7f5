#!/usr/bin/env python3
"""A Gotthard gateway and wireguard-go, each as initiator; with one and two workers."""
import os
import sys
import time

from lab import (Gateway, Sequence, check, command, dataplane, forwarding, genkey, genpsk, host,
                 iperf3, main, needs, ping, ports, wait_for)
from products import product, tests_of

FULL = "--full" in sys.argv
OPTIONS = {"initiator": ("gotthard", "wireguard-go"), "workers": (1, 2)}

needs("wireguard-go", "wg")


def wireguard_go(lab, namespace, device, private, public, psk, endpoint):
    """Configured as a site would: the peer's region, and its own behind it."""
    for name, text in (("go.key", private), ("go.psk", psk)):
        path = lab.directory / name
        path.touch(mode=0o600)
        path.write_text(text + "\n")
    lab.start(namespace, "env", "WG_PROCESS_FOREGROUND=1", "LOG_LEVEL=error", "wireguard-go", device,
              output=lab.directory / "go.log")
    socket = f"/var/run/wireguard/{device}.sock"
    deadline = time.monotonic() + 10
    while not os.path.exists(socket):
        check(time.monotonic() < deadline, "wireguard-go does not start")
        time.sleep(0.05)
    words = ["wg", "set", device, "listen-port", "51820", "private-key", lab.directory / "go.key",
             "peer", public, "preshared-key", lab.directory / "go.psk", "allowed-ips",
             "10.1.0.0/16,fd01::/64"]
    lab.inside(namespace, *words, *(["endpoint", endpoint] if endpoint else []))
    command("ip", "-n", namespace, "link", "set", device, "mtu", "1420", "up")
    command("ip", "-n", namespace, "route", "add", "10.1.0.0/16", "dev", device)
    command("ip", "-n", namespace, "-6", "route", "add", "fd01::/64", "dev", device)


def interoperate(lab, initiator, workers):
    gotthard_initiates = initiator == "gotthard"
    mine = lab.namespace("gw1")
    theirs = lab.namespace("gw2")
    lab.link(mine, "vwan", theirs, "vwan")
    command("ip", "-n", theirs, "addr", "add", "192.0.2.2/24", "dev", "vwan")
    hosts = [host(lab, 1, mine), host(lab, 2, theirs)]
    command("ip", "-n", theirs, "addr", "add", "10.2.0.1/24", "dev", "vlan")
    command("ip", "-n", theirs, "addr", "add", "fd02::1/64", "dev", "vlan", "nodad")
    for namespace in (mine, theirs):
        forwarding(lab, namespace)
    (private, public), (go_private, go_public), psk = genkey(), genkey(), genpsk()
    endpoint = 'endpoint = "192.0.2.2:51820"\n' if gotthard_initiates else ""
    gateway = Gateway(lab, "gateway1", mine, dataplane(workers=workers) + ports(1) + f"""
[[wireguard]]
name = "wg0"
private_key_file = "wg0.key"
addresses = ["172.31.0.1/30"]
[[wireguard.peer]]
name = "go"
public_key = "{go_public}"
preshared_key_file = "go.psk"
{endpoint}allowed_ips = ["10.2.0.0/16", "fd02::/64"]
""", {"wg0.key": private + "\n", "go.psk": psk + "\n"})
    device = f"go{os.getpid()}"
    wireguard_go(lab, theirs, device, go_private, public, psk,
                 None if gotthard_initiates else "192.0.2.1:51820")
    gateway.up()
    source, target, addresses = ((hosts[0], hosts[1], ("10.2.0.2", "fd02::2")) if gotthard_initiates
                                 else (hosts[1], hosts[0], ("10.1.0.2", "fd01::2")))
    for address in addresses:
        check(ping(lab, source, address) == 3, f"pings to {address} are lost: {gateway.losses()}")
    session = gateway.peer()["session"]
    role = "initiator" if gotthard_initiates else "responder"
    check(session["role"] == role, f"the gateway is {session['role']}")
    for reverse in (False, True):
        rate = iperf3(lab, source, target, addresses[0], reverse=reverse)
        check(rate > 20, f"TCP carries {rate:.0f} Mbit/s only")
    if gotthard_initiates or FULL:
        rekey_under_load(lab, gateway, hosts, 8 if FULL else 1)


def rekey_under_load(lab, gateway, hosts, rekeys):
    seconds = 3 + 6 * rekeys
    traffic = Sequence(lab, hosts[1], hosts[0], "10.1.0.2", rate=1000, seconds=seconds)
    back = Sequence(lab, hosts[0], hosts[1], "fd02::2", rate=1000, seconds=seconds)
    for _ in range(rekeys):
        time.sleep(5.2)  # a peer accepts new keys every five seconds at the most
        before = gateway.peer()["session"]["local_id"]
        gateway.call("rekey", "go")
        wait_for("new keys", lambda: gateway.peer()["session"]["local_id"] != before, seconds=4)
    for direction in (traffic, back):
        result = direction.result()
        check(result["total"] == 1000 * seconds and result["lost_by_gateways"] == 0,
              f"{rekeys} rekeys under load: {result}, {gateway.losses()}")


main(*tests_of(interoperate, product(OPTIONS) if FULL else
               [{"initiator": "gotthard", "workers": 1}, {"initiator": "wireguard-go", "workers": 2}]))
