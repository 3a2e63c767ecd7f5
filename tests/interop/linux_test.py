#!/usr/bin/env python3
"""A Gotthard gateway and the Linux kernel's WireGuard, each as initiator; with one and two workers."""
import sys
import time

from lab import (SKIPPED, Gateway, Sequence, Wire, check, dataplane, faultless, forwarding, genkey, genpsk, host,
                 iperf3, main, ping, ports, wait_for)
from linux_kernel import LinuxKernel, kernel
from products import product, tests_of

FULL = "--full" in sys.argv
OPTIONS = {"initiator": ("gotthard", "linux"), "workers": (1, 2)}

if kernel() is None:
    print("no User-Mode Linux kernel: tests/interop/uml/build /var/cache/gotthard/linux-uml makes one")
    sys.exit(SKIPPED)


class LinuxRegion:
    """host1 - Gotthard - underlay - Linux - host2"""

    def __init__(self, lab, gotthard_initiates, workers):
        self.lab = lab
        mine = lab.namespace("gw1")
        theirs = lab.namespace("gw2")
        self.underlay_end = theirs  # where what the gateway sends arrives
        lab.link(mine, "vwan", theirs, "vwan")
        self.hosts = [host(lab, 1, mine), host(lab, 2, theirs)]
        forwarding(lab, mine)
        self.namespace = mine
        (private, public), (linux_private, linux_public), psk = genkey(), genkey(), genpsk()
        endpoint = 'endpoint = "192.0.2.2:51820"\n' if gotthard_initiates else ""
        self.gateway = Gateway(lab, "gateway1", mine, dataplane(workers=workers) + ports(1) + f"""
[[wireguard]]
name = "wg0"
private_key_file = "wg0.key"
addresses = ["172.31.0.1/30"]
[[wireguard.peer]]
name = "linux"
public_key = "{linux_public}"
preshared_key_file = "linux.psk"
{endpoint}allowed_ips = ["10.2.0.0/16", "fd02::/64"]
""", {"wg0.key": private + "\n", "linux.psk": psk + "\n"})
        self.gateway.up()
        for name, text in (("linux.key", linux_private), ("linux.psk", psk)):
            path = lab.directory / name
            path.touch(mode=0o600)
            path.write_text(text + "\n")
        known = "" if gotthard_initiates else "endpoint 192.0.2.1:51820"
        self.linux = LinuxKernel(lab, theirs, ["vwan", "vlan"], f"""
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip link set vec0 up
ip link set vec1 up
ip addr add 192.0.2.2/24 dev vec0
ip addr add 10.2.0.1/24 dev vec1
ip addr add fd02::1/64 dev vec1 nodad
ip link add wg0 type wireguard
wg set wg0 listen-port 51820 private-key {lab.directory}/linux.key peer {public} \
  preshared-key {lab.directory}/linux.psk allowed-ips 10.1.0.0/16,fd01::/64 {known}
ip link set wg0 mtu 1420 up
ip route add 10.1.0.0/16 dev wg0
ip -6 route add fd01::/64 dev wg0
until ping -n -q -c 1 -W 1 192.0.2.1 > /run/ping; do :; done
""")


def interoperate(lab, initiator, workers):
    gotthard_initiates = initiator == "gotthard"
    region = LinuxRegion(lab, gotthard_initiates, workers)
    gateway, hosts = region.gateway, region.hosts
    wire = Wire(lab, region.underlay_end)
    source, target, addresses = ((hosts[0], hosts[1], ("10.2.0.2", "fd02::2")) if gotthard_initiates
                                 else (hosts[1], hosts[0], ("10.1.0.2", "fd01::2")))
    for address in addresses:
        answers = ping(lab, source, address)
        check(answers == 3, f"{answers} of 3 pings to {address} are answered: {gateway.losses()}, "
              f"Linux's devices {region.linux.losses()}")
    session = gateway.peer()["session"]
    role = "initiator" if gotthard_initiates else "responder"
    check(session["role"] == role, f"the gateway is {session['role']}")
    for address in addresses:
        for reverse in (False, True):
            rate = iperf3(lab, source, target, address, reverse=reverse)
            check(rate > 5, f"TCP to {address}{' and back' if reverse else ''} carries {rate:.1f} Mbit/s only: "
                  f"{gateway.losses()}, Linux's devices {region.linux.losses()}")
    rekey_under_load(region, 8 if FULL else 1)
    plain, sealed = wire.stop()
    check(plain == 0, f"{plain} plain packets on the underlay:\n{wire.plain_lines()[-2000:]}")
    check(sealed > 1000, f"only {sealed} WireGuard packets were seen on the underlay")
    region.linux.power_off()


def rekey_under_load(region, rekeys):
    lab, gateway, hosts = region.lab, region.gateway, region.hosts
    seconds = 3 + 6 * rekeys
    there = Sequence(lab, hosts[0], hosts[1], "10.2.0.2", rate=500, seconds=seconds, flows=4)
    back = Sequence(lab, hosts[1], hosts[0], "fd01::2", rate=500, seconds=seconds, flows=4)
    for _ in range(rekeys):
        time.sleep(5.2)  # a peer accepts new keys every five seconds at the most
        before = gateway.peer()["session"]["local_id"]
        gateway.call("rekey", "linux")
        wait_for("new keys", lambda: gateway.peer()["session"]["local_id"] != before, seconds=4)
    for direction in (there, back):
        result = direction.result()
        check(result["total"] == 500 * seconds and faultless(result),
              f"{rekeys} rekeys under load: {result}, {gateway.losses()}, "
              f"Linux's devices {region.linux.losses()}")


main(*tests_of(interoperate, product(OPTIONS) if FULL else
               [{"initiator": "gotthard", "workers": 1}, {"initiator": "linux", "workers": 2}]))
