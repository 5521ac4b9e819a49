"""Judges the bodies of the validation cases here and with Ajv, round by round: validation.py INSTRUCTIONS [ROUNDS]."""

import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
SIZES = {"1KB": 20_000, "10KB": 4_000, "100KB": 400}


def ours(binary, name, times):
    """µs a body: the difference of two counts, so that start and preparation do not count."""

    def seconds(count):
        started = time.perf_counter()
        subprocess.run([binary, f"validation/body-{name}", str(count)], check=True)
        return time.perf_counter() - started

    return (seconds(2 * times) - seconds(times)) / times * 1e6


def main():
    binary = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    measured = {name: ([], []) for name in SIZES}
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(HERE.parent / "data" / "orders.json", folder)
        subprocess.run([binary, "bodies", folder], check=True)
        for _ in range(rounds):
            for name, times in SIZES.items():
                measured[name][0].append(ours(binary, name, times))
            told = subprocess.run(["node", HERE / "ajv.mjs", folder], check=True, capture_output=True, text=True).stdout
            for line in told.splitlines():
                name, micros = line.split()
                measured[name][1].append(float(micros))
    print("| body | Gatehouse, µs | Ajv, µs | ratio |\n|---|---|---|---|")
    for name, (mine, theirs) in measured.items():
        a, b = statistics.median(mine), statistics.median(theirs)
        print(f"| {name} | {a:.1f} ({min(mine):.1f}–{max(mine):.1f}) | {b:.1f} ({min(theirs):.1f}–{max(theirs):.1f}) | {a / b:.2f} |")


main()
