#!/usr/bin/env python3
"""Every distinct convolution, product and attention alone (latentc bench --kernels), and what became slower since an earlier run.

    bench/kernels.py [--keep FILE.json] [--against FILE.json] [--slower 1.1] [--result FILE.json] [flags of latentc bench]

--result compares that file instead of measuring. Exit code 1 when a kernel takes --slower times as long as in --against.
Shares of the peak are compared, so that another clock does not count. Standard library only."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def measure(a):
    file = pathlib.Path(a.keep or tempfile.mkstemp(suffix=".json")[1])
    subprocess.run([a.latentc, "bench", a.pipeline, "--kernels", "--json", str(file), *a.flags], check=True, stderr=subprocess.DEVNULL)
    return json.loads(file.read_text())


def by_shape(result):
    """(shape, operation without its algorithm, what is fused to it) -> row; the algorithm may change from run to run."""
    rows = {}
    for k in result["kernels"]:
        kind = k["kind"].replace(f" {k['algorithm']}", "") if k["algorithm"] else k["kind"]
        rows.setdefault((k["shape"], kind, k["model"]), k)
    return rows


def show(result):
    print(f"{'ms':>9} {'uses':>5} {'of peak':>8} {'done':>6} {'of bound':>8}  kernel")
    for k in result["kernels"]:
        print(f"{k['seconds'] * 1e3:9.3f} {k['uses']:5d} {k['share_of_peak']:8.1%} {k['share_of_peak_done']:6.1%} {k['share_of_bound']:8.1%}  {k['kind']}  {k['shape']}")


def compare(old, new, slower):
    """Shares of the peak as written: rows of `new` that fell behind by the factor `slower`."""
    before, after = by_shape(old), by_shape(new)
    fell = []
    for key, k in after.items():
        if key in before and k["share_of_peak"] > 0 and before[key]["share_of_peak"] / k["share_of_peak"] >= slower:
            fell.append((before[key]["share_of_peak"] / k["share_of_peak"], before[key], k))
    for factor, b, k in sorted(fell, key=lambda x: -x[0]):
        print(f"{factor:.2f} times as long: {k['kind']}, {k['shape']}: {k['share_of_peak']:.1%} of the peak, was {b['share_of_peak']:.1%} ({b['algorithm'] or b['kind']})")
    print(f"{len(fell)} of {len(before.keys() & after.keys())} kernels became slower; {len(after.keys() - before.keys())} are new")
    return bool(fell)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--latentc", default=str(ROOT / "build" / "latentc"))
    p.add_argument("--pipeline", default=str(ROOT / "graphs" / "sd2" / "pipeline.json"))
    p.add_argument("--keep", default="")
    p.add_argument("--against", default="")
    p.add_argument("--result", default="")
    p.add_argument("--slower", type=float, default=1.1)
    a, a.flags = p.parse_known_args()
    result = json.loads(pathlib.Path(a.result).read_text()) if a.result else measure(a)
    if not a.against:
        show(result)
        return 0
    return compare(json.loads(pathlib.Path(a.against).read_text()), result, a.slower)


if __name__ == "__main__":
    sys.exit(main())
