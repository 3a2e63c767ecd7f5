"""Traffic through a lab: pings, streams, numbered packets, and what is seen on the wire."""
import json
import re
import time

from programs import BUILD, Failed, check, command

SEQTRAFFIC = BUILD / "tests" / "seqtraffic"


def stand_losses(lab):
    """What the kernel's devices and UDP sockets in the lab's namespaces have lost."""
    lost = {}
    for namespace in lab.namespaces:
        for link in json.loads(command("ip", "-n", namespace, "-j", "-s", "link", "show")):
            for way in ("rx", "tx"):
                lost[f"{namespace} {link['ifname']} {way}"] = link["stats64"][way]["dropped"]
        for line in lab.inside(namespace, "nstat", "-asz", "*RcvbufErrors").splitlines()[1:]:
            lost[f"{namespace} {line.split()[0]}"] = int(line.split()[1])
    return lost


def ping(lab, namespace, address, count=3, wait=3):
    """How many answers came."""
    return ping_at_once(lab, (namespace, address), count=count, wait=wait)[0]


def ping_at_once(lab, *pairs, count=3, wait=3):
    """The same for pairs of namespace and address."""
    # After its last packet ping waits for one interval only, or two round trips, once it has had an
    # answer: with a short one it calls lost what a busy machine is late with.
    running = [lab.start(namespace, "ping", "-n", "-c", count, "-i", "1", "-W", wait, address)
               for namespace, address in pairs]
    outputs = [process.communicate(timeout=count + wait + 20)[0].decode() for process in running]
    # Without such a line not even sent: there is no route.
    received = [re.search(r"(\d+) received", output) for output in outputs]
    return [int(found.group(1)) if found else 0 for found in received]


def answers(lab, namespace, address, count=2, *more):
    """Of pings that may be lost, or are not to be answered."""
    output = lab.inside(namespace, "ping", "-n", "-c", count, "-i", "0.2", "-W", "1", *more, address, allow=None)
    found = re.search(r"(\d+) received", output)
    return int(found.group(1)) if found else 0


def reach(lab, namespace, address, count=3):
    """Each ping is answered, or the test fails."""
    answers = ping(lab, namespace, address, count=count)
    check(answers == count, f"{namespace}: {answers} of {count} pings to {address} are answered")


def iperf3(lab, client, server, address, seconds=3, reverse=False, streams=1):
    """Mbit/s of one TCP stream; of several, each one's.

    Each call has a server of its own: one that has just served another may still be busy.
    """
    listener = lab.start(server, "iperf3", "-s", "-1", "-B", address)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if "5201" in lab.inside(server, "ss", "-Hltn", "sport = :5201"):
            break
        time.sleep(0.05)
    words = ["iperf3", "-J", "-c", address, "-t", seconds, "-P", streams] + (["-R"] if reverse else [])
    result = json.loads(lab.inside(client, *words, seconds=seconds + 60))
    listener.wait(10)
    check("error" not in result, f"iperf3: {result.get('error')}")
    rates = [s["receiver"]["bits_per_second"] / 1e6 for s in result["end"]["streams"]]
    check(len(rates) == streams, f"iperf3 ran {len(rates)} streams of {streams}")
    return rates[0] if streams == 1 else rates


class Sequence:
    """Numbered packets from one host to another; what the stand loses is told apart.

    That is what its ports lose, and full sockets, which an old wireguard-go has on a busy machine.
    With several flows `reordered` counts within each of them.
    """

    def __init__(self, lab, sender, receiver, address, rate, seconds, port=9000, size=64, flows=1):
        self.lab = lab
        self.stand = stand_losses(lab)
        # Of the two counts the ports' is taken first here and last in result(), so that no frame
        # in between is taken for a lost one.
        self.frames = [(g, g.frames(by_kernel=False), g.frames(by_kernel=True)) for g in lab.gateways
                       if g.process is not None]
        self.receiving = lab.start(receiver, SEQTRAFFIC, "receive", address, port, seconds + 20)
        time.sleep(0.3)
        self.sending = lab.start(sender, SEQTRAFFIC, "send", address, port, rate, seconds, size,
                                 flows)
        self.seconds = seconds

    def stop(self):
        """Before its time, which was only the longest that it would have taken."""
        check(self.sending.poll() is None, "the stream ended before what it was to accompany")
        self.sending.terminate()
        return self.result()

    def result(self):
        self.sending.communicate(timeout=self.seconds + 60)
        output, errors = self.receiving.communicate(timeout=60)
        if not output:
            raise Failed(f"the receiver says nothing: {errors}")
        result = json.loads(output)
        # A starved machine loses frames between its devices and the packet sockets of the test's
        # ports, where DPDK's driver counts none.
        time.sleep(0.5)  # the ports' counts are told that often
        result["lost_by_test_ports"] = sum(
            max(0, g.frames(by_kernel=True) - kernel - g.frames(by_kernel=False) + port)
            for g, port, kernel in self.frames)
        now = stand_losses(self.lab)
        result["stand"] = {k: v - self.stand[k] for k, v in now.items() if v != self.stand.get(k, v)}
        result["lost_by_sockets"] = sum(v for k, v in result["stand"].items() if k.endswith("RcvbufErrors"))
        result["lost_by_gateways"] = max(0, result["lost"] - result["lost_by_test_ports"] -
                                         result["lost_by_sockets"])
        return result


def faultless(result):
    """All of a stream has come once, each flow in its order."""
    return result["total"] > 0 and not (result["lost_by_gateways"] or result["duplicated"] or result["reordered"])


class Wire:
    """Counts what arrives at underlay devices: what is sealed, and what is neither that nor address resolution.

    Listens at the receiving ends: what DPDK sends through a packet socket bypasses the taps of the
    device that it leaves by.
    """

    DEVICE = "vwan"
    SEALED = "udp port 51820"
    NEIGHBOURS = "arp or (icmp6 and ip6[40] >= 133 and ip6[40] <= 137) or (ip6 proto 0)"

    def __init__(self, lab, *receivers, sealed=SEALED):
        filters = {"plain": f"not ({sealed}) and not ({self.NEIGHBOURS})", "sealed": sealed}
        self.captures = []
        for namespace in receivers:
            for kind, wanted in filters.items():
                file = lab.directory / f"wire-{namespace}-{self.DEVICE}-{kind}"
                process = lab.start(namespace, "tcpdump", "-p", "-n", "-l", "--immediate-mode", "-Q", "in",
                                    "-i", self.DEVICE, wanted, output=file)
                self.captures.append((kind, file, process))
        deadline = time.monotonic() + 10
        for _, file, _ in self.captures:
            while "listening on" not in file.read_text(errors="replace"):
                check(time.monotonic() < deadline, "tcpdump does not start")
                time.sleep(0.05)

    def stop(self):
        """(plain packets, sealed packets)"""
        time.sleep(0.3)
        counts = {"plain": 0, "sealed": 0}
        for kind, file, process in self.captures:
            process.terminate()
            process.wait(10)
            counts[kind] += sum(1 for line in file.read_text(errors="replace").splitlines()
                                if line[:2].isdigit() and ":" in line[:3])
        return counts["plain"], counts["sealed"]

    def plain_lines(self):
        return "".join(file.read_text(errors="replace") for kind, file, _ in self.captures
                       if kind == "plain")
