"""Whole frames at a device of a namespace: what has arrived, and sending the very same again."""
import ctypes
import os
import socket
import struct
import threading

ETH_P_ALL = 3
SO_ATTACH_FILTER = 26
CLONE_NEWNET = 0x40000000
WIREGUARD_PORT = 51820
INITIATION, INITIATION_LENGTH = 1, 148
RESPONSE, RESPONSE_LENGTH = 2, 92
HEADERS = 14 + 20 + 8  # Ethernet, IPv4 without options, UDP


def only_handshakes(link):
    """The kernel passes on frames of the two lengths: a stream of others costs nothing here."""
    load_length, equal, give = 0x80, 0x15, 0x06
    program = [(load_length, 0, 0, 0), (equal, 1, 0, HEADERS + INITIATION_LENGTH),
               (equal, 0, 1, HEADERS + RESPONSE_LENGTH), (give, 0, 0, 0xFFFF), (give, 0, 0, 0)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    link.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                    struct.pack("HL", len(program), ctypes.addressof(code)))


def socket_in(namespace, *kind):
    """Made by a thread that entered the namespace; a socket stays where it was made."""
    made = []

    def make():
        handle = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(handle, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
            made.append(socket.socket(*kind))
        except OSError as error:
            made.append(error)
        finally:
            os.close(handle)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


def packet_socket(namespace, device):
    """Hears nothing before it is bound."""
    link = socket_in(namespace, socket.AF_PACKET, socket.SOCK_RAW)
    only_handshakes(link)
    link.bind((device, ETH_P_ALL))
    return link


class Frames:
    """Keeps the WireGuard handshake messages that arrive; `send` puts a frame on the wire."""

    def __init__(self, namespace, device):
        self.link = packet_socket(namespace, device)
        self.seen = []
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        while True:
            try:
                frame, (_, _, direction, *_) = self.link.recvfrom(2048)
            except OSError:  # the namespace goes away
                return
            if direction != socket.PACKET_OUTGOING and handshake_type(frame):
                self.seen.append(frame)

    def of_type(self, wanted):
        return [frame for frame in list(self.seen) if handshake_type(frame) == wanted]

    def send(self, frame):
        self.link.send(frame)


def handshake_type(frame):
    """INITIATION or RESPONSE in IPv4 without options from and to WireGuard's port; None otherwise."""
    if len(frame) < HEADERS or frame[12:15] != b"\x08\x00\x45" or frame[23] != socket.IPPROTO_UDP:
        return None
    source, destination, length = (int.from_bytes(frame[at:at + 2], "big") for at in (34, 36, 38))
    if (source, destination) != (WIREGUARD_PORT, WIREGUARD_PORT):
        return None
    known = {(INITIATION, INITIATION_LENGTH), (RESPONSE, RESPONSE_LENGTH)}
    return frame[HEADERS] if (frame[HEADERS], length - 8) in known else None
