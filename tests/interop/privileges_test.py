#!/usr/bin/env python3
"""What each process may do, as the kernel sees it, and what it keeps of secrets."""
import base64
import fcntl
import os
import pathlib
import re
import signal
import socket
import subprocess

from lab import BUILD, TwoRegions, check, main, own_run_and, ping, wait_for

# linux/capability.h
DAC_OVERRIDE, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_ADMIN, IPC_LOCK = 1, 5, 6, 7, 8, 10, 12, 14
NONE = frozenset()
ROOT = 0
FILTERED, UNFILTERED = "2", "0"

# The table of programs in README.md. The supervisor alone keeps privileges: also those that its
# children begin with, which it cannot use itself.
SUPERVISOR = frozenset({DAC_OVERRIDE, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_ADMIN, IPC_LOCK})


def status(task):
    text = (task / "status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def numbers(mask):
    return frozenset(i for i in range(64) if int(mask, 16) >> i & 1)


def looks(pid, effective, permitted, seccomp):
    """The user that all threads of a process run as, which have what they should have."""
    users = set()
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        found = status(task)
        what = f"{found['Name']} {pid}/{task.name}"
        check(numbers(found["CapEff"]) == effective, f"{what} has CapEff {found['CapEff']}")
        for kind in ("CapPrm", "CapBnd"):
            check(numbers(found[kind]) <= permitted, f"{what} has {kind} {found[kind]}")
        for kind in ("CapInh", "CapAmb"):
            check(numbers(found[kind]) == NONE, f"{what} has {kind} {found[kind]}")
        check(found["NoNewPrivs"] == "1", f"{what} may gain privileges")
        check(found["Seccomp"] == seccomp, f"{what} has seccomp state {found['Seccomp']}")
        ids = set(found["Uid"].split()) | set(found["Gid"].split())
        check(len(ids) == 1, f"{what} runs as {ids}")
        users |= ids
    check(len(users) == 1, f"threads of {pid} run as {users}")
    return int(users.pop())


def resolver_of(supervisor):
    """A copy of the supervisor that asks a name server."""
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            found = status(folder)
            if found["PPid"] == str(supervisor) and found["Name"] == "gotthard":
                return int(folder.name)
        except OSError:
            pass
    return None


def rights(lab, **options):
    regions = TwoRegions(lab, start=False, **options)
    gateway, other = regions.gateways
    # A name server that is not there.
    gateway.surroundings = own_run_and("/etc/resolv.conf", "nameserver 192.0.2.99\n", lab)
    gateway.file.write_text(gateway.file.read_text().replace("192.0.2.2:51820", "b.example:51820"))
    for one in (gateway, other):
        one.begin()
    for one in (gateway, other):
        one.ready()
    supervisor = int(status(pathlib.Path(f"/proc/{gateway.child('gotthard-control')}"))["PPid"])
    wait_for("a name to be asked for", lambda: resolver_of(supervisor))
    users = [looks(supervisor, SUPERVISOR, numbers("ffffffffffffffff"), UNFILTERED),
             looks(gateway.child("gotthard-control"), NONE, NONE, FILTERED),
             looks(gateway.child("gotthard-dataplane"), NONE, NONE, FILTERED),
             looks(resolver_of(supervisor), NONE, NONE, UNFILTERED)]
    check(users[0] == ROOT, f"the supervisor runs as {users[0]}")
    check(ROOT not in users[1:] and len(set(users)) == 4, f"users are shared: {users}")
    held = status(pathlib.Path(f"/proc/{supervisor}"))["CapPrm"]
    check(len(numbers(held)) < 20, f"the supervisor holds {held}")
    # The other side begins the handshake, as this one does not know where it is.
    check(ping(lab, regions.hosts[1], "10.1.0.2") == 3, "the tunnel does not work")
    # With its user and its filter the data plane ends in order, and starts again.
    os.kill(gateway.child("gotthard-dataplane"), signal.SIGKILL)
    wait_for("another data plane", lambda: gateway.log_text().count("event=dataplane_ready") == 2)
    gateway.wait()
    gateway.call("down")
    check(gateway.process.wait(20) == 0, "the gateway did not end in order")
    refused = re.findall(r".*(?:Operation not permitted|killed by signal 31).*", gateway.log_text())
    check(not refused, f"something was refused: {refused}")


def maps(pid, name):
    """The flags of the process's mappings of that name, as the kernel has them."""
    found, inside = [], False
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            inside = name in line
        elif inside and line.startswith("VmFlags:"):
            found.append(set(line.split()[1:]))
    check(found, f"{pid} maps no {name}")
    return found


def may_lock(pid):
    """This machine lets it lock memory without a limit."""
    return "Max locked memory         unlimited" in pathlib.Path(f"/proc/{pid}/limits").read_text()


def undumpable(pid):
    """The files of such a process are root's, whoever it is."""
    return os.stat(f"/proc/{pid}/maps").st_uid == ROOT and status(
        pathlib.Path(f"/proc/{pid}"))["Uid"].split()[0] != "0"


def secrets_are_kept(lab):
    regions = TwoRegions(lab)
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "the tunnel does not work")
    gateway = regions.gateways[0]
    control, dataplane = (gateway.child(f"gotthard-{name}") for name in ("control", "dataplane"))
    supervisor = int(status(pathlib.Path(f"/proc/{control}"))["PPid"])
    for pid in (control, dataplane):
        check(undumpable(pid), f"{pid} could leave a core file")
    for pid in (supervisor, control, dataplane):
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        check(re.search(r"Max core file size +0 +0 ", limits), f"{pid} could leave a core file:\n{limits}")
    # Sessions with their keys are in DPDK's memory. Processes without capabilities lock what they may.
    for pid, name, locked in ((supervisor, "gotthard-checkpoint", True),
                              (control, "gotthard-checkpoint", may_lock(control)),
                              (control, "gotthard-rings", may_lock(control)),
                              (dataplane, "gotthard-rings", may_lock(dataplane)), (dataplane, "nohuge", True)):
        for flags in maps(pid, name):
            check("dd" in flags, f"{name} of {pid} would be in core files: {flags}")
            check("lo" in flags or not locked, f"{name} of {pid} is not locked: {flags}")


def control_hides_before_it_has_keys(lab):
    """It waits for its configuration, and nobody of its user could look into it."""
    ends = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]
    checkpoint = os.memfd_create("checkpoint", os.MFD_ALLOW_SEALING)
    os.ftruncate(checkpoint, 32 << 20)
    fcntl.fcntl(checkpoint, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    fds = [ends[0][1].fileno(), ends[1][1].fileno(), checkpoint]
    words = ["--broker-fd", fds[0], "--listen-fd", fds[1], "--netlink-fd", fds[1], "--checkpoint-fd", fds[2],
             "--dataplane-fd", fds[1]]
    # By descriptor: that user may have no way to where the build lies.
    program = os.open(BUILD / "gotthard-control", os.O_PATH)
    process = subprocess.Popen(["gotthard-control", *map(str, words)], pass_fds=[*fds, program], user=60700,
                               group=60700, extra_groups=[], executable=f"/proc/self/fd/{program}")
    lab.processes.append(process)
    wait_for("control to wait for its configuration", lambda: "unix_stream" in wchan(process.pid) or
             "skb_wait" in wchan(process.pid) or "recv" in wchan(process.pid))
    check(undumpable(process.pid), "control can be looked into before it reads keys")


def wchan(pid):
    """Where it sleeps: recvmsg's number when the kernel does not tell names."""
    call = pathlib.Path(f"/proc/{pid}/syscall").read_text().split()[0]
    return "recv" if call == "47" else pathlib.Path(f"/proc/{pid}/wchan").read_text()


def no_secret_is_shown(lab):
    """At the level that says most, of any key that the configuration has, in any form."""
    regions = TwoRegions(lab, start=False)
    for gateway in regions.gateways:
        gateway.file.write_text('[log]\nlevel = "debug"\n' + gateway.file.read_text())
        gateway.begin()
    for gateway in regions.gateways:
        gateway.ready()
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "the tunnel does not work")
    gateway = regions.gateways[0]
    gateway.call("rekey", "wg0/region-2")
    gateway.call("reload")
    files = re.findall(r'_key_file = "(.*)"', gateway.file.read_text())
    check(sorted(files) == ["peer.psk", "wg0.key"], f"keys of the configuration: {files}")
    old = gateway.child("gotthard-control")
    shown = [pathlib.Path(f"/proc/{gateway.child(p)}/{f}").read_text()
             for p in ("gotthard-dataplane", "gotthard-control") for f in ("cmdline", "environ")]
    os.kill(old, signal.SIGKILL)
    gateway.wait()
    for what in ("ports", "workers", "peers", "sessions", "interfaces", "routes", "neighbours", "drops", "runtime"):
        shown += [str(gateway.ask("show", what)), gateway.call("show", what)]
    shown += [str(gateway.ask("diff")), gateway.call("diff"), gateway.log_text()]
    check("event=message_sent" in shown[-1], "nothing was logged at debug level")
    for file in files:
        text = (gateway.directory / file).read_text().strip()
        raw = base64.b64decode(text)
        for form in (text, raw.hex(), raw.hex(":"), raw[:8].hex(), text[:20], raw.decode("latin-1")):
            for place in shown:
                check(form.lower() not in place.lower(), f"{file} is shown in:\n{place[-2000:]}")


if __name__ == "__main__":
    main(rights, secrets_are_kept, control_hides_before_it_has_keys, no_secret_is_shown)
