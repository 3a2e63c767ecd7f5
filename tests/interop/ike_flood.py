"""Strangers who begin IKE and never go on: IKE_SA_INIT requests from many addresses, at a bounded rate."""
import os
import socket
import struct
import threading
import time

from frames import socket_in

SOURCES = "198.51.100.{}"  # of RFC 5737
SA = bytes.fromhex("22000028" "00000024010100030300000c01000014800e0100" "0300000802000006" "000000080400001f")


def request():
    """AES-256-GCM, HMAC-SHA-384, X25519: what is answered, were there no flood."""
    shares = struct.pack(">BBHHH", 40, 0, 40, 31, 0) + os.urandom(32) + struct.pack(">BBH", 0, 0, 36) + os.urandom(32)
    body = SA + shares
    return os.urandom(8) + bytes(8) + struct.pack(">BBBBII", 33, 0x20, 34, 8, 0, 28 + len(body)) + body


def packet(source, target, payload):
    """IPv4 and UDP: the kernel fills in IP's checksum, and without one of UDP none is wrong."""
    length = 20 + 8 + len(payload)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, length, 0, 0, 64, socket.IPPROTO_UDP, 0, socket.inet_aton(source),
                     socket.inet_aton(target))
    return ip + struct.pack(">HHHH", 500, 500, 8 + len(payload), 0) + payload


class Flood:
    def __init__(self, namespace, target, rate):
        self.socket = socket_in(namespace, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.target, self.rate, self.sent, self.ended = target, rate, 0, False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        begin = time.monotonic()
        while not self.ended and time.monotonic() < begin + 60:
            while self.sent < self.rate * (time.monotonic() - begin):
                source = SOURCES.format(1 + self.sent % 254)
                self.socket.sendto(packet(source, self.target, request()), (self.target, 0))
                self.sent += 1
            time.sleep(0.005)

    def stop(self):
        """How many were sent."""
        self.ended = True
        self.thread.join()
        self.socket.close()
        return self.sent
