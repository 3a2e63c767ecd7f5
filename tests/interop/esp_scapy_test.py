#!/usr/bin/python3
"""ESP packet by packet, against scapy's: what is sealed, what is opened, and what must not get in.

Debian's Python, which has Debian's scapy.
"""
import itertools
import socket
import sys

from lab import SKIPPED, Failed, Gateway, check, command, dataplane, main, ports, wait_for
from products import pairwise, product

try:
    import cryptography  # noqa: F401  scapy has no ciphers without it
    import scapy.layers.ipsec  # noqa: F401
except ImportError as missing:
    print(f"not installed: {missing.name}")
    sys.exit(SKIPPED)

from esp_oracle import HOST, PORT, Link, Peer, parse, suites
from frames import socket_in

FULL = "--full" in sys.argv
OPTIONS = {"suite": suites(), "inside": (4, 6, "transport"), "outside": (4, 6),
           "encapsulation": ("none", "udp")}
HOSTILE = {**OPTIONS, "suite": ("aes128gcm16", "chacha20poly1305-esn", "aes256-sha512")}
TRANSPORT = {**OPTIONS, "suite": ("aes256gcm16",), "inside": ("transport",)}
WINDOW = 1024
BLOCK = 64  # of numbers, which the window forgets together
MARKER = bytes(4)  # where ESP has its SPI (RFC 3948, 2.2)
WAYS = """
[[route]]
destination = "198.18.0.0/16"
via = "192.0.2.2"
[[route]]
destination = "2001:db8:18::/64"
via = "2001:db8::2"
"""


class Stand:
    """One gateway; the peers and the host behind it are the test's packet sockets."""

    def __init__(self, lab, rows, **options):
        self.namespace, peer, host = (lab.namespace(name) for name in ("gw1", "peer", "host1"))
        for other in (peer, host):
            lab.inside(other, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        lab.link(self.namespace, "vwan", peer, "vwan")
        lab.link(self.namespace, "vlan", host, "v0")
        self.peers = [Peer(number, **row) for number, row in enumerate(rows, 1)]
        files = {name: text for peer in self.peers for name, text in peer.files().items()}
        self.gateway = Gateway(lab, "gateway1", self.namespace, dataplane(**options) + ports(1) + WAYS + """
[[ipsec]]
name = "ipsec0"
addresses = ["172.31.1.1/30"]
""" + "".join(peer.toml() for peer in self.peers), files)
        self.gateway.up()
        self.know("wan", peer, "vwan", "192.0.2.2", "2001:db8::2")
        self.know("lan", host, "v0", *HOST.values())
        self.underlay = Link(peer, "vwan", mac(self.namespace, "vwan"))
        self.host = Link(host, "v0", mac(self.namespace, "vlan"))
        self.tunnel = Link(self.namespace, "ipsec0")
        self.twin = Link(self.namespace, "wan")
        # The kernel does not answer what somebody listens for.
        self.listener = socket_in(self.namespace, socket.AF_INET6, socket.SOCK_DGRAM)
        self.listener.bind(("::", PORT))
        self.dropped = self.gateway.drops()

    def know(self, port, namespace, device, *addresses):
        for address in addresses:
            command("ip", "-n", self.namespace, "neigh", "replace", address, "lladdr",
                    mac(namespace, device).hex(":"), "dev", port, "nud", "permanent")
        wait_for(f"neighbours {addresses}", lambda: set(addresses) <= {
            n["address"] for n in self.gateway.ask("show", "neighbours")["neighbours"]})

    def behind(self, peer):
        """Where its packets come out: in transport mode the gateway's kernel has them."""
        return self.tunnel if peer.transport else self.host

    def come_in(self, peer, packets, sealed):
        """They arrive, in their order."""
        for data in sealed:
            self.underlay.send(data)
        self._are(peer, self.behind(peer).receive(len(packets)), packets)

    def go_out(self, peer, packets):
        for packet in packets:
            self.behind(peer).send(bytes(packet))
        self._are(peer, [peer.opened(data) for data in self.underlay.receive(len(packets))], packets)

    def _are(self, peer, arrived, packets):
        for packet, data in itertools.zip_longest(packets, arrived):
            if data != peer.past_the_gateway(packet):
                raise Failed(f"{peer.name}: {packet!r} arrived as {data and parse(data)!r}: "
                             f"{self.gateway.losses()}")

    def refused(self, peer, what, packet, reason):
        """Counted for that reason and no other, and nothing comes of it."""
        self.underlay.send(packet)
        before = self.dropped

        def counted():
            self.silence(f"{peer.name}: {what}")
            self.dropped = self.gateway.drops()
            return self.dropped != before

        wait_for(f"{peer.name}: {what} to be counted", counted)
        found = {r: n - before[r] for r, n in self.dropped.items() if n != before[r]}
        check(found == {reason: 1}, f"{peer.name}: {what} is not {reason} but {found}")

    def silence(self, what):
        links = (self.underlay, self.host, self.tunnel)
        rest = {link.device: found for link in links if (found := link.rest())}
        check(not rest, f"{what}: packets that nobody has sent: {rest}")


def mac(namespace, device):
    text = command("ip", "netns", "exec", namespace, "cat", f"/sys/class/net/{device}/address")
    return bytes.fromhex(text.strip().replace(":", ""))


def both_ways(lab):
    """Each suite in each surroundings: packets of all lengths that padding is for."""
    stand = Stand(lab, product(OPTIONS) if FULL else pairwise(OPTIONS))
    for peer in stand.peers:
        packets = [peer.packet(size) for size in range(peer.unit())]
        stand.come_in(peer, packets, map(peer.seal, packets))
        stand.go_out(peer, [peer.answer(size) for size in range(peer.unit())])
    stand.silence("at the end")
    dropped = {reason: count for reason, count in stand.gateway.drops().items() if count}
    check(not dropped, f"good packets, or others, were dropped: {dropped}")


def flipped(packet, at):
    return packet[:at] + bytes([packet[at] ^ 0x10]) + packet[at + 1:]


def forgeries(peer, sealed):
    """Of a good packet, which has not been sent."""
    esp_at = peer.esp_at()
    esp = sealed[esp_at:]
    iv = peer.inbound.crypt_algo.iv_size
    end = len(sealed)
    for what, at in (("number", esp_at + 7), ("IV", esp_at + 8), ("text", esp_at + 8 + iv),
                     ("trailer", end - peer.icv() - 1), ("ICV's begin", end - peer.icv()), ("ICV", end - 1)):
        yield f"a bit of the {what} flipped", flipped(sealed, at), "esp_open_failed"
    yield "a bit of the SPI flipped", flipped(sealed, esp_at + 2), "esp_unknown_spi"
    if peer.encapsulation == "none":
        yield "SPI 0", peer.around(MARKER + esp[len(MARKER):]), "esp_unknown_spi"
    yield "a packet with its last byte cut off", peer.around(esp[:-1]), "esp_bad_length"
    yield "a packet with nothing after its number", peer.around(esp[:8]), "esp_bad_length"
    yield "half a number", peer.around(esp[:6]), "esp_bad_length"
    yield "a packet of less than its IP header says", sealed[:-1], "bad_ip_header"
    if peer.encapsulation == "udp":
        longer = peer.around(esp, len=9 + len(esp))
        yield "a packet of less than its UDP header says", longer, "bad_udp_length"


def texts(peer):
    """Authentic ones that nobody sends who keeps to the protocol."""
    packet = peer.packet(5)
    payload, header = peer.payload(packet)
    padding = peer.padding(payload, longest=True)
    yield "padding of zeros", peer.seal_text(payload, bytes(len(padding)), header), "esp_bad_padding"
    wrong = padding[:-1] + b"\0"
    yield "a wrong byte of padding", peer.seal_text(payload, wrong, header), "esp_bad_padding"
    short = peer.padding(b"")
    beyond = peer.seal_text(b"", short, header, len(short) + 1)
    yield "a pad length beyond the text", beyond, "esp_bad_padding"
    yield "a packet from a stranger", peer.seal(peer.packet(src=peer.stranger())), "esp_selector_denied"
    if not peer.transport:
        yield "a packet to a stranger", peer.seal(peer.packet(dst=peer.stranger())), "esp_selector_denied"
        other = {4: 41, 41: 4}[header]
        yield "a packet of another version", peer.seal_text(payload, padding, other), "esp_inner_invalid"


def hostile(lab):
    """What is not sealed by the peer, not for the SA or not sound is counted, and nothing comes of it."""
    stand = Stand(lab, product(HOSTILE) if FULL else pairwise(HOSTILE), replay_window=WINDOW)
    for peer in stand.peers:
        packet = peer.packet(20)
        sealed = peer.seal(packet)
        for what, forged, reason in forgeries(peer, sealed):
            stand.refused(peer, what, forged, reason)
        # Nothing of that has moved its window.
        stand.come_in(peer, [packet], [sealed])
        stand.refused(peer, "a replay", sealed, "esp_replay")
        stand.refused(peer, "number 0", peer.seal(packet, 0), "esp_sequence_zero")
        for what, authentic, reason in texts(peer):
            stand.refused(peer, what, authentic, reason)
            stand.refused(peer, f"a replay of {what}", authentic, "esp_replay")
        if not peer.transport:
            stand.refused(peer, "a plain packet", bytes(packet), "inside_from_underlay")
        if peer.encapsulation == "udp":
            nat(stand, peer)
        unusual(stand, peer)
        edges(stand, peer)


def nat(stand, peer):
    """What else comes to the port of ESP in UDP."""
    stand.refused(peer, "a keepalive", peer.around(b"\xff"), "esp_keepalive")
    stand.refused(peer, "a marker of no IKE", peer.around(MARKER), "esp_bad_length")
    if peer.transport:  # the kernel's answer would come through the SA
        return
    # IKE is the kernel's to give to who listens, whatever follows the marker.
    esp = peer.seal(peer.packet(20))[peer.esp_at():]
    ike = peer.around(MARKER + esp[len(MARKER):])
    stand.twin.rest()
    stand.underlay.send(ike)
    came = stand.twin.receive(1)
    check(came == [ike], f"{peer.name}: IKE behind a marker arrived as {[c.hex() for c in came]}")
    stand.silence(f"{peer.name}: IKE")


def unusual(stand, peer):
    """Sound, but not as scapy makes it: more padding, a padded packet (RFC 4303, 2.7), a dummy (2.6)."""
    packet = peer.packet(20)
    payload, header = peer.payload(packet)
    sealed = [peer.seal_text(payload, peer.padding(payload, longest=True), header)]
    if not peer.transport:
        longer = payload + bytes(50)
        sealed.append(peer.seal_text(longer, peer.padding(longer), header))
    sealed += [peer.seal_text(b"", peer.padding(b""), socket.IPPROTO_NONE), peer.seal(packet)]
    stand.come_in(peer, [packet] * (len(sealed) - 1), sealed)


def edges(stand, peer):
    """Of the window, and of the numbers that packets show."""
    packet = peer.packet(20)
    for top in (0x7FFFFFFF, 0xFFFFFFFE):
        numbers = (top, top - WINDOW + BLOCK, top - 1)
        stand.come_in(peer, [packet] * len(numbers), [peer.seal(packet, number) for number in numbers])
        stand.refused(peer, f"{top - WINDOW:#x}, a late number", peer.seal(packet, top - WINDOW), "esp_late")
    if peer.extended:
        numbers = (0xFFFFFFFF, 1 << 32, (1 << 32) + 1)
        stand.come_in(peer, [packet] * len(numbers), [peer.seal(packet, number) for number in numbers])
        stand.refused(peer, "a number of 2^32 packets ago", peer.seal(packet, 2), "esp_open_failed")


def only_sealed(lab):
    """In transport mode the selectors name what comes in the clear, too: it is not let in (RFC 4301, 5.2)."""
    stand = Stand(lab, product(TRANSPORT))
    came = {}
    for peer in stand.peers:
        packet = bytes(peer.packet(20))
        stand.underlay.send(packet)
        came[peer.name] = [p.hex() for p in stand.twin.receive(1, seconds=1) if p == packet]
    came = {name: packets for name, packets in came.items() if packets}
    check(not came, f"plain packets that the selectors name have reached the gateway's kernel: {came}")


def only_the_peer(lab):
    """What an SA brings from another address in transport mode is refused, and leads nothing there."""
    stand = Stand(lab, product(TRANSPORT))
    for peer in stand.peers:
        stand.go_out(peer, [peer.answer(20)])
        astray = peer.seal(peer.packet(20, src=peer.stranger()))
        stand.refused(peer, "a packet from a stranger", astray, "esp_selector_denied")
        stand.go_out(peer, [peer.answer(20)])


main(both_ways, hostile, only_sealed, only_the_peer)
