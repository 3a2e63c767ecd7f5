"""The real Linux kernel as a router: User-Mode Linux in a network namespace.

It is an ordinary process. Its root is this machine's file system, read-only. Its network devices are
TAPs, each bridged to a veth of the namespace: their queues are long and count what they lose, as the
kernel's one core is slow.
"""
import os
import pathlib
import re
import time

from lab import Failed, check, command, wait_for

HERE = pathlib.Path(__file__).resolve().parent / "uml"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "/var/cache") / "gotthard"


def kernel():
    """$GOTTHARD_UML_KERNEL, else the one that tests/interop/uml/build has put into the cache."""
    for path in (os.environ.get("GOTTHARD_UML_KERNEL"), CACHE / "linux-uml"):
        if path and os.access(path, os.X_OK):
            return pathlib.Path(path)
    return None


def has(feature):
    """What an older kernel in the cache may lack."""
    return feature.encode() in kernel().read_bytes()


class LinuxKernel:
    READY = "gotthard: ready"

    def __init__(self, lab, namespace, devices, script):
        """`devices` of the namespace are vec0, vec1 ... in the kernel; `script` sets it up."""
        self.lab = lab
        self.namespace = namespace
        lab.inside(namespace, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        self.taps = [self._tap(device) for device in devices]
        self.log = lab.directory / f"linux-{namespace}.log"
        self.end = lab.directory / f"linux-{namespace}.end"
        self.commands = lab.directory / f"linux-{namespace}.commands"
        self.commands.mkdir()
        self.given = 0
        file = lab.directory / f"linux-{namespace}.sh"
        # Without offloads, as on all ports of the tests: what is captured has whole checksums.
        offloads = "".join(f"ethtool -K vec{i} tx off rx off tso off gso off gro off || true\n"
                           for i in range(len(devices)))
        file.write_text(offloads + script + f'\necho "{self.READY}"\n'
                        + self._follow())
        vectors = [f"vec{i}:transport=tap,ifname={tap},depth=128,gro=0"
                   for i, tap in enumerate(self.taps)]
        self.process = lab.start(
            namespace, "env", "TMPDIR=/dev/shm", kernel(), "mem=192M", "root=/dev/root",
            "rootfstype=hostfs", "rootflags=/", "ro", f"init={HERE / 'init'}", "con=null",
            "con0=null,fd:1", "quiet", f"gotthard.script={file}", *vectors, output=self.log)
        deadline = time.monotonic() + 60
        while self.READY not in self.text():
            check(self.process.poll() is None and time.monotonic() < deadline,
                  f"User-Mode Linux is not ready:\n{self.text()[-2000:]}")
            time.sleep(0.1)

    def _follow(self):
        """Commands come as files with numbers, and their output goes to the console.

        Nothing is started while it waits: what is not there yet when a lab closes is not ended with it.
        """
        return f"""
n=1
mkfifo /run/silence
exec 9<> /run/silence
until [ -e {self.end} ]; do
  if [ -e {self.commands}/$n ]; then
    echo "gotthard: command $n"
    status=0
    bash -eu {self.commands}/$n 2>&1 9>&- || status=$?
    echo "gotthard: command $n ended with $status"
    n=$((n + 1))
  else
    read -r -t 0.05 -u 9 || true
  fi
done
"""

    def run(self, text, seconds=60):
        """What a script says that the kernel's first process runs."""
        self.given += 1
        n = self.given
        file = self.commands / f"{n}.new"
        file.write_text(text)
        file.rename(self.commands / str(n))
        answer = re.compile(rf"gotthard: command {n}\r?\n(.*)gotthard: command {n} ended with (\d+)", re.S)
        try:
            wait_for(f"Linux to run: {text}", lambda: answer.search(self.text()), seconds)
        except Failed as failed:
            raise Failed(f"{failed}\n{self.text()[-2000:]}") from None
        said, status = answer.search(self.text()).groups()
        if status != "0":
            raise Failed(f"Linux: {text}: ended with {status}: {said}")
        return said.replace("\r", "")

    def _tap(self, device):
        tap, bridge = f"t{device}", f"b{device}"
        ip = ("ip", "-n", self.namespace)
        command(*ip, "tuntap", "add", tap, "mode", "tap")
        command(*ip, "link", "set", tap, "txqueuelen", "10000")
        command(*ip, "link", "add", bridge, "type", "bridge", "mcast_snooping", "0")
        for member in (device, tap):
            command(*ip, "link", "set", member, "master", bridge, "up")
        command(*ip, "link", "set", bridge, "up")
        return tap

    def losses(self):
        """Frames that the test's own devices have lost."""
        return {tap: int(self.lab.inside(self.namespace, "cat",
                                         f"/sys/class/net/{tap}/statistics/tx_dropped"))
                for tap in self.taps}

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def power_off(self):
        self.end.touch()
        self.process.wait(20)
