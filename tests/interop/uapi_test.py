#!/usr/bin/env python3
"""Debian's wg on a running gateway: what it shows, what it changes, what it is refused."""
import os
import signal
import subprocess
import sys
import time

from lab import (GOTTHARD, Failed, Sequence, TwoRegions, check, command, genkey, genpsk, main, needs, reach,
                 wait_for)

needs("wg")


def refused(gateway, *words):
    """The message of a wg that must fail."""
    done = subprocess.run(["nsenter", f"--mount=/proc/{gateway.process.pid}/ns/mnt", "wg", *words],
                          capture_output=True, text=True, timeout=30)
    check(done.returncode != 0, f"wg {' '.join(words)} was not refused")
    return done.stderr


def peer_key(gateway):
    return gateway.wg("show", "wg0", "peers").strip()


def shows(lab):
    """show, dump and showconf say what the configuration file says and what happened."""
    regions = TwoRegions(lab)
    one, two = regions.gateways
    reach(lab, regions.hosts[0], "10.2.0.2")
    text = one.wg("show")
    for part in ("interface: wg0", "listening port: 51820", "preshared key: (hidden)",
                 "endpoint: 192.0.2.2:51820", "latest handshake:", "172.31.0.2/32", "10.2.0.0/16"):
        check(part in text, f"wg show lacks '{part}':\n{text}")
    interface, peer = (line.split("\t") for line in one.wg("show", "wg0", "dump").splitlines())
    check(interface[2:] == ["51820", "off"], f"dump: {interface}")
    check(peer[2] == "192.0.2.2:51820" and peer[3] == "10.2.0.0/16,172.31.0.2/32,fd02::/64"
          and int(peer[4]) > 0 and int(peer[5]) > 0 and int(peer[6]) > 0 and peer[7] == "off",
          f"dump: {peer}")
    shown = one.ask("show", "interfaces")["interfaces"][0]
    check(shown["peers"] == 1 and shown["allowed_ips"] == 3 and not shown["changed_live"], f"{shown}")
    sessions = one.ask("show", "sessions")["sessions"]
    check([(s["peer"], s["place"], s["role"]) for s in sessions] == [("region-2", "current", "initiator")]
          and sessions[0]["next_counter"] > 0, f"{sessions}")
    configured = one.wg("showconf", "wg0")
    # Its own words do not change it.
    one.wg("syncconf", "wg0", "/dev/stdin", stdin=configured)
    check(one.wg("showconf", "wg0") == configured, "syncconf with what showconf says changed it")
    one.wg("setconf", "wg0", "/dev/stdin", stdin=configured)
    check(one.wg("showconf", "wg0") == configured, "setconf with what showconf says changed it")
    check("changed" in one.call("show", "interfaces"), "a live change is not shown")
    reach(lab, regions.hosts[0], "10.2.0.2")


def configurations(lab):
    """addconf adds, syncconf makes the same of what differs, setconf replaces; dump and showconf say so."""
    regions = TwoRegions(lab)
    one = regions.gateways[0]
    reach(lab, regions.hosts[0], "10.2.0.2")
    mine, session = peer_key(one), one.peer()["session"]["local_id"]
    more = {genkey()[1]: octet for octet in (80, 81)}

    def section(key, octet, keepalive="off"):
        return f"[Peer]\nPublicKey = {key}\nAllowedIPs = 10.{octet}.0.0/16\nPersistentKeepalive = {keepalive}\n"

    def shown():
        """Allowed IPs and keepalive of each peer, as dump and showconf have them alike."""
        by_dump = {}
        for line in one.wg("show", "wg0", "dump").splitlines()[1:]:
            key, _, _, allowed, _, _, _, keepalive = line.split("\t")
            by_dump[key] = (set(allowed.split(",")) - {"(none)"}, keepalive)
        by_showconf = {}
        for peer in one.wg("showconf", "wg0").split("[Peer]\n")[1:]:
            fields = dict(line.split(" = ", 1) for line in peer.splitlines() if line)
            by_showconf[fields["PublicKey"]] = (set(fields.get("AllowedIPs", "").split(", ")) - {""},
                                                fields.get("PersistentKeepalive", "off"))
        check(by_dump == by_showconf, f"dump says {by_dump}, showconf {by_showconf}")
        return by_dump

    allowed = {"10.2.0.0/16", "172.31.0.2/32", "fd02::/64"}
    one.wg("addconf", "wg0", "/dev/stdin", stdin="".join(section(*peer, 25) for peer in more.items()))
    check(shown() == {mine: (allowed, "off"),
                      **{key: ({f"10.{octet}.0.0/16"}, "25") for key, octet in more.items()}}, f"{shown()}")
    kept, gone = more
    first = one.wg("showconf", "wg0").split("[Peer]")
    file = "[Peer]".join([first[0], *(p for p in first[1:] if mine in p)]) + section(kept, 82)
    one.wg("syncconf", "wg0", "/dev/stdin", stdin=file)
    check(shown() == {mine: (allowed, "off"), kept: ({"10.82.0.0/16"}, "off")}, f"{shown()}")
    check(one.peer("region-2")["session"]["local_id"] == session, "syncconf took a session away")
    reach(lab, regions.hosts[0], "10.2.0.2")
    one.wg("setconf", "wg0", "/dev/stdin", stdin=first[0] + section(gone, 83))
    check(shown() == {gone: ({"10.83.0.0/16"}, "off")}, f"{shown()}")
    one.wg("setconf", "wg0", "/dev/stdin", stdin="[Peer]".join([first[0], *(p for p in first[1:] if mine in p)]))
    reach(lab, regions.hosts[0], "10.2.0.2")


def preshared_key(lab):
    """Replaced on both sides under traffic: nothing is lost, the next handshake is under the new one."""
    regions = TwoRegions(lab)
    one, two = regions.gateways
    reach(lab, regions.hosts[0], "10.2.0.2")

    def session():
        return one.peer()["session"]["local_id"]

    def handshakes(what):
        return one.peer()["handshakes"].get(what, 0)

    stream = Sequence(lab, regions.hosts[0], regions.hosts[1], "10.2.0.2", 1000, 9)
    psk, old = genpsk(), session()
    for gateway in (one, two):
        gateway.wg("set", "wg0", "peer", peer_key(gateway), "preshared-key", "/dev/stdin", stdin=psk + "\n")
    one.call("rekey", "wg0/region-2")
    wait_for("a session under the new key", lambda: session() != old)
    result = stream.result()
    check(result["lost_by_gateways"] == 0, f"{result} {one.losses()} {two.losses()}")
    check(handshakes("response_not_authentic") == 0, "a handshake was tried with unequal keys")
    # Only one side has another: the handshake fails for that alone, and the old session goes on.
    one.wg("set", "wg0", "peer", peer_key(one), "preshared-key", "/dev/stdin", stdin=genpsk() + "\n")
    old, done = session(), handshakes("handshake_done")
    one.call("rekey", "wg0/region-2")
    wait_for("an attempt with unequal keys", lambda: handshakes("response_not_authentic") > 0)
    check(session() == old and handshakes("handshake_done") == done, "a handshake with unequal keys")
    reach(lab, regions.hosts[0], "10.2.0.2")


def listen_port(lab):
    """Another one under traffic: nothing is lost, and the other side follows what is authentic."""
    regions = TwoRegions(lab)
    one, two = regions.gateways
    reach(lab, regions.hosts[0], "10.2.0.2")
    stream = Sequence(lab, regions.hosts[0], regions.hosts[1], "10.2.0.2", 1000, 4)
    time.sleep(1)
    one.wg("set", "wg0", "listen-port", "40001")
    result = stream.result()
    check(result["total"] == 4000 and result["lost_by_gateways"] == 0, f"{result} {one.losses()} {two.losses()}")
    check("192.0.2.1:40001" in two.wg("show", "wg0", "endpoints"), "the peer did not follow")
    check(one.ask("show", "peers")["interfaces"][0]["listen_port"] == 40001, "show has another port")
    reach(lab, regions.hosts[1], "10.1.0.2")


def two_tunnels(lab, key):
    """The second gateway has another tunnel, wg1, of this key, without peers."""
    regions = TwoRegions(lab, start=False)
    one, two = regions.gateways
    path = two.directory / "wg1.key"
    path.touch(mode=0o600)
    path.write_text(key or (two.directory / "wg0.key").read_text())
    two.file.write_text(two.file.read_text() + """
[[wireguard]]
name = "wg1"
listen_port = 51821
private_key_file = "wg1.key"
routes = "none"
""")
    for gateway in (one, two):
        gateway.begin()
    for gateway in (one, two):
        gateway.ready()
    return regions


FROM_ONE = "10.1.0.0/16,172.31.0.1/32,fd01::/64"


def private_key(lab):
    """Another identity under traffic: what comes meanwhile waits for the handshake, nothing is lost.

    The other side knows both identities meanwhile; as a prefix has one owner in an interface, by two.
    """
    regions = two_tunnels(lab, key=None)
    one, two = regions.gateways
    reach(lab, regions.hosts[0], "10.2.0.2")
    private, public = genkey()
    file = lab.directory / "private"
    file.touch(mode=0o600)
    file.write_text(private + "\n")
    two.wg("set", "wg1", "peer", public, "preshared-key", two.directory / "peer.psk", "allowed-ips", FROM_ONE)
    stream = Sequence(lab, regions.hosts[0], regions.hosts[1], "10.2.0.2", 200, 5)
    time.sleep(1)
    before = one.peer()["session"]["local_id"]
    one.wg("set", "wg0", "private-key", file, "peer", peer_key(one), "endpoint", "192.0.2.2:51821")
    result = stream.result()
    check(result["total"] == 1000 and result["lost_by_gateways"] == 0, f"{result} {one.losses()} {two.losses()}")
    check(one.peer()["session"]["local_id"] != before, "the session of the old identity lives")
    check(int(two.wg("show", "wg1", "transfer").split()[1]) > 0, "nothing came to the new identity's peer")
    # And back to one interface: by the new identity, both ways.
    two.wg("set", "wg1", "peer", public, "remove")
    two.wg("set", "wg0", "peer", peer_key(two), "remove", "peer", public, "preshared-key",
           two.directory / "peer.psk", "allowed-ips", FROM_ONE, "endpoint", "192.0.2.1:51820")
    one.wg("set", "wg0", "peer", peer_key(one), "endpoint", "192.0.2.2:51820")
    one.call("rekey", "wg0/region-2")
    wait_for("a handshake with the new identity", lambda: two.peer()["session"])
    reach(lab, regions.hosts[0], "10.2.0.2")
    reach(lab, regions.hosts[1], "10.1.0.2")


def moved_prefix(lab):
    """A prefix goes from one peer to another under traffic: each packet is one's or the other's."""
    key, public = genkey()
    regions = two_tunnels(lab, key=key + "\n")
    one, two = regions.gateways
    reach(lab, regions.hosts[0], "10.2.0.2")
    two.wg("set", "wg1", "peer", peer_key(two), "allowed-ips", FROM_ONE)
    first = peer_key(one)
    one.wg("set", "wg0", "peer", public, "endpoint", "192.0.2.2:51821", "persistent-keepalive", "25")
    wait_for("a session with the second peer", lambda: one.peer(public[:10].replace("/", "_"))["session"])
    stream = Sequence(lab, regions.hosts[0], regions.hosts[1], "10.2.0.2", 1000, 5)
    for owner in (public, first, public, first, public):
        time.sleep(0.6)
        one.wg("set", "wg0", "peer", owner, "allowed-ips", "10.2.0.0/16")
    result = stream.result()
    check(result["total"] == 5000 and result["lost_by_gateways"] == 0, f"{result} {one.losses()} {two.losses()}")
    for interface in ("wg0", "wg1"):
        received = int(two.wg("show", interface, "transfer").split()[1])
        check(received > 64 * 500, f"{interface} received {received} bytes only")


def allowed_ips(lab):
    """A prefix is the last claimant's; one that is removed is nobody's."""
    regions = TwoRegions(lab)
    one, two = regions.gateways
    reach(lab, regions.hosts[0], "10.2.0.2")
    mine = peer_key(one)
    other = genkey()[1]
    one.wg("set", "wg0", "peer", other, "allowed-ips", "10.2.0.0/24")
    check("10.2.0.0/24" in one.wg("show", "wg0", "allowed-ips").replace("\t", " "), "not taken")
    answers = lab.inside(regions.hosts[0], "ping", "-c", "2", "-W", "1", "-i", "0.2", "10.2.0.2",
                         allow=None)
    check(" 0 received" in answers, f"a peer was sent what is no longer its: {answers}")
    one.wg("set", "wg0", "peer", mine, "allowed-ips", "10.2.0.0/16,10.2.0.0/24,172.31.0.2/32")
    reach(lab, regions.hosts[0], "10.2.0.2")
    one.wg("set", "wg0", "peer", other, "remove")
    reach(lab, regions.hosts[0], "10.2.0.2")
    check(peer_key(one) == mine, "the removed peer is still there")


def restart(lab):
    """What wg changed outlives a kill of control, under traffic."""
    regions = TwoRegions(lab)
    one, two = regions.gateways
    reach(lab, regions.hosts[0], "10.2.0.2")
    psk = genpsk()
    for gateway in (one, two):
        gateway.wg("set", "wg0", "peer", peer_key(gateway), "preshared-key", "/dev/stdin",
                   stdin=psk + "\n")
    added = genkey()[1]
    one.wg("set", "wg0", "fwmark", "0x7", "peer", added, "allowed-ips", "10.77.0.0/16,fd77::/16",
           "persistent-keepalive", "25", "endpoint", "192.0.2.77:9999")
    before = one.wg("showconf", "wg0")
    names = sorted(p["name"] for p in one.ask("show", "peers")["peers"])
    stream = Sequence(lab, regions.hosts[0], regions.hosts[1], "10.2.0.2", 1000, 8)
    for _ in range(2):
        child = one.child("gotthard-control")
        os.kill(child, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while True:
            try:
                if one.child("gotthard-control") != child:
                    break
            except Failed:
                pass
            check(time.monotonic() < deadline, "control is not started again")
            time.sleep(0.05)
        one.wait()
        check(one.wg("showconf", "wg0") == before, f"{before}\nbecame\n{one.wg('showconf', 'wg0')}")
        check(sorted(p["name"] for p in one.ask("show", "peers")["peers"]) == names, "other names")
        session = one.peer("region-2")["session"]["local_id"]
        one.call("rekey", "wg0/region-2")
        wait_for("a handshake with the kept key",
                 lambda: (one.peer("region-2")["session"] or {}).get("local_id") not in (None, session))
    result = stream.result()
    check(result["lost_by_gateways"] == 0, f"{result} {one.losses()} {two.losses()}")


def raw(gateway, script, user=0):
    """What a Python program says that has `s`, a socket connected to wg0's."""
    words = ["nsenter", f"--mount=/proc/{gateway.process.pid}/ns/mnt", "setpriv", f"--reuid={user}",
             "--clear-groups", sys.executable, "-c",
             "import socket\ndef connected():\n    s = socket.socket(socket.AF_UNIX)\n"
             "    s.connect('/run/wireguard/wg0.sock')\n    return s\ns = connected()\n" + script]
    return command(*words)


LISTENER = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", int(sys.argv[1])))
print("bound", flush=True)
time.sleep(60)
"""


def errors(lab):
    """Refusals are errno values, and change nothing."""
    regions = TwoRegions(lab)
    one = regions.gateways[0]
    before = one.wg("showconf", "wg0")
    for request, error in (("set=1\\nprivate_key=00\\n\\n", "errno=-22"),   # EINVAL
                           ("set=1\\ncolour=blue\\n\\n", "errno=-71"),      # EPROTO
                           ("get=7\\n\\n", "errno=71"),
                           ("set=1\\n" + "#" * 100, "")):
        said = raw(one, f"s.settimeout(1)\ns.send(b'{request}')\n"
                        "try:\n    print(s.recv(99).decode())\nexcept TimeoutError:\n    pass\n")
        check(said.strip() == error, f"{request} was answered by {said}")
    said = raw(one, "try:\n    for _ in range(300):\n        s.sendall(b'x' * 65536)\n"
                    "except OSError:\n    pass\nprint(s.recv(99).decode())\n")
    check(said.strip() == "errno=-7", f"E2BIG: {said}")
    said = raw(one, "all = [connected() for _ in range(40)]\nprint(all[-1].recv(99).decode())\n")
    check(said.strip() == "errno=-16", f"EBUSY: {said}")
    command("nsenter", f"--mount=/proc/{one.process.pid}/ns/mnt", "chmod", "666", "/run/wireguard/wg0.sock")
    said = raw(one, "print(s.recv(99).decode())\n", user=65534)
    check(said.strip() == "errno=-1", f"EPERM: {said}")
    # A port that a program of the host has: before us, and after us.
    other = lab.start(one.namespace, sys.executable, "-c", LISTENER, 53)
    check(other.stdout.readline() == b"bound\n", "the test's own name server does not start")
    check("Address already in use" in refused(one, "set", "wg0", "listen-port", "53"), "the host's port 53")
    late = lab.start(one.namespace, sys.executable, "-c", LISTENER, 51820)
    check(b"Address already in use" in late.communicate(timeout=20)[1], "our port was given away")
    zero = "A" * 43 + "="
    check("Invalid argument" in refused(one, "set", "wg0", "peer", zero, "allowed-ips", "10.9.0.0/16"),
          "a peer with a key of zeros")
    refused(one, "show", "wg7")
    check(one.wg("showconf", "wg0") == before, "a refused change changed something")
    done = subprocess.run(["ip", "netns", "exec", regions.hosts[0], "nsenter",
                           f"--mount=/proc/{one.process.pid}/ns/mnt", GOTTHARD, "--run-dir",
                           lab.directory / "other-run", "--state-dir", lab.directory / "other-state",
                           "up", one.file],
                          capture_output=True, text=True, timeout=60)
    check(done.returncode == 1 and "another process serves the WireGuard interface 'wg0'" in done.stderr,
          f"a second server of wg0: {done.returncode} {done.stderr}")
    check("wg0" in one.wg("show", "interfaces"), "the first gateway's socket is gone")


main(shows, configurations, preshared_key, listen_port, private_key, moved_prefix, allowed_ips, restart, errors)
