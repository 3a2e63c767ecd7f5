#!/usr/bin/env python3
"""What each process may do, as the kernel sees it."""
import pathlib

from lab import TwoRegions, check, main, ping

CAP_NET_ADMIN = 12


def status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def rights(lab):
    regions = TwoRegions(lab)
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "the tunnel does not work")
    gateway = regions.gateways[0]

    control = status(gateway.child("gotthard-control"))
    check(control["Uid"].split()[1] != "0", "control runs as root")
    for kind in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
        check(int(control[kind], 16) == 0, f"control has {kind} {control[kind]}")
    check(control["NoNewPrivs"] == "1", "control may gain privileges")
    check(control["Seccomp"] == "2", "control has no system call filter")

    dataplane = status(gateway.child("gotthard-dataplane"))
    for kind in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
        check(int(dataplane[kind], 16) == 0, f"the data plane has {kind} {dataplane[kind]}")
    check(dataplane["NoNewPrivs"] == "1", "the data plane may gain privileges")

    supervisor = status(int(dataplane["PPid"]))
    effective = int(supervisor["CapEff"], 16)
    check(effective >> CAP_NET_ADMIN & 1, "the supervisor cannot administer its interfaces")
    check(effective != (1 << 41) - 1, "the supervisor kept every capability")


def no_secret_is_shown(lab):
    regions = TwoRegions(lab)
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "the tunnel does not work")
    gateway = regions.gateways[0]
    secrets = [(gateway.directory / f).read_text().strip() for f in ("wg0.key", "peer.psk")]
    shown = [gateway.log_text()] + [str(gateway.ask("show", what)) for what in
                                    ("ports", "workers", "peers", "drops", "runtime")]
    for program in ("gotthard-dataplane", "gotthard-control"):
        shown.append(pathlib.Path(f"/proc/{gateway.child(program)}/cmdline").read_text())
    for secret in secrets:
        check(not any(secret in text for text in shown), "a secret key is shown")


main(rights, no_secret_is_shown)
