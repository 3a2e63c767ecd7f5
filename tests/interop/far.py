"""The other end of a tunnel, of any make: another Gotthard, wireguard-go, or the Linux kernel.

All of them are told what to do by `wg` and `ip`, on a machine with the same addresses:

    host1 - Gotthard - underlay - the other - host2

and have two tunnels: wg0 over the underlay, and wg1, whose outer packets go through wg0.
"""
import os
import time

from lab import (Gateway, answers, check, command, dataplane, faultless, forwarding, genkey, genpsk, host, ports,
                 wait_for)
from linux_kernel import LinuxKernel

NESTED_PORT = 51821
# What the tunnels lead to: through wg0 the regions and a prefix that nobody has; through wg1 others.
NEAR, FAR, LOOP = ("10.1.0.0/16", "fd01::/64"), ("10.2.0.0/16", "fd02::/64"), "10.99.0.0/16"
NEAR_NESTED, FAR_NESTED = "10.9.1.0/24", "10.8.2.0/24"


class Keys:
    """Of one end; as files, which is what `wg` reads."""

    def __init__(self, lab, name):
        self.lab, self.name, self.number = lab, name, 0
        self.renew()

    def renew(self):
        self.private, self.public = genkey()
        self.number += 1
        self.file = secret(self.lab, f"{self.name}{self.number}.key", self.private)


def secret(lab, name, text):
    path = lab.directory / name
    path.touch(mode=0o600)
    path.write_text(text + "\n")
    return path


def after(handshake):
    """Waits until the next handshake may follow the one of that time."""
    time.sleep(max(0.0, handshake + 5.2 - time.monotonic()))


class Far:
    """What all have: `wg`, `ip` and `sh` on that machine; its devices' names."""

    tunnel, nested, underlay = "wg0", "wg1", "vwan"

    def __init__(self, lab, namespace):
        self.lab, self.namespace = lab, namespace

    def ip(self, *words):
        return command("ip", "-n", self.namespace, *words)

    def wg(self, *words):
        return self.lab.inside(self.namespace, "wg", *words)

    def moved(self):
        """Its underlay address has changed."""

    def losses(self):
        return ""

    def begin_handshake(self, keys, last):
        """By another key and the old one again: they expire what it seals with, and nothing else.

        What it sends next waits for the handshake. It must be silent meanwhile: the other key is no
        peer's.
        """
        self.wg("set", self.tunnel, "private-key", Keys(self.lab, "other").file)
        self.wg("set", self.tunnel, "private-key", keys.file)

    def endpoint(self):
        """Where it takes its peer to be."""
        return self.wg("show", self.tunnel, "endpoints").split()[1]

    def set_up(self, near, near_nested, keys, nested_keys, psk, endpoint):
        """For those whose tunnels are made by hand."""
        words = ["private-key", keys.file, "listen-port", "51820", "peer", near.public, "allowed-ips",
                 ",".join((*NEAR, LOOP)), *(["preshared-key", psk] if psk else []),
                 *(["endpoint", endpoint] if endpoint else [])]
        self.each(("wg", "set", self.tunnel, *words),
                  ("wg", "set", self.nested, "private-key", nested_keys.file, "listen-port", NESTED_PORT, "peer",
                   near_nested.public, "allowed-ips", NEAR_NESTED),
                  ("ip", "link", "set", self.tunnel, "mtu", "1420", "up"),
                  ("ip", "link", "set", self.nested, "mtu", "1340", "up"),
                  ("ip", "addr", "add", "10.8.2.1/24", "dev", self.nested),
                  # From an address that the tunnel carries, also when the program does not say from
                  # which: the nested tunnel's outer packets.
                  ("ip", "route", "add", NEAR[0], "dev", self.tunnel, "src", "10.2.0.1"),
                  ("ip", "route", "add", LOOP, "dev", self.tunnel),
                  ("ip", "-6", "route", "add", NEAR[1], "dev", self.tunnel),
                  ("ip", "route", "add", NEAR_NESTED, "dev", self.nested))

    def each(self, *commands):
        for words in commands:
            self.lab.inside(self.namespace, *words)


class FarGotthard(Far):
    underlay = "wan"

    def start(self, near, near_nested, keys, nested_keys, psk, endpoint, workers):
        where = f'endpoint = "{endpoint}"\n' if endpoint else ""
        self.gateway = Gateway(self.lab, "gateway2", self.namespace, dataplane(workers=workers) + ports(2) + f"""
[[route]]
destination = "{LOOP}"
interface = "wg0"
[[wireguard]]
name = "wg0"
private_key_file = "wg0.key"
[[wireguard.peer]]
name = "near"
public_key = "{near.public}"
{f'preshared_key_file = "{psk}"' if psk else ""}
{where}allowed_ips = ["{NEAR[0]}", "{NEAR[1]}", "{LOOP}"]
[[wireguard]]
name = "wg1"
private_key_file = "wg1.key"
listen_port = {NESTED_PORT}
addresses = ["10.8.2.1/24"]
mtu = 1340
[[wireguard.peer]]
name = "near"
public_key = "{near_nested.public}"
allowed_ips = ["{NEAR_NESTED}"]
""", {"wg0.key": keys.private + "\n", "wg1.key": nested_keys.private + "\n"})
        forwarding(self.lab, self.namespace)
        self.gateway.begin()

    def ready(self):
        self.gateway.ready()

    def wg(self, *words):
        return self.gateway.wg(*words)

    def begin_handshake(self, keys, last):
        after(last)
        self.gateway.call("rekey", "wg0/near")

    def moved(self):
        self.gateway.usable()

    def losses(self):
        return self.gateway.losses()


class FarGo(Far):
    def start(self, near, near_nested, keys, nested_keys, psk, endpoint, workers):
        self.tunnel, self.nested = f"go{os.getpid()}", f"gn{os.getpid()}"
        forwarding(self.lab, self.namespace)
        for address, device in (("192.0.2.2/24", "vwan"), ("2001:db8::2/64", "vwan"), ("10.2.0.1/24", "vlan"),
                                ("fd02::1/64", "vlan")):
            self.ip("addr", "add", address, "dev", device, *(["nodad"] if ":" in address else []))
        for device in (self.tunnel, self.nested):
            self.lab.start(self.namespace, "env", "WG_PROCESS_FOREGROUND=1", "LOG_LEVEL=error", "wireguard-go",
                           device, output=self.lab.directory / f"{device}.log")
            # Its sockets are in a directory that namespaces share.
            wait_for("wireguard-go", lambda: os.path.exists(f"/var/run/wireguard/{device}.sock"))
        self.set_up(near, near_nested, keys, nested_keys, psk, endpoint)

    def ready(self):
        pass

    def moved(self):
        """It goes on to send from where it was until it binds anew, if the device is the same."""
        self.wg("set", self.tunnel, "listen-port", "51820")


class FarLinux(Far):
    underlay = "vec0"

    def start(self, near, near_nested, keys, nested_keys, psk, endpoint, workers):
        self.linux = LinuxKernel(self.lab, self.namespace, ["vwan", "vlan"], """
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip link set vec0 up
ip link set vec1 up
ip addr add 192.0.2.2/24 dev vec0
ip addr add 2001:db8::2/64 dev vec0 nodad
ip addr add 10.2.0.1/24 dev vec1
ip addr add fd02::1/64 dev vec1 nodad
ip link add wg0 type wireguard
ip link add wg1 type wireguard
""")
        self.set_up(near, near_nested, keys, nested_keys, psk, endpoint)

    def ready(self):
        pass

    def each(self, *commands):
        return self.linux.run("".join(" ".join(map(str, words)) + "\n" for words in commands))

    def wg(self, *words):
        return self.each(("wg", *words))

    def ip(self, *words):
        return self.each(("ip", *words))

    def losses(self):
        return f"Linux's devices: {self.linux.losses()}"


KINDS = {"gotthard": FarGotthard, "wireguard-go": FarGo, "linux": FarLinux}


class Stand:
    """`between(lab, near namespace, far namespace)` makes the underlay: a cable if it is left out."""

    def __init__(self, lab, far, outer="IPv4", workers=1, psk=True, initiator="near", between=None,
                 near_ports=None, near_more="", next_hop=None, keepalive=0):
        self.lab = lab
        self.outer = outer
        self.namespace, far_namespace = lab.namespace("gw1"), lab.namespace("gw2")
        (between or cable)(lab, self.namespace, far_namespace)
        self.hosts = [host(lab, 1, self.namespace), host(lab, 2, far_namespace)]
        forwarding(lab, self.namespace)
        self.keys, self.nested_keys = Keys(lab, "near"), Keys(lab, "near-nested")
        self.far_keys, far_nested_keys = Keys(lab, "far"), Keys(lab, "far-nested")
        self.psk = secret(lab, "psk", genpsk()) if psk else None
        places = {"IPv4": ("192.0.2.1:51820", "192.0.2.2:51820"),
                  "IPv6": ("[2001:db8::1]:51820", "[2001:db8::2]:51820")}[outer]
        self.far = KINDS[far](lab, far_namespace)
        far_place = f'endpoint = "{places[1]}"\n' if initiator == "near" else ""
        self.gateway = Gateway(lab, "gateway1", self.namespace,
                               dataplane(workers=workers) + (near_ports or ports(1)) + near_more + f"""
[[route]]
destination = "{LOOP}"
interface = "wg0"
[[wireguard]]
name = "wg0"
addresses = ["10.1.255.1/32"]
private_key_file = "wg0.key"
[[wireguard.peer]]
name = "far"
public_key = "{self.far_keys.public}"
{f'preshared_key_file = "{self.psk}"' if psk else ""}
{far_place}persistent_keepalive = {keepalive}
allowed_ips = ["{FAR[0]}", "{FAR[1]}", "{LOOP}"]
[[wireguard]]
name = "wg1"
private_key_file = "wg1.key"
listen_port = {NESTED_PORT}
mtu = 1340
[[wireguard.peer]]
name = "nested"
public_key = "{far_nested_keys.public}"
endpoint = "10.2.0.1:{NESTED_PORT}"
allowed_ips = ["{FAR_NESTED}"]
""", {"wg0.key": self.keys.private + "\n", "wg1.key": self.nested_keys.private + "\n"})
        self.gateway.begin()
        self.far.start(self.keys, self.nested_keys, self.far_keys, far_nested_keys, self.psk,
                       places[0] if initiator == "far" else None, workers)
        self.gateway.ready()
        self.far.ready()
        # An address is not everybody's until some time after its device is up.
        next_hop = next_hop or places[1].rsplit(":", 1)[0].strip("[]")
        wait_for("the underlay", lambda: answers(lab, self.namespace, next_hop, 1))

    def peer(self, name="far"):
        return self.gateway.peer(name)

    def session(self):
        return (self.peer()["session"] or {}).get("local_id")

    def losses(self):
        return f"{self.gateway.losses()}, {self.far.losses()}"

    def ip(self, *words):
        return command("ip", "-n", self.namespace, *words)

    def wg(self, *words):
        return self.gateway.wg(*words)

    def lost_nothing(self, result):
        check(faultless(result), f"{result}, {self.losses()}")


def cable(lab, near, far):
    lab.link(near, "vwan", far, "vwan")
