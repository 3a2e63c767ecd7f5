#!/usr/bin/env python3
"""Another configuration file for a gateway that runs: by reload, by SIGHUP, and taken back."""
import os
import signal
import time

from lab import Sequence, TwoRegions, check, command, faultless, genkey, genpsk, main, ping, reach

THIRD = """
[[wireguard.peer]]
name = "region-3"
public_key = "{key}"
endpoint = "192.0.2.3:51820"
allowed_ips = ["10.3.0.0/16", "fd03::/64"]
"""


def edit(gateway, old, new):
    text = gateway.file.read_text()
    check(text.count(old) == 1, f"the test's own '{old}' is there {text.count(old)} times")
    gateway.file.write_text(text.replace(old, new))


def changes(answer):
    return {(d["where"], d["key"]): (d["before"], d["after"]) for d in answer["differences"]}


def kernel(gateway, *words):
    return command("ip", "-n", gateway.namespace, *words)


def routes(gateway, prefix):
    """Of the kernel, for the host's own traffic: by the tunnel, and what stays without it."""
    text = kernel(gateway, "route", "show", prefix)
    return "dev wg0" in text, "blackhole" in text


def wait_until(what, seconds, condition):
    deadline = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < deadline, f"not within {seconds} s: {what}")
        time.sleep(0.05)


def names(gateway):
    return sorted(p["name"] for p in gateway.ask("show", "peers")["peers"])


def under_traffic(lab):
    """Peers come, change and go by reload and SIGHUP; nobody else loses a packet."""
    regions = TwoRegions(lab)
    one, two = regions.gateways
    reach(lab, regions.hosts[0], "10.2.0.2")
    control = one.child("gotthard-control")
    stream = Sequence(lab, regions.hosts[0], regions.hosts[1], "10.2.0.2", 1000, 12)
    old = one.file.read_text()
    edit(one, 'name = "region-2"', 'name = "west"')
    edit(one, '"10.2.0.0/16", ', '"10.2.0.0/16", "10.22.0.0/16", ')
    one.file.write_text(one.file.read_text() + THIRD.format(key=genkey()[1]))
    said = changes(one.ask("reload"))
    check(said == {("wg0/west", "name"): ("region-2", "west"),
                   ("wg0/west", "allowed_ips"): ("", "10.22.0.0/16"),
                   ("wg0/region-3", ""): ("", "added")}, f"{said}")
    check(names(one) == ["region-3", "west"], f"{names(one)}")
    for prefix in ("10.3.0.0/16", "10.22.0.0/16"):
        check(routes(one, prefix) == (True, True), f"{prefix}: {kernel(one, 'route', 'show', prefix)}")
    # A key that both sides get in turn, by the file.
    psk = genpsk()
    for gateway in (one, two):
        (gateway.directory / "peer.psk").write_text(psk + "\n")
        said = changes(gateway.ask("reload"))
        check(list(said.values()) == [("set", "another")], f"{said}")
    one.call("rekey", "wg0/west")
    one.file.write_text(old)
    os.kill(one.process.pid, signal.SIGHUP)
    wait_until("the third peer goes", 10, lambda: names(one) == ["region-2"])
    for prefix in ("10.3.0.0/16", "10.22.0.0/16"):
        wait_until(f"{prefix} goes", 10, lambda: routes(one, prefix) == (False, False))
    check(routes(one, "10.2.0.0/16") == (True, True), "the other's routes went too")
    check(changes(one.ask("reload")) == {}, "nothing was changed")
    result = stream.result()
    check(faultless(result), f"{result} {one.losses()} {two.losses()}")
    check(one.child("gotthard-control") == control, "control was started again")
    handshake = one.peer()["latest_handshake_seconds_ago"]
    check(handshake is not None and handshake < 12, f"no handshake under the new key: {handshake}")
    check(psk not in one.log_text() and "set" in one.log_text(), "what the log says of the key")


def interface(lab):
    """Port, addresses, MTU, routes and options of an interface; [[route]] and a port's addresses."""
    regions = TwoRegions(lab)
    one, two = regions.gateways
    reach(lab, regions.hosts[0], "10.2.0.2")
    edit(one, "listen_port = 51820", "listen_port = 4001\nmtu = 1380\nmss_clamp = true\ndscp = \"copy\"")
    edit(one, 'addresses = ["172.31.0.1/30"]', 'addresses = ["172.31.0.1/29", "fd31::1/64"]')
    edit(one, '"10.1.0.1/24"', '"10.1.0.1/24", "10.11.0.1/24"')
    edit(one, "[[wireguard]]", '[[route]]\ndestination = "10.99.0.0/16"\nvia = "10.1.0.2"\n[[wireguard]]')
    said = changes(one.ask("reload"))
    check(set(said) == {("wg0", "listen_port"), ("wg0", "mtu"), ("wg0", "mss_clamp"), ("wg0", "dscp"),
                        ("wg0", "addresses"), ("port lan", "addresses"), ("route 10.99.0.0/16", "")},
          f"{said}")
    link = kernel(one, "addr", "show", "dev", "wg0")
    for part in ("mtu 1380", "172.31.0.1/29", "fd31::1/64"):
        check(part in link, f"wg0 lacks {part}: {link}")
    check("172.31.0.1/30" not in link, f"the old address is there: {link}")
    check("10.11.0.1/24" in kernel(one, "addr", "show", "dev", "lan"), "the port lacks its address")
    check(routes(one, "10.2.0.0/16") == (True, True), "the tunnel's routes went with its addresses")
    shown = one.ask("show", "interfaces")["interfaces"][0]
    check(shown["listen_port"] == 4001 and shown["mtu"] == 1380 and not shown["changed_live"], f"{shown}")
    wait_until("the route", 5, lambda: "10.99.0.0/16" in one.call("show", "routes"))
    # The peer learns the new port from the first packet; its answer is still on the way to the old one.
    ping(lab, regions.hosts[0], "10.2.0.2", count=1)
    reach(lab, regions.hosts[0], "10.2.0.2")
    check("192.0.2.1:4001" in two.wg("show", "wg0", "endpoints"), "the peer did not follow")
    reach(lab, regions.hosts[1], "10.1.0.2")
    check(changes(one.ask("diff")) == {}, f"{one.call('diff')}")


def refusals(lab):
    """What cannot be applied changes nothing, and says why."""
    regions = TwoRegions(lab)
    one = regions.gateways[0]
    good = one.file.read_text()
    one.file.write_text(good + "\nnonsense = 7\n")
    said = one.refused("reload")
    check(f"{one.file}:" in said and "nonsense" in said, said)
    one.file.write_text(good.replace("workers = 1", "workers = 2"))
    said = one.refused("reload")
    check("dataplane: workers" in said and "gotthard down" in said, said)
    check("needs a start" in one.call("reload", "--dry-run"), one.call("reload", "--dry-run"))
    one.file.write_text(good.replace("wg0.key", "missing.key"))
    check("missing.key" in one.refused("reload"), "which file is missing?")
    os.kill(one.process.pid, signal.SIGHUP)
    wait_until("the refusal is logged", 10, lambda: "reload_refused" in one.log_text())
    check("60x" in one.refused("reload", "--confirm", "60x"), "a wrong time")
    check("nothing to confirm" in one.refused("confirm"), "there is nothing to confirm")
    one.file.write_text(good)
    check("nothing differs" in one.call("reload"), one.call("reload"))
    reach(lab, regions.hosts[0], "10.2.0.2")


def live_changes(lab):
    """What wg changed is shown by diff, stays through reloads and a restart, and may be overruled."""
    regions = TwoRegions(lab)
    one = regions.gateways[0]
    reach(lab, regions.hosts[0], "10.2.0.2")
    added = genkey()[1]
    one.wg("set", "wg0", "fwmark", "0x7", "peer", added, "allowed-ips", "10.77.0.0/16")
    live = {("wg0", "fwmark"): ("7", "0"), (f"wg0/{added[:10].replace('/', '_')}", ""): ("", "removed")}
    check(changes(one.ask("diff")) == live, f"{one.ask('diff')}")
    edit(one, "persistent_keepalive = 0", "persistent_keepalive = 25")
    dry = one.ask("reload", "--dry-run")
    check(not dry["applied"] and changes(dry) == {("wg0/region-2", "persistent_keepalive"): ("0", "25")},
          f"{dry}")
    check(one.peer("region-2")["persistent_keepalive_seconds"] == 0, "a dry run changed something")
    one.call("reload")
    check(one.peer("region-2")["persistent_keepalive_seconds"] == 25, "it was not applied")
    check(changes(one.ask("diff")) == live, f"{one.ask('diff')}")
    child = one.child("gotthard-control")
    os.kill(child, signal.SIGKILL)
    wait_until("control is started again", 10, lambda: one.replaced("gotthard-control", child))
    one.wait()
    check(changes(one.ask("diff")) == live, f"after a restart: {one.ask('diff')}")
    edit(one, "listen_port = 51820", "listen_port = 51820\nfwmark = 9")
    one.call("reload")
    check(one.wg("show", "wg0", "fwmark").strip() == "0x9", "the file's word did not count")
    reach(lab, regions.hosts[0], "10.2.0.2")


def confirmation(lab):
    """Without a confirmation the last configuration comes back, also when control died meanwhile."""
    regions = TwoRegions(lab)
    one, two = regions.gateways
    reach(lab, regions.hosts[0], "10.2.0.2")
    old = one.file.read_text()
    new = old + THIRD.format(key=genkey()[1])
    stream = Sequence(lab, regions.hosts[0], regions.hosts[1], "10.2.0.2", 1000, 14)
    one.file.write_text(new)
    said = one.call("reload", "--confirm", "2s")
    check("region-3" in said and "gotthard confirm" in said, said)
    check(names(one) == ["region-2", "region-3"] and routes(one, "10.3.0.0/16") == (True, True), said)
    check("taken back in" in one.refused("reload"), "a reload while one waits")
    wait_until("it is taken back", 10, lambda: names(one) == ["region-2"])
    check(routes(one, "10.3.0.0/16") == (False, False), "its routes are there still")
    check("region-3" in one.call("diff"), "the file is not what runs, and diff does not say so")
    one.call("reload", "--confirm", "2s")
    one.call("confirm")
    time.sleep(3)
    check(names(one) == ["region-2", "region-3"], "it went back although it was confirmed")
    one.file.write_text(old)
    one.call("reload", "--confirm", "3s")
    child = one.child("gotthard-control")
    os.kill(child, signal.SIGKILL)
    wait_until("control is started again", 10, lambda: one.replaced("gotthard-control", child))
    one.wait()
    wait_until("it is taken back", 10, lambda: names(one) == ["region-2", "region-3"])
    result = stream.result()
    check(faultless(result), f"{result} {one.losses()} {two.losses()}")


SECOND = """
[[wireguard]]
name = "wg1"
listen_port = 51821
private_key_file = "wg1.key"
routes = "{routes}"
[[wireguard.peer]]
name = "second"
public_key = "{key}"
endpoint = "192.0.2.{other}:51821"
allowed_ips = ["{allowed}"]
persistent_keepalive = 1
"""


def between_interfaces(lab):
    """Prefixes that move from one interface's peer to another's and back lose nothing."""
    regions = TwoRegions(lab, start=False)
    keys = [genkey(), genkey()]
    for n, gateway in enumerate(regions.gateways, 1):
        key_file = gateway.directory / "wg1.key"
        key_file.touch(mode=0o600)
        key_file.write_text(keys[n - 1][0] + "\n")
        allowed, way = {1: ("10.88.0.0/16", "allowed_ips"), 2: ('10.1.0.0/16", "fd01::/64', "none")}[n]
        gateway.file.write_text(gateway.file.read_text() + SECOND.format(key=keys[2 - n][1], other=3 - n,
                                                                         allowed=allowed, routes=way))
        gateway.begin()
    for gateway in regions.gateways:
        gateway.ready()
    one, two = regions.gateways
    reach(lab, regions.hosts[0], "10.2.0.2")
    reach(lab, regions.hosts[0], "fd02::2")
    wait_until("a session of the second tunnel", 10, lambda: one.peer("second")["session"])
    here = one.file.read_text()
    there = here.replace('"10.2.0.0/16", "fd02::/64", ', "").replace('"10.88.0.0/16"', '"10.2.0.0/16", "fd02::/64"')
    streams = [Sequence(lab, *regions.hosts, "10.2.0.2", 2000, 20), Sequence(lab, *regions.hosts, "fd02::2", 500, 20)]
    for device, text in 3 * (("wg1", there), ("wg0", here)):
        one.file.write_text(text)
        one.call("reload")
        for version, prefix in (("-4", "10.2.0.0/16"), ("-6", "fd02::/64")):
            shown = kernel(one, version, "route", "show", prefix)
            check(f"dev {device}" in shown and shown.count("dev wg") == 1 and "blackhole" in shown, shown)
    results = [stream.stop() for stream in streams]
    check(all(faultless(result) for result in results), f"{results} {one.losses()} {two.losses()}")
    # Somebody else's route for a prefix that moves is left alone.
    kernel(one, "route", "del", "10.2.0.0/16", "dev", "wg0")
    kernel(one, "route", "add", "10.2.0.0/16", "via", "10.1.0.2")
    one.file.write_text(there)
    one.call("reload")
    shown = kernel(one, "route", "show", "10.2.0.0/16")
    check("via 10.1.0.2" in shown and "dev wg" not in shown, shown)


if __name__ == "__main__":
    main(under_traffic, interface, refusals, live_changes, confirmation, between_interfaces)
