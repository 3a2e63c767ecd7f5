#!/usr/bin/env python3
"""ESP with keys from files toward the Linux kernel's: each class of suite."""
import os
import sys
import time

from lab import (SKIPPED, Gateway, Wire, check, command, dataplane, forwarding, host, main, ping_at_once,
                 ports, wait_for)
from linux_kernel import LinuxKernel, kernel

if kernel() is None:
    print("no User-Mode Linux kernel: tests/interop/uml/build /var/cache/gotthard/linux-uml makes one")
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


class Child:
    """A pair of SAs for 10.2.NUMBER.0/24, as both ends have it."""

    def __init__(self, number, suite):
        self.number = number
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
        window = "flag esn replay-window 32" if self.word.endswith("-esn") else "replay-window 32"
        net, ours, theirs = f"10.2.{self.number}.0/24", "192.0.2.1", "192.0.2.2"
        lines = [f"addr add {self.address}/24 dev lo"]
        for way, source, target in (("in", theirs, ours), ("out", ours, theirs)):
            lines.append(f"xfrm state add src {source} dst {target} proto esp spi {self.spis[way]:#x} "
                         f"reqid {self.number} mode tunnel {window} {self._algorithm(way)}")
        template = f"proto esp reqid {self.number} mode tunnel"
        lines.append(f"xfrm policy add src {net} dst 10.1.0.0/24 dir out tmpl src {theirs} dst {ours} {template}")
        lines.append(f"xfrm policy add src 10.1.0.0/24 dst {net} dir in tmpl src {ours} dst {theirs} {template}")
        return "\n".join(lines)


def connection(name, children):
    return f"""
[[ipsec.connection]]
name = "{name}"
local = {{ address = "192.0.2.1" }}
remote = {{ address = "192.0.2.2" }}
encapsulation = "none"
allow_legacy = true
lab = true
""" + "".join(child.toml() for child in children)


def errors(linux):
    """What the kernel's ESP has refused, as it said last."""
    lines = [line for line in linux.text().splitlines() if line.startswith("XFRM")]
    return dict(pair.split("=") for pair in lines[-1].split()[1:]) if lines else None


def interoperate(lab):
    mine, theirs = lab.namespace("gw1"), lab.namespace("gw2")
    lab.link(mine, "vwan", theirs, "vwan")
    client = host(lab, 1, mine)
    forwarding(lab, mine)
    children = [Child(n, suite) for n, suite in enumerate(SUITES, 1)]
    files = {name: text for child in children for name, text in child.files().items()}
    gateway = Gateway(lab, "gateway1", mine, dataplane(workers=2) + ports(1) + """
[[ipsec]]
name = "ipsec0"
addresses = ["172.31.0.1/30"]
""" + connection("linux", children), files)
    gateway.up()
    linux = LinuxKernel(lab, theirs, ["vwan"], """
ip link set vec0 up
ip addr add 192.0.2.2/24 dev vec0
ip route add 10.1.0.0/24 via 192.0.2.1
ip -batch - <<'END'
""" + "\n".join(child.linux() for child in children) + """
END
until ping -n -q -c 1 -W 1 192.0.2.1 > /run/ping; do :; done
(while sleep 0.5; do echo XFRM $(awk '{print $1 "=" $2}' /proc/net/xfrm_stat); done) < /proc/version &  # there is no /dev/null
""")
    wire = Wire(lab, theirs, sealed="ip proto 50")
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
    used_once(gateway)


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


main(interoperate)
