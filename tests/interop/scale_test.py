#!/usr/bin/env python3
"""A gateway with a thousand peers, all of them with traffic; with --full several thousand."""
import json
import pathlib
import re
import sys

from lab import (BUILD, Gateway, check, command, dataplane, forwarding, genkey, host, main, ports,
                 wait_for)

FULL = "--full" in sys.argv
PEERS = 8000 if FULL else 1000
FLEET = BUILD / "tests" / "fleet"


def inner(n):
    return f"10.{128 + (n >> 16)}.{n >> 8 & 255}.{n & 255}/32"


def peers(count):
    keys = command(FLEET, "keys", count).split()
    return "".join(f"""
[[wireguard.peer]]
name = "p{n}"
public_key = "{key}"
allowed_ips = ["{inner(n)}"]
""" for n, key in enumerate(keys))


def resident_kib(gateway):
    """Of its processes, what is theirs alone or shared among them."""
    total = {}
    for program in ("gotthard-dataplane", "gotthard-control"):
        text = pathlib.Path(f"/proc/{gateway.child(program)}/smaps_rollup").read_text()
        total[program] = int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1))
    return total


def thousand_peers(lab):
    """Handshakes with all of them, then echoes for each: nobody loses a packet."""
    mine, world = lab.namespace("gw1"), lab.namespace("world")
    lab.link(mine, "vwan", world, "vwan")
    command("ip", "-n", world, "addr", "add", "192.0.2.2/24", "dev", "vwan")
    behind = host(lab, 1, mine)
    forwarding(lab, mine)
    private, public = genkey()
    # Each peer at an address of its own: under load a source gets a few answers a second.
    command("ip", "-n", world, "route", "add", "local", "198.18.0.0/15", "dev", "lo")
    head = dataplane() + ports(1) + """
[[route]]
destination = "198.18.0.0/15"
via = "192.0.2.2"
[[wireguard]]
name = "wg0"
private_key_file = "wg0.key"
routes = "none"
"""
    gateway = Gateway(lab, "gateway1", mine, head + peers(1), {"wg0.key": private + "\n"})
    gateway.up()
    command("ip", "-n", mine, "route", "add", "10.128.0.0/10", "dev", "wg0")
    before = resident_kib(gateway)
    gateway.file.write_text(head + peers(PEERS))
    gateway.call("reload")
    lab.start(behind, FLEET, "echo", "10.1.0.2", "9000", "120")
    wait_for("the echo", lambda: "9000" in lab.inside(behind, "ss", "-Hlun", "sport = :9000"))
    # Four packets wait for a neighbour's address at the most: it is known before.
    lab.inside(mine, "ping", "-n", "-c", "1", "-W", "2", "10.1.0.2")
    rate, seconds = 5000, 60 if FULL else 8
    result = json.loads(lab.inside(world, FLEET, "run", PEERS, "198.18.0.1", public, "192.0.2.1", 51820, "10.1.0.2",
                                   9000, rate, seconds, seconds=seconds + 120))
    after = resident_kib(gateway)
    grown = {program: (after[program] - before[program]) * 1024 / (PEERS - 1) for program in after}
    shown = gateway.ask("show", "peers")["peers"]
    print(f"{PEERS} peers: handshakes in {result['handshake_seconds']:.1f} s, {result['sent']} packets at "
          f"{rate} a second; bytes a peer: {', '.join(f'{k} {v:.0f}' for k, v in grown.items())}")
    check(result["up"] == PEERS, f"{result} {gateway.losses()}")
    check(sum(p["session"] is not None for p in shown) == PEERS, "sessions that are not shown")
    check(result["peers_without_loss"] == PEERS, f"{result} {gateway.losses()}")
    check(sum(grown.values()) < 64 * 1024, f"bytes a peer: {grown}")


if __name__ == "__main__":
    main(thousand_peers)
