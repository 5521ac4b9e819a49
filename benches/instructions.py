#!/usr/bin/env python3
"""Counts the instructions of every case under valgrind: the difference of two runs, divided by the difference of
their repetitions, so that preparing counts nothing. The same binary gives the same count on a busy machine and on a
quiet one, which times do not. `--save FILE` keeps the counts, `--against FILE` fails when one has grown by more than
`--tolerance` percent."""
import argparse
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FEW, MANY = 200, 1200


def build():
    subprocess.run(["cargo", "build", "--release", "-p", "gatehouse-benches", "--bin", "instructions"], cwd=ROOT, check=True)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    return os.path.join(target, "release", "instructions")


def count(binary, case, times):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", binary, case, str(times)]
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return int(found[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", help="the instructions binary; built where it is not given")
    parser.add_argument("--only", nargs="*", help="parts of the names of cases")
    parser.add_argument("--save")
    parser.add_argument("--against")
    parser.add_argument("--tolerance", type=float, default=5.0)
    options = parser.parse_args()
    binary = options.binary or build()
    before = json.load(open(options.against)) if options.against else {}
    cases = subprocess.run([binary], capture_output=True, text=True, check=True).stdout.split()
    counts, grown = {}, []
    for case in cases:
        if options.only and not any(part in case for part in options.only):
            continue
        counts[case] = (count(binary, case, MANY) - count(binary, case, FEW)) // (MANY - FEW)
        note = ""
        if case in before:
            change = (counts[case] / before[case] - 1) * 100
            note = f"  {change:+.1f} %"
            if change > options.tolerance:
                grown.append(case)
        print(f"{case:32} {counts[case]:>10,}{note}", flush=True)
    if options.save:
        with open(options.save, "w") as file:
            json.dump(counts, file, indent=1)
    if grown:
        sys.exit(f"more instructions than before: {', '.join(grown)}")


if __name__ == "__main__":
    main()
