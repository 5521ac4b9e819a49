#!/usr/bin/env python3
"""Compares the expression engine with a real C# compiler and .NET on generated expressions.

  run.py --oracle 'COMMAND' [--count 2000] [--seed 1] [--only System.String] [--keep FILE]

COMMAND is given `--out OUTCOMES ROWS`: it evaluates rows `{"kind": "single"|"multi", "body": …}` in the state of
crates/expression/tests/fixture.json and writes rows with `code` and `outcome`, as tests/expected has them. Each difference
is made smaller before it is shown. `--keep` adds rows on which both agree to a file for tests/expected."""
import argparse
import collections
import json
import os
import random
import shlex
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import grammar as g

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FIXTURE = os.path.join(ROOT, "crates/expression/tests/fixture.json")


def cargo(*arguments, **options):
    done = subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, capture_output=True, text=True, **options)
    return done.stdout


def binary(name):
    cargo("build", "--quiet", "--profile", os.environ.get("PROFILE", "dev"), "-p", "gatehouse-expression", "--example", name)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    return os.path.join(target, "debug/examples", name)


def oracle(command, rows):
    with tempfile.TemporaryDirectory() as folder:
        source, out = os.path.join(folder, "rows.jsonl"), os.path.join(folder, "out.jsonl")
        with open(source, "w") as file:
            file.writelines(json.dumps({"kind": kind, "body": body}) + "\n" for kind, body in rows)
        done = subprocess.run([*shlex.split(command), "--out", out, source], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stdout[-3000:] + done.stderr[-3000:])
        return [json.loads(line) for line in open(out)]


def engine(evaluate, rows):
    given = "".join(json.dumps(row) + "\n" for row in rows)
    done = subprocess.run([evaluate, FIXTURE], input=given, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"the engine died: {done.stderr[-3000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def difference(row, ours):
    """What differs, or None."""
    theirs = row["outcome"]
    if "skip" in theirs:
        return None
    if "refused" in ours:
        return f"refused: {ours['refused']}"
    if "throws" in theirs or "throws" in ours:
        a, b = theirs.get("throws"), ours.get("throws")
        if ours.get("limit"):
            return None
        return None if a == b else f"ours {ours.get('throws') or ours.get('value')!r} ({ours.get('message')}), .NET {theirs.get('throws') or theirs.get('value')!r} ({theirs.get('message')})"
    if theirs.get("opaque"):
        return None
    value = theirs["value"]
    if value is not None:
        value = value.replace("\r\n", "\n")
    if value != ours["value"]:
        return f"ours {ours['value']!r}, .NET {value!r}"
    kind = theirs.get("type", "")
    if value is not None and kind.startswith("System.") and "<" not in kind and kind != ours["type"]:
        return f"ours of type {ours['type']}, .NET of type {kind}"
    return None


def compare(options, evaluate, rows):
    """`[(row, difference)]`, by the order of the rows, one for each distinct expression."""
    answered = oracle(options.oracle, rows)
    found = engine(evaluate, answered)
    return [(row, ours, difference(row, ours)) for row, ours in zip(answered, found)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--oracle", default=os.environ.get("GATEHOUSE_ORACLE"))
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="types whose members are called; `form` is the language itself")
    parser.add_argument("--rounds", type=int, default=4, help="rounds of making differences smaller")
    parser.add_argument("--keep", help="where rows on which both agree go")
    parser.add_argument("--each", action="store_true", help="every member a few times, in place of chance")
    options = parser.parse_args()
    if not options.oracle:
        parser.error("say with --oracle or GATEHOUSE_ORACLE how .NET is asked")
    rng = random.Random(options.seed)
    table = cargo("run", "--quiet", "-p", "gatehouse-expression", "--example", "allowed_members").splitlines()
    evaluate = binary("evaluate")
    grammar = g.Grammar(table)
    if options.only:
        grammar.by_owner = {k: v for k, v in grammar.by_owner.items() if k in options.only}
    trees = {}
    if options.each:
        for ways in grammar.by_owner.values():
            for way in ways:
                for _ in range(options.count):
                    tree = grammar.of(way, rng.randint(1, 2), rng)
                    trees["single", g.text(tree)] = tree
    else:
        while len(trees) < options.count:
            kind, tree = grammar.row(rng)
            trees[kind, g.text(tree)] = tree
    results = compare(options, evaluate, list(trees))
    count = collections.Counter()
    wrong = []
    for row, _, differs in results:
        count["skipped" if "skip" in row["outcome"] else "differ" if differs else "agree"] += 1
        if differs:
            wrong.append(((row["kind"], row["expression"]), differs))
    print(dict(count), flush=True)
    if options.keep:
        with open(options.keep, "a") as file:
            for row, _, differs in results:
                if not differs and "skip" not in row["outcome"] and not row["outcome"].get("opaque"):
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
    least = {key: (trees[key], key, told) for key, told in wrong}
    for _ in range(options.rounds):
        tries = {}
        for origin, (tree, key, _) in least.items():
            for reduced in list(g.smaller(grammar, tree, rng))[:12]:
                body = g.text(reduced)
                kind = "multi" if reduced[0] == "statements" else "single"
                if len(body) < len(key[1]):
                    tries.setdefault((kind, body), []).append((origin, reduced))
        if not tries:
            break
        for row, _, differs in compare(options, evaluate, list(tries)):
            if differs:
                key = row["kind"], row["expression"]
                for origin, reduced in tries.get(key, []):
                    if len(key[1]) < len(least[origin][1][1]):
                        least[origin] = reduced, key, differs
    shown = {}
    for _, key, told in least.values():
        shown[key] = told
    for (kind, body), told in sorted(shown.items(), key=lambda item: item[1]):
        print(f"--- {kind}\n{body}\n    {told}")
    sys.exit(1 if shown else 0)


if __name__ == "__main__":
    main()
