#!/usr/bin/env python3
"""Two Gotthard gateways: what they carry with each choice of options, and rekeys that lose nothing.

Each pair of choices is held together in some run; with --full all of them are, rekeys go on for
minutes, and keys also age until they are renewed by themselves.
"""
import sys
import time

from lab import Sequence, TwoRegions, Wire, check, faultless, iperf3, main, ping, ping_at_once, wait_for
from products import pairwise, product, tests_of

FULL = "--full" in sys.argv
OPTIONS = {"workers": (1, 2), "underlay": ("IPv4", "IPv6"), "aead": ("portable", "ipsec_mb"),
           "hugepages": ("auto", "never"), "idle": ("adaptive", "poll")}


def runs_as_chosen(gateway, choice):
    runtime = gateway.ask("show", "runtime")["dataplane"]
    for option in ("workers", "aead", "idle"):
        check(runtime[option] == choice[option], f"{option} is {runtime[option]}, not {choice[option]}")
    wanted = "pages" if choice["hugepages"] == "never" or "event=no_hugepages" in gateway.log_text() \
        else "hugepages"
    check(runtime["memory"] == wanted, f"memory is {runtime['memory']}, not {wanted}")


def carry(lab, **choice):
    options = {name: value for name, value in choice.items() if name != "underlay"}
    regions = TwoRegions(lab, endpoint6=choice["underlay"] == "IPv6", **options)
    for gateway in regions.gateways:
        runs_as_chosen(gateway, choice)
    wire = Wire(lab, *regions.gateway_namespaces)
    first, second = regions.hosts
    check(ping(lab, first, "10.2.0.2", count=2) == 2, "IPv4 pings are lost, the first one too perhaps")
    answers = ping_at_once(lab, (second, "fd01::2"), (regions.gateway_namespaces[0], "172.31.0.2"))
    check(answers == [3, 3], f"{answers} of 3 pings are answered, over IPv6 and from wg0 to wg0")
    lose_nothing(lab, regions, 1000, 2, rekeys=0)
    # Polling workers that share CPUs with each other and with the streams' ends wait for their turns.
    least = 20 if choice["idle"] == "adaptive" else 1
    for address, reverse in (("10.2.0.2", False), ("fd02::2", True)):
        rate = iperf3(lab, first, second, address, seconds=1, reverse=reverse)
        check(rate > least, f"TCP to {address}{' and back' if reverse else ''} carries {rate:.0f} Mbit/s only")
    plain, sealed = wire.stop()
    check(plain == 0, f"{plain} plain packets on the underlay:\n{wire.plain_lines()[-2000:]}")
    check(sealed > 1000, f"only {sealed} WireGuard packets were seen on the underlay")


def lose_nothing(lab, regions, rate, seconds, rekeys):
    """Both ways at once; how many sessions there were. The rekeys take turns."""
    first, second = regions.hosts
    there = Sequence(lab, first, second, "10.2.0.2", rate=rate, seconds=seconds, flows=4)
    back = Sequence(lab, second, first, "fd01::2", rate=rate, seconds=seconds, flows=4)
    gateway = regions.gateways[0]
    ids = {gateway.peer()["session"]["local_id"]}
    for turn in range(rekeys):
        # Two handshakes with one peer lie at least five seconds apart.
        time.sleep(5.2)
        regions.gateways[turn % 2].call("rekey", f"wg0/region-{2 - turn % 2}")
        wait_for("new keys", lambda: gateway.peer()["session"]["local_id"] not in ids, seconds=4)
        ids.add(gateway.peer()["session"]["local_id"])
    while there.sending.poll() is None:
        ids.add(gateway.peer()["session"]["local_id"])
        time.sleep(0.5)
    for direction in (there, back):
        result = direction.result()
        check(result["total"] == rate * seconds and faultless(result),
              f"rekeys under traffic: {result}, {[g.losses() for g in regions.gateways]}")
    return len(ids)


def working(lab, **options):
    regions = TwoRegions(lab, **options)
    first, second = regions.hosts
    check(ping(lab, first, "10.2.0.2") == 3, "pings are lost")
    # Both ways: a neighbour that is not resolved yet holds four packets, not a stream.
    check(ping(lab, second, "fd01::2") == 3, "pings are lost")
    return regions


def rekeys_lose_nothing(lab):
    lose_nothing(lab, working(lab), 2000, 12, rekeys=2)


def many_rekeys_lose_nothing(lab):
    lose_nothing(lab, working(lab, workers=2, hugepages="auto"), 2000, 120, rekeys=20)


def ageing_keys_lose_nothing(lab):
    """Keys are renewed two minutes after they were made."""
    sessions = lose_nothing(lab, working(lab, workers=2), 1000, 400, rekeys=0)
    check(sessions >= 4, f"there were {sessions} sessions in 400 seconds")


if FULL:
    main(*tests_of(carry, product(OPTIONS)), rekeys_lose_nothing, many_rekeys_lose_nothing,
         ageing_keys_lose_nothing)
else:
    main(*tests_of(carry, pairwise(OPTIONS)), rekeys_lose_nothing)
