#!/usr/bin/env python3
"""Changes a namespace's IPv4 routes at a rate that `ip -batch` does not reach on a busy machine.

    churn.py RATE SECONDS: every change in its turn, late ones are caught up with; prints JSON
    churn.py fill COUNT: adds so many /24s by way of 10.1.0.2

The /24s from 11.0.0.0 on change between the tunnel and 10.1.0.2; 10.2.0.0/24 to 10.2.254.0/24, which the
tunnel's traffic goes by, come and go.
"""
import json
import socket
import struct
import sys
import time

RTM_NEWROUTE, RTM_DELROUTE = 24, 25
REQUEST, ACK, REPLACE, CREATE = 0x1, 0x4, 0x100, 0x400
RTA_DST, RTA_OIF, RTA_GATEWAY = 1, 4, 5
MAIN, BOOT, UNIVERSE, LINK, UNICAST = 254, 3, 0, 253, 1
AT_ONCE = 50  # in one message to the kernel
MANY = 90_000  # of the /24s


def attribute(kind, value):
    return struct.pack("HH", 4 + len(value), kind) + value


def change(kind, address, flags=0, device=None, gateway=None):
    """One rtnetlink message about a /24."""
    scope = LINK if device and not gateway else UNIVERSE
    body = struct.pack("BBBBBBBBI", socket.AF_INET, 24, 0, 0, MAIN, BOOT, scope, UNICAST, 0)
    body += attribute(RTA_DST, bytes(address))
    body += attribute(RTA_OIF, struct.pack("I", socket.if_nametoindex(device))) if device else b""
    body += attribute(RTA_GATEWAY, bytes(gateway)) if gateway else b""
    return struct.pack("IHHII", 16 + len(body), kind, REQUEST | flags, 0, 0) + body


def numbered(n):
    return 11 + (n >> 16), n >> 8 & 255, n & 255, 0


def open_kernel():
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    kernel.bind((0, 0))
    kernel.setblocking(False)
    return kernel


def errors_of(kernel):
    """Only what failed is answered."""
    count = 0
    while True:
        try:
            answer = kernel.recv(65536)
        except BlockingIOError:
            return count
        count += struct.unpack_from("i", answer, 16)[0] != 0


def turns():
    """Without end, as (all changes, those of them that matter to the traffic)."""
    to_host = [change(RTM_NEWROUTE, numbered(n), REPLACE | CREATE, "lan", (10, 1, 0, 2)) for n in range(MANY)]
    to_tunnel = [change(RTM_NEWROUTE, numbered(n), REPLACE | CREATE, "wg0") for n in range(MANY)]
    come = [change(RTM_NEWROUTE, (10, 2, n, 0), REPLACE | CREATE, "wg0") for n in range(255)]
    go = [change(RTM_DELROUTE, (10, 2, n, 0), device="wg0") for n in range(255)]
    turn = 0
    while True:
        at = turn // 2 * 490 % (MANY - 490)
        yield (to_host if turn % 2 else to_tunnel)[at:at + 490] + come + go
        turn += 1


def churn(rate, seconds):
    kernel = open_kernel()
    all_turns = turns()
    waiting = next(all_turns)
    made = errors = 0
    begin = time.monotonic()
    while (now := time.monotonic()) < begin + seconds:
        due = int((now - begin) * rate) - made
        while due > 0:
            while len(waiting) < AT_ONCE:
                waiting += next(all_turns)
            sent, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
            kernel.send(b"".join(sent))
            errors += errors_of(kernel)
            made += len(sent)
            due -= len(sent)
        time.sleep(0.002)
    print(json.dumps({"made": made, "seconds": time.monotonic() - begin, "errors": errors}))


def fill(count):
    kernel = open_kernel()
    messages = [change(RTM_NEWROUTE, numbered(n), CREATE, "lan", (10, 1, 0, 2)) for n in range(count)]
    errors = 0
    for at in range(0, count, AT_ONCE):
        kernel.send(b"".join(messages[at:at + AT_ONCE]))
        errors += errors_of(kernel)
    print(json.dumps({"made": count, "errors": errors}))


if __name__ == "__main__":
    if sys.argv[1] == "fill":
        fill(int(sys.argv[2]))
    else:
        churn(int(sys.argv[1]), float(sys.argv[2]))
