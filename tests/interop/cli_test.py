#!/usr/bin/env python3
"""The operator's commands on a running gateway: what they show, and how they fail."""
import json
import subprocess

from lab import GOTTHARD, TwoRegions, check, main, ping

OK, FAILED, USAGE, NOT_RUNNING = 0, 1, 2, 3


def gotthard(gateway, *words):
    done = subprocess.run([GOTTHARD, "--run-dir", gateway.run_dir, *words], capture_output=True,
                          text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


def fails(gateway, status, sentence, *words):
    got, out, err = gotthard(gateway, *words)
    check(got == status and sentence in err, f"{words}: status {got}, {out!r}, {err!r}")
    got, out, _ = gotthard(gateway, "--json", *words)
    answer = json.loads(out)
    check(got == status and answer["ok"] is False and answer["code"], f"{words}: {answer}")


def commands(lab):
    regions = TwoRegions(lab)
    gateway = regions.gateways[0]
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "pings are lost")

    for what, word in (("ports", "underlay"), ("workers", "CYCLES/PACKET"),
                       ("peers", "wg0/region-2"), ("drops", ""), ("runtime", "checkpoint")):
        status, out, err = gotthard(gateway, "show", what)
        check(status == OK and word in out and not err, f"show {what}: {status}, {out!r}, {err!r}")
        status, out, _ = gotthard(gateway, "show", what, "--json")
        check(status == OK and isinstance(json.loads(out), dict), f"show {what} --json: {out!r}")
        # No key but public ones, in whatever form.
        for file in ("wg0.key", "peer.psk"):
            secret = (lab.directory / gateway.name / file).read_text().strip()
            check(secret not in out, f"show {what} tells {file}")
    peer = gateway.peer()
    check(peer["state"] == "up" and peer["rx_bytes"] > 0 and peer["session"]["local_id"],
          f"the peer is not up: {peer}")

    for name in ("region-2", "wg0/region-2"):
        status, out, _ = gotthard(gateway, "rekey", name, "--json")
        check(status == OK and json.loads(out)["peer"] == "wg0/region-2", f"rekey {name}: {out!r}")
    fails(gateway, USAGE, "there is no peer 'x': peers are wg0/region-2", "rekey", "x")
    fails(gateway, USAGE, "loud", "log", "handshake", "loud")
    fails(gateway, USAGE, "nothing", "log", "nothing", "debug")
    check(gotthard(gateway, "log", "handshake", "debug")[0] == OK, "log handshake debug")
    check(gotthard(gateway, "show", "everything")[0] == USAGE, "show everything")

    check(gotthard(gateway, "down")[0] == OK, "down")
    for words in (("down",), ("show", "peers"), ("wait", "--timeout", "0.2"), ("rekey", "x")):
        fails(gateway, NOT_RUNNING, "no gateway runs with --run-dir", *words)


if __name__ == "__main__":
    main(commands)
