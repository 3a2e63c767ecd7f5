#!/usr/bin/env python3
"""Debian's wg on a running gateway: what it shows, what it changes, what it is refused."""
import os
import signal
import subprocess
import time

from lab import GOTTHARD, Failed, Sequence, TwoRegions, check, genkey, genpsk, main, needs, ping

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
    ping(lab, regions.hosts[0], "10.2.0.2")
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
    ping(lab, regions.hosts[0], "10.2.0.2")


def preshared_key(lab):
    """Replaced on both sides under traffic: nothing is lost, the next handshake is under the new one."""
    regions = TwoRegions(lab)
    one, two = regions.gateways
    ping(lab, regions.hosts[0], "10.2.0.2")
    stream = Sequence(lab, regions.hosts[0], regions.hosts[1], "10.2.0.2", 1000, 6)
    for _ in range(3):
        psk = genpsk()
        for gateway in (one, two):
            gateway.wg("set", "wg0", "peer", peer_key(gateway), "preshared-key", "/dev/stdin",
                       stdin=psk + "\n")
        one.call("rekey", "wg0/region-2")
    result = stream.result()
    check(result["lost_by_gateways"] == 0, f"{result} {one.losses()} {two.losses()}")
    # Only one side has another: no handshake, and the old session goes on.
    one.wg("set", "wg0", "peer", peer_key(one), "preshared-key", "/dev/stdin", stdin=genpsk() + "\n")
    before = one.peer()["latest_handshake_seconds_ago"]
    one.call("rekey", "wg0/region-2")
    ping(lab, regions.hosts[0], "10.2.0.2")
    check(one.peer()["latest_handshake_seconds_ago"] >= before, "a handshake with unequal keys")


def ports_and_keys(lab):
    """Listen port and private key, live."""
    regions = TwoRegions(lab)
    one, two = regions.gateways
    ping(lab, regions.hosts[0], "10.2.0.2")
    one.wg("set", "wg0", "listen-port", "40001")
    ping(lab, regions.hosts[0], "10.2.0.2")  # the other side follows what is authentic
    check("192.0.2.1:40001" in two.wg("show", "wg0", "endpoints"), "the peer did not follow")
    check(one.ask("show", "peers")["interfaces"][0]["listen_port"] == 40001, "show has another port")
    private, public = genkey()
    old = peer_key(two)
    allowed = two.wg("show", "wg0", "allowed-ips").split("\t", 1)[1].strip().replace(" ", ",")
    psk = genpsk()
    two.wg("set", "wg0", "peer", old, "remove", "peer", public, "allowed-ips", allowed, "endpoint",
           "192.0.2.1:40001", "preshared-key", "/dev/stdin", stdin=psk + "\n")
    one.wg("set", "wg0", "private-key", "/dev/stdin", stdin=private + "\n")
    one.wg("set", "wg0", "peer", peer_key(one), "preshared-key", "/dev/stdin", stdin=psk + "\n")
    ping(lab, regions.hosts[0], "10.2.0.2")
    ping(lab, regions.hosts[1], "10.1.0.2")
    names = [p["name"] for p in two.ask("show", "peers")["peers"]]
    check(names == [public[:10].replace("/", "_")], f"peers after the change: {names}")


def allowed_ips(lab):
    """A prefix is the last claimant's; one that is removed is nobody's."""
    regions = TwoRegions(lab)
    one, two = regions.gateways
    ping(lab, regions.hosts[0], "10.2.0.2")
    mine = peer_key(one)
    other = genkey()[1]
    one.wg("set", "wg0", "peer", other, "allowed-ips", "10.2.0.0/24")
    check("10.2.0.0/24" in one.wg("show", "wg0", "allowed-ips").replace("\t", " "), "not taken")
    answers = lab.inside(regions.hosts[0], "ping", "-c", "2", "-W", "1", "-i", "0.2", "10.2.0.2",
                         allow=None)
    check(" 0 received" in answers, f"a peer was sent what is no longer its: {answers}")
    one.wg("set", "wg0", "peer", mine, "allowed-ips", "10.2.0.0/16,10.2.0.0/24,172.31.0.2/32")
    ping(lab, regions.hosts[0], "10.2.0.2")
    one.wg("set", "wg0", "peer", other, "remove")
    ping(lab, regions.hosts[0], "10.2.0.2")
    check(peer_key(one) == mine, "the removed peer is still there")


def restart(lab):
    """What wg changed outlives a kill of control, under traffic."""
    regions = TwoRegions(lab)
    one, two = regions.gateways
    ping(lab, regions.hosts[0], "10.2.0.2")
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
        one.call("rekey", "wg0/region-2")
    result = stream.result()
    check(result["lost_by_gateways"] == 0, f"{result} {one.losses()} {two.losses()}")
    check(one.peer("region-2")["latest_handshake_seconds_ago"] < 8, "no handshake with the kept key")


def errors(lab):
    """Refusals are errno values, and change nothing."""
    regions = TwoRegions(lab)
    one = regions.gateways[0]
    before = one.wg("showconf", "wg0")
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


main(shows, preshared_key, ports_and_keys, allowed_ips, restart, errors)
