#!/usr/bin/env python3
"""Two Gotthard gateways whose ESP is keyed by IKEv2: traffic, rekeys, restarts, and what goes wrong."""
import os
import signal
import sys
import time

from ike_regions import TwoIkeRegions, child, connection, ike_spi
from lab import Sequence, Wire, answers, check, faultless, iperf3, main, own_run_and, reach, wait_for

FULL = "--full" in sys.argv

def carries(lab, regions):
    one, two = regions.hosts
    wait_for("the first answer", lambda: answers(lab, one, "10.2.0.2", 1) == 1)
    for source, target in ((one, "10.2.0.2"), (one, "fd02::2"), (two, "10.1.0.2"), (two, "fd01::2")):
        reach(lab, source, target)


def traffic(lab, encapsulation="none", workers=1):
    """What the hosts send goes through ESP that IKE has keyed, and nothing else is on the wire."""
    regions = TwoIkeRegions(lab, encapsulation=encapsulation, workers=workers)
    wire = Wire(lab, *regions.gateway_namespaces, sealed=TwoIkeRegions.SEALED)
    carries(lab, regions)
    for reverse in (False, True):
        rate = iperf3(lab, *regions.hosts, "10.2.0.2", seconds=1, reverse=reverse)
        check(rate > 0.8, f"{rate} Mbit/s")
    plain, sealed = wire.stop()
    check(plain == 0 and sealed > 0, f"{plain} packets in the clear, {sealed} sealed:\n{wire.plain_lines()}")
    for gateway, role in zip(regions.gateways, ("initiator", "responder")):
        sa = connection(gateway)["sas"][0]
        check(sa["role"] == role and sa["suite"] == "aes256gcm16-prfsha384-x25519", f"{sa}")
        check(child(gateway)["encapsulation"] == encapsulation, f"{child(gateway)}")
        check("established" in gateway.call("show", "connections"), gateway.call("show", "connections"))


def rekeys(lab):
    """Both kinds of SA are renewed under load, by either side: nothing is lost, counters go on."""
    regions = TwoIkeRegions(lab, workers=2)
    one, two = regions.gateways
    carries(lab, regions)
    streams = [Sequence(lab, *regions.hosts, "10.2.0.2", 1000, 60, flows=4),
               Sequence(lab, *reversed(regions.hosts), "fd01::2", 1000, 60, flows=4)]
    for gateway in (one, two, one, two):
        spi, ike = child(gateway)["in_spi"], ike_spi(gateway)
        gateway.call("rekey", f"{connection(gateway)['name']}/nets")
        wait_for("new ESP keys at both", lambda: child(gateway)["in_spi"] != spi)
        gateway.call("rekey", connection(gateway)["name"])
        wait_for("new IKE keys", lambda: ike_spi(gateway) not in (None, ike))
        time.sleep(0.5)
    sent = child(one)["tx_packets"]
    results = [stream.stop() for stream in streams]
    check(all(faultless(result) for result in results), f"{results} {one.losses()} {two.losses()}")
    check(sent > 1000, f"counters began anew: {sent}")


def by_time(lab):
    """Short lifetimes: child and IKE SA renew themselves, many times, under load."""
    # A rekey that is refused because another is under way is tried again after some seconds: SAs must live on.
    regions = TwoIkeRegions(lab, more='rekey_time = "4s"\nover_time = "30s"',
                            child='rekey_time = "2s"\nlife_time = "30s"')
    one, two = regions.gateways
    carries(lab, regions)
    spis, ikes = set(), set()
    stream = Sequence(lab, *regions.hosts, "10.2.0.2", 500, 60)
    end = time.monotonic() + (60 if FULL else 14)
    while time.monotonic() < end:
        spis.add(child(one)["in_spi"])
        ikes.add(ike_spi(one))
        time.sleep(0.3)
    result = stream.stop()
    check(faultless(result), f"{result} {one.losses()} {two.losses()}")
    check(len(spis) >= 5 and len(ikes) >= 3, f"{len(spis)} ESP and {len(ikes)} IKE SAs were seen")


def wrong_psk(lab):
    """Other keys at the two ends: nothing comes up, and both say why."""
    regions = TwoIkeRegions(lab, psk=("one", "other"))
    one, two = regions.gateways
    wait_for("the refusal", lambda: two.ask("diagnose", "region-1")["cause"] == "psk_mismatch")
    wait_for("the refusal at the initiator",
             lambda: one.ask("diagnose", "region-2")["cause"] == "authentication_refused")
    said = two.call("diagnose", "ipsec0/region-1")
    check("same pre-shared key" in said, said)
    check(answers(lab, regions.hosts[0], "10.2.0.2", 1) == 0, "something came through")
    check(not child(one)["established"] and connection(one)["state"] != "established", f"{connection(one)}")


def operators(lab):
    """Up and down by an operator's word; bad names are said to be so."""
    regions = TwoIkeRegions(lab, starts=("none", "none"))
    one, two = regions.gateways
    check(connection(one)["state"] == "down", f"{connection(one)}")
    check(answers(lab, regions.hosts[0], "10.2.0.2", 1) == 0, "who answered?")
    one.call("initiate", "region-2/nets")
    carries(lab, regions)
    one.call("terminate", "ipsec0/region-2")
    wait_for("the end at both", lambda: connection(one)["state"] == "down" and connection(two)["state"] == "down")
    check(answers(lab, regions.hosts[0], "10.2.0.2", 1) == 0, "it goes on without keys")
    one.call("initiate", "ipsec0/region-2")
    carries(lab, regions)
    check("there is no peer" in one.refused("initiate", "nobody"), one.refused("initiate", "nobody"))


def dataplane_dies(lab):
    """Its SAs die with it; the children are made again over the IKE SA that lives."""
    regions = TwoIkeRegions(lab)
    one, two = regions.gateways
    carries(lab, regions)
    ike = ike_spi(one)
    process = one.child("gotthard-dataplane")
    os.kill(process, signal.SIGKILL)
    wait_for("another data plane", lambda: one.replaced("gotthard-dataplane", process))
    one.wait()
    started = time.monotonic()
    wait_for("traffic", lambda: answers(lab, regions.hosts[0], "10.2.0.2", 1) == 1)
    check(time.monotonic() - started < 5, f"it took {time.monotonic() - started:.1f} s")
    check(ike_spi(one) == ike, "the IKE SA is another")
    carries(lab, regions)


def control_dies(lab):
    """Killed at any time of its exchanges: ESP goes on, the IKE SA lives on and renews itself."""
    regions = TwoIkeRegions(lab, more='dpd_delay = "1s"')
    one, two = regions.gateways
    carries(lab, regions)
    stream = Sequence(lab, *regions.hosts, "10.2.0.2", 1000, 90)
    for n in range(4):
        gateway = (one, two)[n % 2]
        ike, esp = ike_spi(one), child(one)["in_spi"]
        process = gateway.child("gotthard-control")
        if n >= 2:  # in the middle of a rekey
            one.call("rekey", "region-2/nets" if n == 2 else "region-2")
        os.kill(process, signal.SIGKILL)
        wait_for("another control", lambda: gateway.replaced("gotthard-control", process))
        gateway.wait()
        if n < 2:
            check(ike_spi(one) == ike and child(one)["in_spi"] == esp, "other SAs than before")
        time.sleep(2.5)  # peers ask for each other
        esp = child(one)["in_spi"]
        one.call("rekey", "region-2/nets")
        wait_for("new ESP keys", lambda: child(one)["in_spi"] not in (None, esp))
        check(connection(one)["state"] == connection(two)["state"] == "established", f"{connection(one)}")
    result = stream.stop()
    check(faultless(result), f"{result} {one.losses()} {two.losses()}")


def reloads(lab):
    """Another shared key and other lifetimes by reload: SAs stay, and what is negotiated next uses them."""
    regions = TwoIkeRegions(lab)
    one, two = regions.gateways
    carries(lab, regions)
    stream = Sequence(lab, *regions.hosts, "10.2.0.2", 500, 40)
    ike = ike_spi(one)
    for gateway in (one, two):
        (gateway.directory / "ike.psk").write_text("quite another key for both of them\n")
        gateway.file.write_text(gateway.file.read_text().replace('encapsulation = "none"',
                                                                 'encapsulation = "none"\nrekey_time = "3h"'))
        said = {(d["where"], d["key"]) for d in gateway.ask("reload")["differences"]}
        name = f"ipsec0/{connection(gateway)['name']}"
        check(said == {(name, "files"), (name, "rekey_time"), (name, "over_time")}, f"{said}")
    check(ike_spi(one) == ike, "the IKE SA was made anew")
    spi = child(one)["in_spi"]
    one.call("rekey", "region-2/nets")
    wait_for("new ESP keys", lambda: child(one)["in_spi"] not in (None, spi))
    result = stream.stop()
    check(faultless(result), f"{result} {one.losses()} {two.losses()}")
    one.call("terminate", "region-2")
    wait_for("the end at both", lambda: connection(one)["state"] == "down" and connection(two)["state"] == "down")
    one.call("initiate", "region-2")
    carries(lab, regions)
    left = connection(one)["sas"][0]["rekey_in_seconds"]
    check(9000 < left <= 10800, f"it renews itself in {left} s")
    (one.directory / "ike.psk").write_text("\n")
    check("holds no preshared key" in one.refused("reload"), one.refused("reload"))


def by_name(lab):
    """A peer by its name: it is looked for until it has an address, and followed to another."""
    regions = TwoIkeRegions(lab, remotes=("gw2.example", "192.0.2.1"),
                            surroundings={1: own_run_and("/etc/hosts", "127.0.0.1 localhost\n", lab)})
    one = regions.gateways[0]
    wait_for("the reason", lambda: "no_address" in one.call("diagnose", "region-2"), 30)
    check("gw2.example" in one.call("diagnose", "region-2"), one.call("diagnose", "region-2"))
    hosts = lab.directory / "hosts"
    hosts.write_text("192.0.2.77 gw2.example\n")
    wait_for("an attempt at the wrong address", lambda: connection(one)["state"] == "connecting", 15)
    hosts.write_text("192.0.2.2 gw2.example\n")
    wait_for("the right one", lambda: connection(one)["state"] == "established", 15)
    carries(lab, regions)


def in_udp(lab):
    traffic(lab, "udp", 2)


if __name__ == "__main__":
    main(traffic, in_udp, rekeys, by_time, wrong_psk, operators, dataplane_dies, control_dies, reloads, by_name)
