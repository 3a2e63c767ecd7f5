#!/usr/bin/env python3
"""IKE between two of strongSwan's charon, with the secrets that they log: no code of Gotthard runs.
Makes tests/vectors/charon/*.h anew; needs root and the packages of tools/packages:

    python3 tests/vectors/charon_transcript.py
"""
import pathlib
import re
import shutil
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "interop"))
from authority import Authority  # noqa: E402
from charon import PROGRAM  # noqa: E402
from lab import OWN_RUN, Lab, check, command, wait_for  # noqa: E402

KEY = "what both ends of a transcript know"
LOADED = ("random nonce openssl kdf pem pkcs1 pkcs8 pubkey x509 constraints kernel-libipsec kernel-netlink "
          "socket-default vici")
# IKE, ESP, how they authenticate, bytes of a fragment
CASES = {
    "aes256gcm16-prfsha384-x25519": ("aes256gcm16-x25519", "psk", 1280),
    "chacha20poly1305-prfsha256-ecp256": ("chacha20poly1305", "psk", 1280),
    "aes128gcm16-prfsha512-modp3072": ("aes128gcm16-modp3072", "ecdsa", 576),
    "aes256-sha256-modp2048": ("aes256-sha256", "psk", 1280),
}


class End:
    """A charon in a namespace of its own, which knows the other one."""

    def __init__(self, lab, number, case, files):
        self.lab, self.namespace = lab, lab.namespace(f"end{number}")
        self.number, self.case, self.files = number, case, files
        self.directory = lab.directory / f"end{number}"
        self.directory.mkdir()
        # Profiles of AppArmor are for the programs in their places.
        self.program = shutil.copy(PROGRAM, self.directory / "charon")
        self.swanctl_program = shutil.copy(shutil.which("swanctl"), self.directory / "swanctl-program")
        self.log = self.directory / "log"

    def begin(self):
        ike, (esp, auth, fragment) = self.case, CASES[self.case]
        near, far = self.number, 3 - self.number
        for address, device in ((f"192.0.2.{near}/24", "veth"), (f"10.{near}.0.1/16", "lo"),
                                (f"fd0{near}::1/64", "lo")):
            command("ip", "-n", self.namespace, "addr", "add", address, "dev", device)
        (self.directory / "strongswan.conf").write_text(f"""
charon {{
  load = {LOADED}
  fragment_size = {fragment}
  filelog {{
    stdout {{
      ike = 4
      chd = 4
      flush_line = yes
    }}
  }}
  plugins {{
    vici {{
      socket = unix://{self.directory}/vici
    }}
  }}
}}
swanctl {{
  load = nonce pem pkcs1 pkcs8 x509 pubkey openssl random
}}
""")
        folder = self.directory / "swanctl"
        for name in ("x509", "x509ca", "x509crl", "private", "pkcs8", "rsa", "ecdsa", "pubkey", "pkcs12", "bliss",
                     "x509aa", "x509ac", "x509ocsp", "conf.d"):
            (folder / name).mkdir(parents=True)
        for name, text in self.files.items():
            (folder / name).write_text(text)
        own = "auth = psk" if auth == "psk" else "auth = pubkey\n      certs = own.pem"
        others = "auth = psk" if auth == "psk" else "auth = pubkey"
        (folder / "swanctl.conf").write_text(f"""
connections {{
  there {{
    version = 2
    local_addrs = 192.0.2.{near}
    remote_addrs = 192.0.2.{far}
    proposals = {ike}
    mobike = no
    rekey_time = 0
    local {{
      {own}
      id = end{near}.example
    }}
    remote {{
      {others}
      id = end{far}.example
    }}
    children {{
      there {{
        local_ts = 10.{near}.0.0/16,fd0{near}::/64
        remote_ts = 10.{far}.0.0/16,fd0{far}::/64
        esp_proposals = {esp}
        rekey_time = 0
      }}
    }}
  }}
}}
secrets {{
  ike-there {{
    secret = "{KEY}"
  }}
}}
""")
        self.lab.start(self.namespace, *OWN_RUN, *self.environment(), self.program, output=self.log)
        wait_for("charon", (self.directory / "vici").exists)
        self.swanctl("--load-all", "--noprompt")

    def environment(self):
        return ["env", f"STRONGSWAN_CONF={self.directory}/strongswan.conf", f"SWANCTL_DIR={self.directory}/swanctl"]

    def swanctl(self, *words):
        return self.lab.inside(self.namespace, *self.environment(), self.swanctl_program, *words, "--uri",
                               f"unix://{self.directory}/vici")

    def secrets(self):
        """What it has logged, in order: a name and bytes each."""
        found, name, data = [], None, b""
        for line in self.log.read_text(errors="replace").splitlines():
            begin = re.search(r"\] (.+) => (\d+) bytes @", line)
            more = re.search(r"\]\s+\d+: ((?:[0-9A-F]{2} )+)", line)
            if begin:
                name, data, size = begin.group(1), b"", int(begin.group(2))
            elif more and name:
                data += bytes.fromhex(more.group(1))
                if len(data) >= size:
                    found.append((name, data[:size]))
                    name = None
        return found


def datagrams(capture):
    """Of IKE, without the marker: who has sent it and its bytes."""
    data, at, found = capture.read_bytes(), 24, []
    while at + 16 <= len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        frame = data[at + 16:at + 16 + size]
        at += 16 + size
        payload = frame[14 + 20 + 8:14 + 20 + struct.unpack_from(">H", frame, 14 + 20 + 4)[0]]
        marked = struct.unpack_from(">H", frame, 14 + 20)[0] == 4500
        if not marked or payload[:4] == bytes(4):
            found.append((frame[14 + 15], payload[4:] if marked else payload))
    return found


def transcript(lab, case):
    files = [{}, {}]
    if CASES[case][1] != "psk":
        authority = Authority("root")
        for number, own in enumerate(files, 1):
            credential = authority.issue(f"end{number}.example", CASES[case][1])
            own |= {"x509/own.pem": credential.pem, "private/own.key": credential.key_pem,
                    "x509ca/root.pem": authority.pem}
    ends = [End(lab, number, case, own) for number, own in enumerate(files, 1)]
    lab.link(ends[0].namespace, "veth", ends[1].namespace, "veth")
    for end in ends:
        end.begin()
    capture = lab.directory / "capture"
    tcpdump = lab.start(ends[0].namespace, "tcpdump", "--immediate-mode", "-U", "-i", "veth", "-w", capture,
                        "udp port 500 or udp port 4500", output=lab.directory / "tcpdump")
    wait_for("tcpdump", lambda: capture.exists() and capture.stat().st_size >= 24)
    ends[0].swanctl("--initiate", "--child", "there")
    ends[0].swanctl("--rekey", "--child", "there")
    wait_for("the child's rekey", lambda: ends[0].swanctl("--list-sas").count("INSTALLED") == 1)
    ends[0].swanctl("--rekey", "--ike", "there")
    wait_for("the rekey", lambda: "ESTABLISHED" in ends[0].swanctl("--list-sas") and "DELETING" not in
             ends[0].swanctl("--list-sas"))
    ends[0].swanctl("--terminate", "--ike", "there")
    # What they have written is in their files once they have ended.
    for process in reversed(lab.processes):
        process.terminate()
        process.wait()
    return datagrams(capture), ends[0].secrets()


# As charon names them, and as the test does.
SECRETS = {"shared Diffie Hellman secret": "shared", "DH secret": "child shared", "SKEYSEED": "SKEYSEED",
           "octets = message + nonce + prf(Sk_px, IDx')": "octets",
           **{f"Sk_{name} secret": f"SK_{name}" for name in ("d", "ai", "ar", "ei", "er", "pi", "pr")},
           **{f"{what} {end} key": f"{what} {end}" for what in ("encryption", "integrity")
              for end in ("initiator", "responder")}}


def digits(data):
    lines = [data.hex()[i:i + 88] for i in range(0, 2 * len(data), 88)]
    return "\n".join(f'     "{line}"' for line in lines)


def write(folder, case, version):
    auth = CASES[case][1]
    lab = Lab()
    try:
        sent, secrets = transcript(lab, case)
    finally:
        lab.close()
    check(len(sent) >= 14, f"{case}: {len(sent)} datagrams")
    text = f"""// Made by charon_transcript.py: strongSwan {version}.
#pragma once

#include "tests/vectors/charon_transcript.h"

namespace gotthard::ike::vectors {{

inline const Transcript {case.replace("-", "_")}{{"{case}", "{KEY if auth == 'psk' else ''}", {{
"""
    text += ",\n".join(f"    {{{sender},\n{digits(data)}}}" for sender, data in sent) + "\n    }, {\n"
    text += ",\n".join(f'    {{"{SECRETS[name]}",\n{digits(data)}}}' for name, data in secrets if name in SECRETS)
    text += "\n    }};\n\n}  // namespace gotthard::ike::vectors\n"
    file = folder / f"{case}.h"
    file.write_text(text)
    command("clang-format", "-i", file)


def main():
    version = command("dpkg-query", "-W", "-f", "${Version}", "charon-systemd")
    folder = pathlib.Path(__file__).resolve().parent / "charon"
    folder.mkdir(exist_ok=True)
    for case in CASES:
        write(folder, case, version)


if __name__ == "__main__":
    main()
