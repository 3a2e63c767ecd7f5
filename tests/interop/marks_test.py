#!/usr/bin/env python3
"""A tunnel's fwmark: policy rules of the host's kernel say by which table its outer packets go."""
import json
import os
import signal
import time

from lab import Sequence, TwoRegions, Wire, check, command, faultless, main, ping, wait_for

RATE = 1000


class OtherWire(Wire):
    DEVICE = "vwan2"


class TwoUplinks:
    """host1 - gateway 1 = two links = gateway 2 - host2; both links lead to gateway 2's address."""

    def __init__(self, lab):
        self.lab = lab
        self.regions = TwoRegions(lab, start=False)
        self.one, self.two = self.regions.gateways
        self.namespace, self.other = self.regions.gateway_namespaces
        lab.link(self.namespace, "vwan2", self.other, "vwan2")
        for n, gateway in enumerate(self.regions.gateways, 1):
            text = gateway.file.read_text().replace("[[wireguard]]", f"""[[port]]
name = "wan2"
role = "underlay"
device = "net_af_packet2,iface=vwan2"
addresses = ["198.51.100.{n}/24"]
[[wireguard]]""", 1)
            gateway.file.write_text(text.replace('endpoint = "192.0.2.2:', 'endpoint = "203.0.113.2:')
                                    .replace('"192.0.2.2/24"', '"192.0.2.2/24", "203.0.113.2/32"'))
            gateway.begin()
        for gateway in self.regions.gateways:
            gateway.ready()
        self.ip("route", "add", "203.0.113.2", "via", "192.0.2.2")
        self.ip("route", "add", "default", "via", "198.51.100.2", "table", "100")
        check(ping(lab, self.regions.hosts[0], "10.2.0.2") == 3, "no way through the tunnel")

    def ip(self, *words):
        command("ip", "-n", self.namespace, *words)

    def received(self):
        """Frames by each link, at its far end."""
        links = (json.loads(command("ip", "-n", self.other, "-s", "-j", "link", "show", "dev", d))
                 for d in ("vwan", "vwan2"))
        return [link[0]["stats64"]["rx"]["packets"] for link in links]

    def goes_by(self, link, why):
        """All of the stream's packets do, from soon on."""
        port = ("wan", "wan2")[link]
        wait_for(f"{port}: {why}", lambda: self.one.peer()["way"]["port"] == port)
        time.sleep(0.2)  # the data plane has it, and the wire is empty
        before = self.received()
        time.sleep(0.3)
        frames = [now - then for now, then in zip(self.received(), before)]
        check(frames[link] > 0.2 * RATE and frames[1 - link] < 0.02 * RATE, f"{why}: frames by the links: {frames}")

    def not_followed(self):
        return [(r["priority"], r["reason"]) for r in self.one.ask("show", "routes")["rules_not_followed"]]


def rules_by_mark(lab):
    """Rule, mark, route, reload and a new control move the packets from link to link; none is lost."""
    stand = TwoUplinks(lab)
    one, hosts = stand.one, stand.regions.hosts
    wires = [Wire(lab, stand.other), OtherWire(lab, stand.other)]
    streams = [Sequence(lab, hosts[0], hosts[1], "10.2.0.2", RATE, 60),
               Sequence(lab, hosts[1], hosts[0], "10.1.0.2", RATE, 60, port=9001)]
    stand.ip("rule", "add", "fwmark", "5", "lookup", "100", "priority", "77")
    wait_for("the rule", stand.not_followed)
    check([(p, "no tunnel has" in r) for p, r in stand.not_followed()] == [(77, True)], f"{stand.not_followed()}")
    stand.goes_by(0, "a rule for a mark that nobody has")
    one.wg("set", "wg0", "fwmark", "5")
    stand.goes_by(1, "the mark")
    way = one.peer()["way"]
    check((way["table"], way["rule"], way["source"], way["refusal"]) ==
          (100, "77: fwmark 0x5/0xffffffff lookup 100", "198.51.100.1", None), f"{way}")
    check(stand.not_followed() == [], f"{stand.not_followed()}")
    stand.ip("route", "del", "default", "table", "100")
    stand.goes_by(0, "the table has no route")
    stand.ip("route", "add", "203.0.113.0/24", "via", "198.51.100.2", "table", "100")
    stand.goes_by(1, "the table has one again")
    # A control that is started anew routes by all tables from the beginning.
    before = stand.received()[0]
    old = one.child("gotthard-control")
    os.kill(old, signal.SIGKILL)
    wait_for("another control", lambda: one.replaced("gotthard-control", old))
    one.wait()
    check(one.peer()["way"]["table"] == 100, f"{one.peer()['way']}")
    check(stand.received()[0] - before < 10, "a new control sends packets by main")
    stand.ip("rule", "del", "priority", "77")
    stand.goes_by(0, "no rule")
    # wg-quick's: what has not the mark is for the tunnel, and the main table's default route is not.
    one.wg("set", "wg0", "fwmark", "0")
    stand.ip("rule", "add", "not", "fwmark", "5", "lookup", "200", "priority", "78")
    stand.ip("rule", "add", "fwmark", "5", "to", "203.0.113.0/24", "lookup", "100", "priority", "79")
    one.file.write_text(one.file.read_text().replace('name = "wg0"\n', 'name = "wg0"\nfwmark = 5\n'))
    said = [(d["key"], d["after"]) for d in one.ask("reload")["differences"]]
    check(said == [("fwmark", "5")], f"{said}")
    stand.goes_by(1, "a reload")
    check([p for p, _ in stand.not_followed()] == [78], f"{stand.not_followed()}")
    one.wg("set", "wg0", "fwmark", "0")
    stand.goes_by(0, "no mark")
    results = [stream.stop() for stream in streams]
    for result in results:
        check(faultless(result) and result["total"] > 3 * RATE, f"{results} {one.losses()} {stand.two.losses()}")
    counts = [wire.stop() for wire in wires]
    check(all(plain == 0 and sealed > RATE for plain, sealed in counts), f"(plain, sealed) by link: {counts}")
    # A rule that refuses: no way, and it is said why.
    one.wg("set", "wg0", "fwmark", "5")
    stand.ip("rule", "add", "fwmark", "5", "prohibit", "priority", "7")
    wait_for("the refusal", lambda: one.peer()["way"]["refusal"] == "prohibited")
    text = one.ask("diagnose", "wg0/region-2")["text"]
    check("prohibited by the policy rule 7: fwmark 0x5/0xffffffff prohibit" in text, text)
    check(ping(lab, hosts[0], "10.2.0.2", count=1, wait=1) == 0, "packets go where a rule forbids it")


if __name__ == "__main__":
    main(rules_by_mark)
