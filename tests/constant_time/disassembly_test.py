#!/usr/bin/env python3
"""Looks through the instructions of the wide AEAD kernels for addresses that come from data.

Fails for a gather or a scatter, for missing the gather in leaks.cc, and for a kernel that is not there. --list shows
what is left for eyes, by source line: conditional branches, jumps and calls through registers, divisions, operands
with an index register, and what leaves the vectors' registers for general ones or flags, unless it came from a general
one or from memory as it is.
"""
import argparse
import collections
import dataclasses
import functools
import pathlib
import re
import subprocess
import sys

KERNELS = ("avx2", "vaes", "avx512")  # a library each
OBJECTS = "crypto/libgotthard_crypto_{}.a.p/*.o"
LEAKS = "tests/constant_time/libconstant_time_leaks.a.p/*.o"
FORBIDDEN = re.compile(r"v?p?(gather|scatter)")
TO_GENERAL = re.compile(r"v?(pextr[bwdq]|mov[dq]|p?movmsk[a-z]*)|kmov[bwdq]")
TO_FLAGS = re.compile(r"v?ptest|vtestp[sd]|v?u?comis[sd]|k(or)?test[bwdq]")
TO_VECTOR = re.compile(r"v?(pinsr[bwdq]|mov[dq]|pmovzxdq)")
VECTOR = re.compile(r"%[xyz]mm(\d+)")
INDEXED = re.compile(r"\([^()]*,%[^()]*\)")


@dataclasses.dataclass
class Instruction:
    address: int
    function: str
    line: str  # FILE:NUMBER
    name: str
    operands: str


def instructions(path):
    text = subprocess.run(["objdump", "-d", "-l", "--no-show-raw-insn", "-C", str(path)],
                          capture_output=True, text=True, check=True).stdout
    function = line = ""
    found = []
    for row in text.splitlines():
        if match := re.match(r"[0-9a-f]+ <(.*)>:$", row):
            function, line = match[1], ""
        elif match := re.match(r"(\S+\.(?:h|cc):\d+)", row):
            line = match[1]
        elif match := re.match(r"\s+([0-9a-f]+):\s+(?:(?:rep|repz|lock|notrack|bnd|cs|data16) )*(\S+)\s*([^#]*)", row):
            found.append(Instruction(int(match[1], 16), function, line, match[2], match[3].strip()))
    return found


def predecessors(code):
    """By place: the places from where an instruction is reached."""
    place = {each.address: i for i, each in enumerate(code)}
    before = collections.defaultdict(list)
    for i, each in enumerate(code):
        if each.name.startswith("j"):
            target = re.match(r"[0-9a-f]+", each.operands)
            if target and int(target[0], 16) in place:
                before[place[int(target[0], 16)]].append(i)
        if each.name != "jmp" and not each.name.startswith("ret") and i + 1 < len(code) \
                and code[i + 1].function == each.function:
            before[i + 1].append(i)
    return before


def is_spill(code, before, i):
    """What a vector's register has there came from a general register or from memory, and was not computed with."""
    register = VECTOR.search(code[i].operands)
    if not register:
        return False
    seen = set()
    todo = list(before[i])
    while todo:
        j = todo.pop()
        if j in seen:
            continue
        seen.add(j)
        written = re.search(r"%[xyz]mm(\d+)(\{[^}]*\})*$", code[j].operands)
        if not written or written[1] != register[1] or TO_FLAGS.fullmatch(code[j].name):
            todo += before[j]
        elif not TO_VECTOR.fullmatch(code[j].name):
            return False
    return True


def kind_of(code, before, i):
    name, operands = code[i].name, code[i].operands
    if re.match(r"j(?!mp)[a-z]+$|loop", name):
        return "branch"
    if operands.startswith("*"):
        return "jump by register"
    if re.match(r"i?div[bwlq]?$", name):
        return "division"
    if INDEXED.search(operands) and not name.startswith(("lea", "nop")):
        return "index"
    if TO_FLAGS.fullmatch(name):
        return "out of vectors"
    if TO_GENERAL.fullmatch(name) and re.search(r"(%[xyz]mm\d+|%k\d),%[er]?[a-z0-9]+$", operands) \
            and not re.search(r",(%[xyz]mm\d+|%k\d)$", operands) and not is_spill(code, before, i):
        return "out of vectors"
    return None


@functools.cache
def text_of(line):
    name, _, number = line.rpartition(":")
    # A cached object names the tree that it was compiled in first; headers of the compiler are where they are.
    own = pathlib.Path("crypto") / name.rpartition("/crypto/")[2]
    path = own if own.is_file() else pathlib.Path(name)
    lines = path.read_text().splitlines() if path.is_file() else []
    # What is written for the assembler has no lines, or others.
    return lines[int(number) - 1].strip() if number.isdigit() and int(number) <= len(lines) else ""


def show(path, code):
    print(f"== {path.name}")
    before = predecessors(code)
    counts = collections.defaultdict(collections.Counter)
    for i, each in enumerate(code):
        if kind := kind_of(code, before, i):
            counts[kind, each.line or each.function][each.name] += 1
    for (kind, line), what in sorted(counts.items()):
        print(f"{kind}: {re.sub('.*/', '', line)}: {text_of(line)}")
        print("    " + ", ".join(f"{count} {name}" for name, count in what.most_common()))


def forbidden(code):
    return [f"{each.name} {each.operands} ({each.line}) in {each.function}" for each in code
            if FORBIDDEN.match(each.name)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="the build directory")
    parser.add_argument("--list", action="store_true", help="what is left for eyes")
    options = parser.parse_args()
    bad = []
    if not any(forbidden(instructions(path)) for path in pathlib.Path(options.build).glob(LEAKS)):
        bad.append("the gather in leaks.cc is not found: what is not found in kernels may be there")
    count = 0
    for kernels in KERNELS:
        has_vectors = False
        for path in sorted(pathlib.Path(options.build).glob(OBJECTS.format(kernels))):
            code = instructions(path)
            count += 1
            has_vectors = has_vectors or any(re.search("%[yz]mm", each.operands) for each in code)
            bad += [f"{path.name}: {each}" for each in forbidden(code)]
            if options.list:
                show(path, code)
        if not has_vectors:
            bad.append(f"{kernels}: no vectors: its objects are not there, or objdump does not know them")
    print("\n".join(bad) or f"{count} objects looked through")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
