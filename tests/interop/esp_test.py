#!/usr/bin/env python3
"""ESP between two gateways with two workers each: nothing is lost or taken for a replay, in UDP too."""
import os
import signal
import sys
import time

from lab import Sequence, TwoEspRegions, Wire, check, main, own_run_and, ping, wait_for
from products import product, tests_of

FULL = "--full" in sys.argv
REKEYS = 30 if FULL else 6
OPTIONS = {"encapsulation": ("none", "udp"), "suite": (("aes256gcm16-esn", 36), ("chacha20poly1305", 36))}


def paced(lab, encapsulation, suite):
    word, size = suite
    regions = TwoEspRegions(lab, suite=word, key_bytes=size, encapsulation=encapsulation, workers=2)
    wire = Wire(lab, *regions.gateway_namespaces, sealed=regions.SEALED)
    for address in ("10.2.0.2", "fd02::2"):
        answers = ping(lab, regions.hosts[0], address)
        check(answers == 3, f"{answers} of 3 pings to {address} are answered: "
              f"{[g.losses() for g in regions.gateways]}")
    there = Sequence(lab, regions.hosts[0], regions.hosts[1], "10.2.0.2", rate=1000, seconds=3)
    back = Sequence(lab, regions.hosts[1], regions.hosts[0], "fd01::2", rate=1000, seconds=3)
    for direction in (there, back):
        result = direction.result()
        check(result["total"] == 3000 and result["lost_by_gateways"] == 0 and result["duplicated"] == 0,
              f"{result}, {[g.losses() for g in regions.gateways]}")
    control_returns(lab, regions)
    plain, sealed = wire.stop()
    check(plain == 0, f"{plain} plain packets on the underlay:\n{wire.plain_lines()[-2000:]}")
    check(sealed > 6000, f"only {sealed} sealed packets were seen on the underlay")


def rekeyed(lab):
    """New keys every second, in both directions at once: no packet is lost between old and new ones."""
    regions = TwoEspRegions(lab, workers=2)
    for address in ("10.2.0.2", "fd02::2"):
        check(ping(lab, regions.hosts[0], address) == 3, f"{address} does not answer")
    seconds = REKEYS * 3 // 2 + 2  # what reloads take included
    traffic = [Sequence(lab, regions.hosts[0], regions.hosts[1], "10.2.0.2", rate=1000, seconds=seconds),
               Sequence(lab, regions.hosts[1], regions.hosts[0], "fd01::2", rate=1000, seconds=seconds)]
    for _ in range(REKEYS):
        time.sleep(1)
        regions.rekey()
    for direction in traffic:
        result = direction.result()
        check(result["total"] == 1000 * seconds and result["lost_by_gateways"] == 0 and
              result["duplicated"] == 0, f"{result}, {[g.losses() for g in regions.gateways]}")
    for n, gateway in enumerate(regions.gateways, 1):
        child = gateway.ask("show", "children")["children"][0]
        check((child["in_spi"], child["out_spi"]) == (f"{regions.spi(n):#010x}", f"{regions.spi(3 - n):#010x}"),
              f"the last keys are not in use: {child}")
        check(child["rx_packets"] >= 1000 * seconds, f"counters go on across keys: {child}")
    refusals(regions)


def own_sas(lab):
    """Each worker seals with its own pair of SAs, and opens what comes by any (RFC 9611)."""
    regions = TwoEspRegions(lab, workers=2, pairs=2)
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, f"{[g.losses() for g in regions.gateways]}")
    there = Sequence(lab, regions.hosts[0], regions.hosts[1], "10.2.0.2", rate=2000, seconds=3, flows=16)
    time.sleep(1)
    regions.rekey()
    result = there.result()
    check(result["total"] == 6000 and result["lost_by_gateways"] == 0 and result["duplicated"] == 0,
          f"{result}, {[g.losses() for g in regions.gateways]}")
    children = regions.gateways[0].ask("show", "children")["children"]
    check({(c["pair"], c["in_spi"]) for c in children} ==
          {(pair + 1, f"{regions.spi(1, pair):#010x}") for pair in (0, 1)}, f"{children}")
    check(all(c["tx_packets"] > 500 for c in children), f"one worker has sealed it all: {children}")
    opened = regions.gateways[1].ask("show", "children")["children"]
    check(all(c["rx_packets"] > 500 for c in opened), f"by one pair only: {opened}")


def called_first(lab):
    """A gateway that is not told where its peer is learns it from what the peer has sealed."""
    regions = TwoEspRegions(lab, encapsulation="udp", remotes={1: "any"}, workers=2, pairs=2)
    waiting = regions.gateways[0]
    check(ping(lab, regions.hosts[0], "10.2.0.2", count=1, wait=1) == 0, "it cannot know yet")
    child = waiting.ask("show", "children")["children"][0]
    check(child["remote"] is None and child["established"], f"before: {child}")
    wait_for("the drop to be counted", lambda: waiting.drops()["no_endpoint"] == 1)
    check(ping(lab, regions.hosts[1], "10.1.0.2") >= 2, f"{[g.losses() for g in regions.gateways]}")
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "now it knows")
    children = waiting.ask("show", "children")["children"]
    check([(c["remote"], c["remote_port"]) for c in children] == 2 * [("192.0.2.2", 4500)],
          f"by one SA it is known to all: {children}")


def by_name(lab):
    """The host's resolver says where the peer is."""
    regions = TwoEspRegions(lab, remotes={1: "region-b.example"},
                            surroundings={1: own_run_and("/etc/hosts", "192.0.2.2 region-b.example\n", lab)})
    named = regions.gateways[0]
    wait_for("the name", lambda: named.ask("show", "children")["children"][0]["remote"] == "192.0.2.2")
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, f"{[g.losses() for g in regions.gateways]}")


def by_list(lab):
    """Where there is no way, and a name that nobody has, are passed over."""
    regions = TwoEspRegions(lab, remotes={1: ["203.0.113.1", "nobody.invalid", "192.0.2.2"]})
    one = regions.gateways[0]
    wait_for("the one that there is a way to",
             lambda: one.ask("show", "children")["children"][0]["remote"] == "192.0.2.2", seconds=15)
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, f"{[g.losses() for g in regions.gateways]}")


def refusals(regions):
    """What of it cannot be had says why, and changes nothing."""
    gateway = regions.gateways[0]
    good = gateway.file.read_text()
    again = good.replace(f'"{regions.spi(1):#x}"', '"0x1f00"')
    gateway.file.write_text(again)
    check("used before" in gateway.refused("reload"), "the same key with another SPI")
    (gateway.directory / "fresh").touch(mode=0o600)
    (gateway.directory / "fresh").write_text(os.urandom(36).hex())
    gateway.file.write_text(again.replace(f'"in.{regions.generation}.0"', '"fresh"'))
    check("--confirm" in gateway.refused("reload", "--confirm", "60"), "keys cannot come back")
    gateway.file.write_text(good)
    check(gateway.ask("reload")["differences"] == [], "nothing was changed")
    check(ping(regions.lab, regions.hosts[0], "10.2.0.2") == 3, "what was refused was not harmless")


def control_returns(lab, regions):
    """A control that is started anew finds the SAs where they are; a data plane has none of them."""
    gateway = regions.gateways[0]
    traffic = Sequence(lab, regions.hosts[0], regions.hosts[1], "10.2.0.2", rate=500, seconds=4)
    os.kill(gateway.child("gotthard-control"), signal.SIGKILL)
    result = traffic.result()
    check(result["total"] == 2000 and result["lost_by_gateways"] == 0, f"control died: {result}")
    gateway.wait()
    check(gateway.ask("show", "children")["children"][0]["established"], "the SAs are gone with control")

    os.kill(gateway.child("gotthard-dataplane"), signal.SIGKILL)
    time.sleep(1)
    gateway.wait()
    child = gateway.ask("show", "children")["children"][0]
    check(not child["established"], "a lab key is used twice")
    check("lab_keys_used_up" in gateway.log_text(), "nobody is told that the keys are used up")
    check(ping(lab, regions.hosts[0], "10.2.0.2", count=2, wait=1) == 0, "what has no SA is answered")


main(rekeyed, own_sas, called_first, by_name, by_list, *tests_of(paced, product(OPTIONS) if FULL else
               [{"encapsulation": "none", "suite": OPTIONS["suite"][0]},
                {"encapsulation": "udp", "suite": OPTIONS["suite"][1]}]))
