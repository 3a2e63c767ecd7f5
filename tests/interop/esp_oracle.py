"""A peer made of packets: ESP sealed and opened by scapy, none of which is the gateway's code.

Keys are files that both have. The peer has no kernel that would answer for it: what it sends and sees
are IP packets at a device.
"""
import os
import socket
import struct
import time

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import (AUTH_ALGOS, CRYPT_ALGOS, ESP, IPSecIntegrityError, SecurityAssociation,
                                _ESPPlain)
from scapy.packet import Raw

from frames import ETH_P_ALL, socket_in
from programs import check

# Our words: scapy's cipher, its key's and its salt's bytes, scapy's MAC, its key's bytes.
SUITES = {
    **{f"aes{bits}gcm16": ("AES-GCM", bits // 8, 4, None, 0) for bits in (128, 192, 256)},
    "chacha20poly1305": ("CHACHA20-POLY1305", 32, 4, None, 0),
    **{f"aes{bits}gmac": ("AES-NULL-GMAC", bits // 8, 4, None, 0) for bits in (128, 192, 256)},
    **{f"aes{bits}-sha{size}": ("AES-CBC", bits // 8, 0, f"SHA2-{size}-{size // 2}", size // 8)
       for bits in (128, 192, 256) for size in (256, 384, 512)},
}
EXTENDED = "-esn"
PORT = 9000
NAT_PORT = 4500
IP_OF = {4: IP, 6: IPv6}
ETHERTYPES = {4: 0x0800, 6: 0x86DD}
HOST = {4: "10.1.0.2", 6: "fd01::2"}
OURS = {4: "192.0.2.1", 6: "2001:db8::1"}
STRANGERS = {4: "198.18.255.9", 6: "2001:db8:18::ffff"}


def suites():
    """Those that this scapy has. 2.5 knows extended sequence numbers of ESP with AEADs only."""
    known = [word for word, (cipher, _, _, mac, _) in SUITES.items()
             if cipher in CRYPT_ALGOS and (mac is None or mac in AUTH_ALGOS)]
    return known + [word + EXTENDED for word in known if SUITES[word][3] is None]


def parse(packet):
    return IP_OF[packet[0] >> 4](packet)


def renewed(packet):
    """Its bytes with lengths and checksums as scapy works them out; a UDP checksum may be left out."""
    packet = packet.copy()
    for layer, fields in ((IP, ("len", "chksum")), (IPv6, ("plen",)), (UDP, ("len", "chksum"))):
        if layer in packet:
            for field in fields:
                if not (layer is UDP and field == "chksum" and packet[UDP].chksum == 0):
                    delattr(packet[layer], field)
    return bytes(packet)


def neighbours_talk(protocol, packet):
    """Address resolution, and what IPv6 tells groups."""
    return protocol not in ETHERTYPES.values() or (
        protocol == ETHERTYPES[6] and (packet[6] == 0 or (packet[6] == 58 and 133 <= packet[40] <= 137)))


class Link:
    """IP packets at a device of a namespace: what comes in there, and sending to the other end."""

    def __init__(self, namespace, device, mac=b""):
        self.device = device
        self.mac = mac
        self.socket = socket_in(namespace, socket.AF_PACKET, socket.SOCK_DGRAM)
        self.socket.bind((device, ETH_P_ALL))

    def send(self, packet):
        self.socket.sendto(packet, (self.device, ETHERTYPES[packet[0] >> 4], 0, 0, self.mac))

    def receive(self, count, seconds=5):
        """As many, or those that came in time."""
        packets = []
        deadline = time.monotonic() + seconds
        while len(packets) < count:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                packet, (_, protocol, direction, *_) = self.socket.recvfrom(65536)
            except TimeoutError:
                break
            if direction != socket.PACKET_OUTGOING and not neighbours_talk(protocol, packet):
                packets.append(packet)
        return packets

    def rest(self):
        """What is there that nobody has asked for."""
        return [packet.hex() for packet in self.receive(100, seconds=0)]


class Peer:
    """The other end of a child of the gateway's."""

    def __init__(self, number, suite, inside, outside, encapsulation):
        self.name = f"{number} {suite} {inside} in {outside} {encapsulation}"
        self.number = number
        self.suite = suite
        self.extended = suite.endswith(EXTENDED)
        self.transport = inside == "transport"
        self.inside = outside if self.transport else inside
        self.outside = outside
        self.encapsulation = encapsulation
        bytes_of = f"{number >> 8}.{number & 255}"
        self.ours = OURS[outside]
        self.theirs = {4: f"198.18.{bytes_of}", 6: f"2001:db8:18::{number:x}"}[outside]
        self.near = self.ours if self.transport else HOST[inside]
        self.far = self.theirs if self.transport else {4: f"10.2.{bytes_of}", 6: f"fd02::{number:x}"}[inside]
        self.spis = {"in": 0x1000 + number, "out": 0x2000 + number}
        self.cipher, self.key, self.salt, self.mac, self.mac_key = SUITES[suite.removesuffix(EXTENDED)]
        self.keys = {way: os.urandom(self.key + self.salt + self.mac_key) for way in self.spis}
        self.inbound = self.association("in", self.theirs, self.ours)
        self.outbound = self.association("out", self.ours, self.theirs)
        self.last_sealed = 0
        self.last_opened = 0

    def association(self, way, source, target):
        key = self.keys[way]
        return SecurityAssociation(
            ESP, spi=self.spis[way], crypt_algo=self.cipher, crypt_key=key[:self.key + self.salt],
            auth_algo=self.mac, auth_key=key[self.key + self.salt:],
            tunnel_header=None if self.transport else IP_OF[self.outside](src=source, dst=target),
            nat_t_header=self.udp() if self.encapsulation == "udp" else None,
            esn_en=self.extended)

    @staticmethod
    def udp():
        return UDP(sport=NAT_PORT, dport=NAT_PORT, chksum=0)

    def unit(self):
        """A text is of so many bytes or a multiple: so many lengths of padding there are."""
        return max(4, self.inbound.crypt_algo.block_size)

    def padding(self, payload, longest=False):
        """1, 2, 3 and on to the end of a unit: the next, or the last that a length of one byte can say."""
        unit = self.unit()
        length = -(len(payload) + 2) % unit
        if longest:
            length += (255 - length) // unit * unit
        return bytes(range(1, length + 1))

    def esp_at(self):
        """Where ESP begins in what is sealed."""
        return {4: 20, 6: 40}[self.outside] + (8 if self.encapsulation == "udp" else 0)

    def icv(self):
        """Its bytes."""
        return self.inbound.crypt_algo.icv_size or self.inbound.auth_algo.icv_size

    def stranger(self):
        return STRANGERS[self.inside]

    def payload(self, packet):
        """What ESP has of it, and the number of what that is."""
        if self.transport:
            return bytes(packet.payload), socket.IPPROTO_UDP
        return bytes(packet), {4: socket.IPPROTO_IPIP, 6: socket.IPPROTO_IPV6}[self.inside]

    def files(self):
        return {f"{self.number}.{way}": key.hex() + "\n" for way, key in self.keys.items()}

    def toml(self):
        host = {4: 32, 6: 128}[self.inside]
        return f"""
[[ipsec.connection]]
name = "peer-{self.number}"
local = {{ address = "{self.ours}" }}
remote = {{ address = "{self.theirs}" }}
encapsulation = "{self.encapsulation}"
keepalive = 0
allow_legacy = true
lab = true
[[ipsec.connection.child]]
name = "child"
mode = "{'transport' if self.transport else 'tunnel'}"
local_ts = ["{self.near}/{host}"]
remote_ts = ["{self.far}/{host}"]
lab_keys = {{ suite = "{self.suite}", in_spi = "{self.spis['in']:#x}", in_key_file = "{self.number}.in", \
out_spi = "{self.spis['out']:#x}", out_key_file = "{self.number}.out" }}
"""

    # ---------------------------------------------------------------- to the gateway

    def packet(self, size=0, **other):
        """From behind this end, with `size` bytes in UDP."""
        return self._packet(size, **{"src": self.far, "dst": self.near, **other})

    def answer(self, size=0):
        """From behind the gateway."""
        return self._packet(size, src=self.near, dst=self.far)

    def _packet(self, size, **addresses):
        packet = IP_OF[self.inside](**addresses) / UDP(sport=PORT, dport=PORT) / Raw(os.urandom(size))
        return parse(bytes(packet))

    def past_the_gateway(self, packet):
        """As it leaves there, in the clear or in the tunnel. To and from the gateway itself it has no hop."""
        packet = packet.copy()
        if self.transport:
            return bytes(packet)
        packet[IP_OF[self.inside]].setfieldval({4: "ttl", 6: "hlim"}[self.inside], 63)
        return renewed(packet)

    def seal(self, packet, number=None):
        """With the next number, or another one. scapy 2.5 has lengths of UDP without what is in it."""
        return renewed(self._at(number).encrypt(packet))

    def seal_text(self, payload, padding, next_header, pad_length=None):
        """What scapy does not make: any end of a text, as authentic as a good one."""
        sa = self._at(None)
        plain = _ESPPlain(spi=sa.spi, seq=sa.seq_num, iv=sa.crypt_algo.generate_iv(), data=Raw(payload),
                          padding=padding, padlen=len(padding) if pad_length is None else pad_length,
                          nh=next_header)
        esp = sa.crypt_algo.encrypt(sa, plain, sa.crypt_key, sa.crypt_icv_size, esn_en=sa.esn_en,
                                    esn=sa.esn)
        sa.auth_algo.sign(esp, sa.auth_key)
        return self.around(bytes(esp))

    def around(self, payload, **udp):
        """An outer packet with that in the place of ESP."""
        header = IP_OF[self.outside](src=self.theirs, dst=self.ours)
        if self.encapsulation == "udp":
            packet = header / self.udp() / Raw(payload)
            for field, value in udp.items():
                packet[UDP].setfieldval(field, value)
            return bytes(packet)
        header.setfieldval({4: "proto", 6: "nh"}[self.outside], socket.IPPROTO_ESP)
        return bytes(header / Raw(payload))

    def _at(self, number):
        number = self.last_sealed + 1 if number is None else number
        self.last_sealed = max(self.last_sealed, number)
        self.inbound.seq_num, self.inbound.esn = number & 0xFFFFFFFF, number >> 32
        return self.inbound

    # ---------------------------------------------------------------- from the gateway

    def opened(self, data):
        """The packet inside. All that is around it is what scapy makes of it, with the same number and IV."""
        outer = parse(data)
        check((outer.src, outer.dst) == (self.ours, self.theirs) and ESP in outer,
              f"{self.name}: no ESP of ours: {data.hex()}")
        check(renewed(outer) == data, f"{self.name}: wrong length or checksum outside: {data.hex()}")
        esp = outer[ESP]
        if self.encapsulation == "udp":
            check(UDP in outer and (outer[UDP].sport, outer[UDP].dport) == (NAT_PORT, NAT_PORT),
                  f"{self.name}: not in UDP: {data.hex()}")
            check((outer[UDP].chksum == 0) == (self.outside == 4),
                  f"{self.name}: UDP has no checksum in IPv4 (RFC 3948, 2.1), and one in IPv6: {data.hex()}")
            # scapy 2.5 does not take it out of IPv6 in transport mode.
            outer = self._without_udp(outer)
        self.last_opened += 1
        check((esp.spi, esp.seq) == (self.spis["out"], self.last_opened), f"{self.name}: SPI {esp.spi:#x}, "
              f"number {esp.seq}, not {self.spis['out']:#x}, {self.last_opened}")
        sealed = bytes(esp)
        try:
            inner = bytes(self.outbound.decrypt(outer))
        except (IPSecIntegrityError, struct.error) as error:
            check(False, f"{self.name}: scapy cannot open number {esp.seq}: {error!r}")
        iv = sealed[8:8 + self.outbound.crypt_algo.iv_size]
        again = self.outbound.encrypt(IP_OF[self.inside](inner), seq_num=esp.seq, iv=iv)
        check(bytes(again[ESP]) == sealed, f"{self.name}: padding or next header are not scapy's, which "
              f"seals {inner.hex()} as {bytes(again[ESP]).hex()}, not {sealed.hex()}")
        return inner

    def _without_udp(self, outer):
        header, esp = outer.copy(), bytes(outer[UDP].payload)
        header.remove_payload()
        for field in {4: ("proto", "len", "chksum"), 6: ("nh", "plen")}[self.outside]:
            delattr(header, field)
        return parse(bytes(header / ESP(esp)))
