"""What tests with charon have in common: traffic, keys, and that nothing was lost."""
import functools
import sys

from charon import missing
from lab import Sequence, Skipped, check, faultless, ping_at_once

FULL = "--full" in sys.argv
WAYS = (("10.2.0.2", "fd02::2"), ("10.1.0.2", "fd01::2"))  # from host1, from host2


def available(kind):
    why = missing(kind)
    if why:
        raise Skipped(why)


def carries(lab, stand):
    """Pings of both families are answered, whichever host begins."""
    pairs = [(stand.hosts[n], address) for n in (0, 1) for address in WAYS[n]]
    counts = ping_at_once(lab, *pairs, count=2)
    check(counts == [2] * 4, f"pings that are answered, of 2 {[a for _, a in pairs]}: {counts}; {stand.losses()}")


def nothing_refused(stand):
    """The other end has taken all ESP that came to it."""
    refused = stand.charon.refused_esp()
    check(not refused, f"the other end refused ESP: {refused}")


def keys(stand, of_ike):
    """The SPI of what serves, by connection; none where it is not one alone."""
    if not of_ike:
        return {c["connection"]: c["in_spi"] for c in stand.gateway.ask("show", "children")["children"]}
    found = {}
    for connection in stand.gateway.ask("show", "connections")["connections"]:
        spis = [sa["initiator_spi"] for sa in connection["sas"] if sa["state"] == "established"]
        found[connection["name"]] = spis[0] if len(spis) == 1 else None
    return found


def streams(lab, stand, rate, seconds):
    """Both ways, of either family."""
    one, two = stand.hosts
    return [Sequence(lab, one, two, WAYS[0][0], rate, seconds, port=9000),
            Sequence(lab, two, one, WAYS[1][1], rate, seconds, port=9001)]


def lost_nothing(stand, running, busy=False):
    """`busy`: charon's own ESP has threads that change packets' order when they must wait for a core."""
    results = [stream.stop() for stream in running]
    if busy and stand.charon.kind == "libipsec":
        results = [{**result, "reordered": 0} for result in results]
    check(all(faultless(result) for result in results), f"{results} {stand.losses()}")
    nothing_refused(stand)


def named(name, function, **options):
    test = functools.partial(function, **options)
    test.__name__ = name
    return test
