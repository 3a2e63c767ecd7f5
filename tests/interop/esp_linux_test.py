#!/usr/bin/env python3
"""ESP with keys from files toward the Linux kernel's: each class of suite, over IP and in UDP."""
import os
import sys
import time

from lab import (SKIPPED, Gateway, Wire, check, dataplane, forwarding, host, main, ping_at_once, ports,
                 wait_for)
from linux_kernel import LinuxKernel, has, kernel

if kernel() is None:
    print("no User-Mode Linux kernel: tests/interop/uml/build /var/cache/gotthard/linux-uml makes one")
    sys.exit(SKIPPED)
if not has("XfrmInError"):
    print(f"{kernel()} was built without ESP: remove it, and tests/interop/uml/build makes another")
    sys.exit(SKIPPED)

# Our word, bytes of cipher key and MAC key, salt, and how the kernel calls it.
SUITES = (
    ("aes128gcm16", 16, 0, 4, "aead rfc4106(gcm(aes)) {key} 128"),
    ("aes256gcm16-esn", 32, 0, 4, "aead rfc4106(gcm(aes)) {key} 128"),
    ("chacha20poly1305-esn", 32, 0, 4, "aead rfc7539esp(chacha20,poly1305) {key} 128"),
    ("aes256gmac", 32, 0, 4, "aead rfc4543(gcm(aes)) {key} 128"),
    ("aes128-sha256", 16, 32, 0, "enc cbc(aes) {enc} auth-trunc hmac(sha256) {mac} 128"),
    ("aes256-sha512-esn", 32, 64, 0, "enc cbc(aes) {enc} auth-trunc hmac(sha512) {mac} 256"),
)
NAT_PORT = 4500
# A socket through which the kernel's ESP hears what comes in UDP, as an IKE daemon has one.
LISTENER = f"""
python3 -c '
import signal, socket
UDP_ENCAP, UDP_ENCAP_ESPINUDP = 100, 2
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP)
listener.bind(("", {NAT_PORT}))
signal.pause()
' < /proc/version &
until grep -q :{NAT_PORT:04X} /proc/net/udp; do sleep 0.1; done
"""


def some_suites(*words):
    return [suite for suite in SUITES if suite[0] in words]


class Outer:
    """Between which addresses and in what ESP goes."""

    def __init__(self, ours, theirs, sealed, in_udp=False):
        self.ours, self.theirs = ours, theirs
        self.sealed = sealed  # to tcpdump
        self.in_udp = in_udp
        self.encapsulation = "udp" if in_udp else "none"


OVER_IPV4 = Outer("192.0.2.1", "192.0.2.2", "ip proto 50")
OVER_IPV6 = Outer("2001:db8::1", "2001:db8::2", "ip6 proto 50")
IN_UDP = Outer("192.0.2.1", "192.0.2.2", f"udp port {NAT_PORT}", in_udp=True)


class Child:
    """A pair of SAs for 10.2.NUMBER.0/24, as both ends have it."""

    def __init__(self, number, suite, outer):
        self.number = number
        self.outer = outer
        self.word, self.key, self.mac, self.salt, self.kernel_words = suite
        self.keys = {way: os.urandom(self.key + self.mac + self.salt).hex() for way in ("in", "out")}
        self.spis = {"in": 0x1000 + number, "out": 0x2000 + number}

    @property
    def address(self):
        return f"10.2.{self.number}.1"

    def files(self):
        return {f"{self.number}.{way}": key + "\n" for way, key in self.keys.items()}

    def toml(self):
        return f"""
[[ipsec.connection.child]]
name = "net-{self.number}"
local_ts = ["10.1.0.0/24"]
remote_ts = ["10.2.{self.number}.0/24"]
lab_keys = {{ suite = "{self.word}", in_spi = "{self.spis['in']:#x}", in_key_file = "{self.number}.in", \
out_spi = "{self.spis['out']:#x}", out_key_file = "{self.number}.out" }}
"""

    def _algorithm(self, way):
        key = self.keys[way]
        return self.kernel_words.format(key="0x" + key, enc="0x" + key[:2 * self.key],
                                        mac="0x" + key[2 * self.key:])

    def linux(self):
        """For `ip -batch`. What Linux sends is our `in`. Its window is the least that it has, as charon's."""
        flags = "flag esn af-unspec" if self.word.endswith("-esn") else "flag af-unspec"
        encapsulation = f"encap espinudp {NAT_PORT} {NAT_PORT} 0.0.0.0" if self.outer.in_udp else ""
        net, ours, theirs = f"10.2.{self.number}.0/24", self.outer.ours, self.outer.theirs
        lines = [f"addr add {self.address}/24 dev lo"]
        for way, source, target in (("in", theirs, ours), ("out", ours, theirs)):
            lines.append(f"xfrm state add src {source} dst {target} proto esp spi {self.spis[way]:#x} "
                         f"reqid {self.number} mode tunnel {flags} replay-window 32 {self._algorithm(way)} "
                         f"{encapsulation}")
        template = f"proto esp reqid {self.number} mode tunnel"
        for way, source, target, outside in (("out", net, "10.1.0.0/24", f"src {theirs} dst {ours}"),
                                             ("in", "10.1.0.0/24", net, f"src {ours} dst {theirs}")):
            lines.append(f"xfrm policy add src {source} dst {target} dir {way} tmpl {outside} {template}")
        return "\n".join(lines)


def connection(name, outer, children):
    return f"""
[[ipsec.connection]]
name = "{name}"
local = {{ address = "{outer.ours}" }}
remote = {{ address = "{outer.theirs}" }}
encapsulation = "{outer.encapsulation}"
allow_legacy = true
lab = true
""" + "".join(child.toml() for child in children)


def errors(linux):
    """What the kernel's ESP has refused, as it said last."""
    lines = [line for line in linux.text().splitlines() if line.startswith("XFRM")]
    return dict(pair.split("=") for pair in lines[-1].split()[1:]) if lines else None


def interoperate(lab, outer, suites=SUITES):
    """The gateway, after it and Linux have understood each other."""
    mine, theirs = lab.namespace("gw1"), lab.namespace("gw2")
    lab.link(mine, "vwan", theirs, "vwan")
    client = host(lab, 1, mine)
    forwarding(lab, mine)
    children = [Child(n, suite, outer) for n, suite in enumerate(suites, 1)]
    files = {name: text for child in children for name, text in child.files().items()}
    gateway = Gateway(lab, "gateway1", mine, dataplane(workers=2) + ports(1) + """
[[ipsec]]
name = "ipsec0"
addresses = ["172.31.0.1/30"]
""" + connection("linux", outer, children), files)
    gateway.up()
    linux = LinuxKernel(lab, theirs, ["vwan"], """
ip link set vec0 up
ip addr add 192.0.2.2/24 dev vec0
ip addr add 2001:db8::2/64 dev vec0 nodad
ip route add 10.1.0.0/24 via 192.0.2.1
ip -batch - <<'END'
""" + "\n".join(child.linux() for child in children) + f"""
END
{LISTENER if outer.in_udp else ""}
until ping -n -q -c 1 -W 1 {outer.ours} > /run/ping; do :; done
""" + """
# There is no /dev/null, here as for the listener.
(while sleep 0.5; do echo XFRM $(awk '{print $1 "=" $2}' /proc/net/xfrm_stat); done) < /proc/version &
""")
    wire = Wire(lab, theirs, sealed=outer.sealed)
    answers = ping_at_once(lab, *((client, child.address) for child in children))
    for child, count in zip(children, answers):
        check(count == 3, f"{child.word}: {count} of 3 pings are answered: "
              f"{gateway.losses()}, Linux {errors(linux)}")
    flood(lab, client, gateway, children[0])
    wait_for("what Linux has counted", lambda: errors(linux) is not None)
    time.sleep(1)
    refused = {name: count for name, count in errors(linux).items() if count != "0"}
    check(not refused, f"Linux refused ESP packets: {refused}")
    shown = {c["name"]: c for c in gateway.ask("show", "children")["children"]}
    check(all(shown[f"net-{c.number}"]["rx_packets"] >= 3 for c in children), f"children: {shown}")
    stages = [stage["stage"] for worker in gateway.ask("show", "workers")["workers"]
              for stage in worker["stages"] if stage["packets"] > 0]
    check("esp_encap" in stages and "esp_decap" in stages, f"stages: {stages}")
    plain_packets, sealed = wire.stop()
    check(plain_packets == 0, f"{plain_packets} plain packets on the underlay:\n{wire.plain_lines()[-2000:]}")
    check(sealed > 100, f"only {sealed} sealed packets were seen on the underlay")
    linux.power_off()
    return gateway


def flood(lab, client, gateway, child):
    """Two workers toward a window of 32: many flows at once, none of which is a replay to the peer."""
    lab.inside(client, "python3", "-c", f"""
import socket, time
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(16)]
for burst in range(60):
    for s in sockets * 4:
        s.sendto(b"x" * 100, ("{child.address}", 9))
    time.sleep(0.02)
""", seconds=30)
    busy = [w for w in gateway.ask("show", "workers")["workers"] if w["rx_packets"] > 100]
    check(len(busy) == 2, f"{len(busy)} of 2 workers have received the flows")


def used_once(gateway):
    """Keys that were used are refused by the next start, whatever became of the last one."""
    gateway.end()
    gateway.begin()
    status = gateway.process.wait(30)
    check(status != 0 and "used before" in gateway.log_text(),
          f"keys are used twice: status {status}\n{gateway.log_text()[-1000:]}")


def over_ipv4(lab):
    used_once(interoperate(lab, OVER_IPV4))


def over_ipv6(lab):
    interoperate(lab, OVER_IPV6, some_suites("aes256gcm16-esn", "chacha20poly1305-esn", "aes128-sha256"))


def in_udp(lab):
    interoperate(lab, IN_UDP, some_suites("aes128gcm16", "chacha20poly1305-esn", "aes256-sha512-esn"))


main(over_ipv4, over_ipv6, in_udp)
