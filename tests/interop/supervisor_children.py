#!/usr/bin/python3
"""Stand-ins for gotthard-dataplane and gotthard-control, told apart by the name they are run by.

They speak just enough of dataplane/abi/channel.h and control/broker/message.h for the supervisor's
test, and write what they see of themselves to $GOTTHARD_TEST_REPORT/NAME.json.
"""
import array
import json
import os
import signal
import socket
import struct
import sys

NAME = os.path.basename(sys.argv[0])
REPORT = os.environ["GOTTHARD_TEST_REPORT"]
BEHAVIOUR = os.environ.get("GOTTHARD_TEST_BEHAVIOUR", "")
MAX_MESSAGE = 8192


def open_descriptors():
    found = {}
    for fd in os.listdir("/proc/self/fd"):
        try:
            found[fd] = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:  # the listing's own
            pass
    return found


INHERITED = open_descriptors()


def option(name):
    return int(sys.argv[sys.argv.index(name) + 1])


def options(name):
    return [sys.argv[i + 1] for i, word in enumerate(sys.argv) if word == name]


def receive(sock):
    data, control, _, _ = sock.recvmsg(MAX_MESSAGE, socket.CMSG_SPACE(16 * 4))
    fds = array.array("i")
    for level, kind, payload in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload[: len(payload) - len(payload) % 4])
    return data, list(fds)


def status_of_self():
    with open("/proc/self/status") as file:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return {key: lines[key] for key in ("Uid", "Groups", "CapEff", "CapPrm", "CapBnd", "NoNewPrivs")}


def report(**more):
    state = {"pid": os.getpid(), "argv": sys.argv[1:], "fds": INHERITED, "status": status_of_self(), **more}
    path = f"{REPORT}/{NAME}.json"
    with open(path + ".new", "w") as file:
        json.dump(state, file)
    os.rename(path + ".new", path)


def dataplane():
    host = socket.socket(fileno=option("--supervisor-fd"))
    if BEHAVIOUR == "dataplane_fails":
        host.send(struct.pack("<II496s96s", 1, 2, b"no such port", b""))
        sys.exit(1)
    macs = bytes(6)
    if BEHAVIOUR == "dataplane_mac":
        macs = bytes.fromhex("02aabbccddee")
    host.send(struct.pack("<II496s96s", 1, 1, b"", macs))
    attachments = []
    while True:
        report(attachments=len(attachments))
        data, fds = receive(host)
        if not data:
            sys.exit(3)
        version, kind = struct.unpack_from("<II", data)
        if kind == 1:
            attachments.append(socket.socket(fileno=fds[0]))
            attachments[-1].send(b"attached %d" % os.getpid())
        elif kind == 2:
            report(attachments=len(attachments), stopped=True)
            sys.exit(0)


def take_configuration(broker):
    data, fds = receive(broker)
    text_size, key_files = struct.unpack_from("<II", data, 16)
    text = os.pread(fds[0], text_size, 0).decode()
    try:
        os.pwrite(fds[0], b"x", 0)
        sealed = False
    except PermissionError:
        sealed = True
    keys = {}
    for _ in range(key_files):
        data, fds = receive(broker)
        path = data[24:].rstrip(b"\0").decode()
        keys[path] = os.pread(fds[0], 4096, 0).decode()
        os.close(fds[0])
    return {"text": text, "keys": keys, "sealed": sealed}


def control():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    broker = socket.socket(fileno=option("--broker-fd"))
    listener = socket.socket(fileno=option("--listen-fd"))
    listener.setblocking(True)
    link = socket.socket(fileno=option("--dataplane-fd"))
    checkpoint = option("--checkpoint-fd")
    generation = os.pread(checkpoint, 1, 0)[0] + 1
    os.pwrite(checkpoint, bytes([generation]), 0)
    configuration = take_configuration(broker)
    greeting = link.recv(100).decode(errors="replace")
    if BEHAVIOUR == "control_dies":
        sys.exit(7)
    report(configuration=configuration, generation=generation, greeting=greeting)
    broker.send(struct.pack("<HHIQQ", 1, 0, 0, 0, 0))
    while True:  # operators send one request to pass on, in hexadecimal digits, or "attach"
        client, _ = listener.accept()
        words = client.makefile().readline().strip()
        if words == "attach":
            data, fds = receive(broker)
            link = socket.socket(fileno=fds[0])
            greeting = link.recv(100).decode(errors="replace")
            report(configuration=configuration, generation=generation, greeting=greeting)
            client.send(data.hex().encode())
        else:
            broker.send(bytes.fromhex(words))
            client.send(receive(broker)[0].hex().encode())
        client.close()


if __name__ == "__main__":
    dataplane() if NAME == "gotthard-dataplane" else control()
