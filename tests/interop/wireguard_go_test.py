#!/usr/bin/env python3
"""A Gotthard gateway and wireguard-go, each as initiator."""
import os
import time

from lab import (Gateway, Sequence, check, command, dataplane, forwarding, genkey, genpsk, host,
                 iperf3, main, needs, ping, ports)

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


def interoperate(lab, gotthard_initiates):
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
    gateway = Gateway(lab, "gateway1", mine, dataplane() + ports(1) + f"""
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
    if gotthard_initiates:
        rekey_under_load(lab, gateway, hosts)


def rekey_under_load(lab, gateway, hosts):
    before = gateway.peer()["session"]["local_id"]
    traffic = Sequence(lab, hosts[1], hosts[0], "10.1.0.2", rate=1000, seconds=8)
    back = Sequence(lab, hosts[0], hosts[1], "fd02::2", rate=1000, seconds=8)
    time.sleep(5.2)
    gateway.call("rekey", "go")
    for direction in (traffic, back):
        result = direction.result()
        check(result["total"] == 8000 and result["lost_by_gateways"] == 0, f"rekey under load: {result}")
    check(gateway.peer()["session"]["local_id"] != before, "the session did not change")


def gotthard_initiates(lab):
    interoperate(lab, True)


def wireguard_go_initiates(lab):
    interoperate(lab, False)


main(gotthard_initiates, wireguard_go_initiates)
