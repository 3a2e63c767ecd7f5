"""A world of its own for a test that looks for leftovers: whatever is new in it was left by the test.

Own processes, mounts, network, and empty /run, /tmp, /var/tmp and /dev/shm; only the machine's pool of
hugepages is shared. It ends with its first process, so that a failed test leaves nothing either.
"""
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "interop"))
from lab import ROOT, command, wait_for  # noqa: E402

INSIDE = "--inside"
PLACES = ("/run", "/tmp", "/var/tmp", "/dev/shm", "/dev/hugepages", "/var/lib/gotthard")
HUGEPAGES = pathlib.Path("/sys/kernel/mm/hugepages")
ENOUGH = 160  # pages of 2 MB: more than two gateways of the tests use

# The first process reaps those whose parents are gone, as on any machine. The project may lie beneath
# one of the places that are made empty. What iproute2 and WireGuard's programs share is there before.
MAKE = r"""
set -eu
project=$1
shift
exec 9< "$project"
for place in /run /tmp /var/tmp /dev/shm; do
  mount -t tmpfs -o mode=1777 world "$place"
done
mkdir -p "$project" /run/wireguard
[ "$project" -ef /proc/self/fd/9 ] || mount --bind /proc/self/fd/9 "$project"
exec 9<&-
ip link set lo up
ip netns add first
ip netns del first
cd "$project"
status=0
"$@" || status=$?
exit "$status"
"""


def enter():
    """Comes back inside only."""
    if INSIDE in sys.argv:
        return
    environment = {k: v for k, v in os.environ.items() if k != "TMPDIR"}
    words = ["unshare", "--mount", "--propagation", "private", "--net", "--ipc", "--pid", "--fork",
             "--kill-child", "--mount-proc", "bash", "-c", MAKE, "bash", str(ROOT), sys.executable,
             *sys.argv, INSIDE]
    os.execvpe(words[0], words, environment)


def network(*inside):
    """Links, addresses, routes and filters, here or (`ip netns exec NAME`) in a namespace."""
    links = json.loads(command(*inside, "ip", "-j", "-d", "addr", "show"))
    found = {f"link {link['ifname']}": (
        sorted(f for f in link["flags"] if f != "LOWER_UP"), link["mtu"], link.get("master"),
        sorted((a["local"], a["prefixlen"]) for a in link["addr_info"])) for link in links}
    for version in ("-4", "-6"):
        for line in command(*inside, "ip", version, "route", "show", "table", "all").splitlines():
            found[f"route {line.strip()}"] = True
        for line in command(*inside, "ip", version, "rule").splitlines():
            found[f"rule {line.strip()}"] = True
    found["nftables"] = command(*inside, "nft", "list", "ruleset")
    return found


def files():
    found = {}
    for place in PLACES:
        for folder, folders, names in os.walk(place):
            for name in folders + names:
                found[f"file {folder}/{name}"] = True
    return found


def hugepages():
    """How many there are, and how many of them nobody holds, once the kernel has taken back the rest."""
    surplus = list(HUGEPAGES.glob("*/surplus_hugepages"))
    wait_for("the kernel to take back hugepages",
             lambda: all(int(count.read_text()) == 0 for count in surplus))
    return {f"{count.parent.name}/{count.name}": count.read_text().strip()
            for kind in ("nr_hugepages", "free_hugepages") for count in HUGEPAGES.glob(f"*/{kind}")}


def processes():
    found = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            status = (folder / "status").read_text()
        except OSError:
            continue
        found[f"process {folder.name} {words.strip() or status.splitlines()[0]}"] = True
    return found


def mounts():
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return {f"mount {line.split()[4]}": True for line in lines}


def snapshot():
    namespaces = {f"namespace {line.split()[0]}": True for line in command("ip", "netns").splitlines()}
    return {**files(), **mounts(), **processes(), **hugepages(), **network(), **namespaces}


def difference(before, after):
    """Lines for what came, went and changed."""
    lines = [f"+ {name}" for name in sorted(after.keys() - before.keys())]
    lines += [f"- {name}" for name in sorted(before.keys() - after.keys())]
    lines += [f"! {name}: {before[name]} became {after[name]}"
              for name in sorted(before.keys() & after.keys()) if before[name] != after[name]]
    return "\n".join(lines)


def no_hugepages():
    """Why this machine has none for a test; nothing is left reserved."""
    pool = HUGEPAGES / "hugepages-2048kB" / "nr_hugepages"
    try:
        before = int(pool.read_text())
        pool.write_text(str(before + ENOUGH))
        given = int(pool.read_text()) - before
        pool.write_text(str(before))
    except OSError as error:
        return f"pages of 2 MB cannot be reserved: {error}"
    if given < ENOUGH:
        return f"only {given} of {ENOUGH} pages of 2 MB can be reserved: memory is short or fragmented"
    return None
