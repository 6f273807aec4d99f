#!/usr/bin/env python3
"""How the guided step's cost grows: time per multiply-add for sizes of the picture and batches of the model, as a Markdown table.

    bench/scaling.py [--sizes 256,512,768,1024] [--batches 1,2,4] [--skip 1024x4] [--keep FOLDER] [--prefix COMMAND] [flags of latentc bench]

Batch 1 is a step without guidance, 2 a guided step, 4 that of two pictures. The amount is multiply-adds as the graph is written, so a cheaper
algorithm counts as faster. --keep: one JSON file for each row is stored there; rows that are there are not measured again. --prefix: the command
that starts every measurement. Standard library only."""
import argparse
import json
import pathlib
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
REFERENCE = (512, 2)
CLASSES = ("convolution", "dense", "attention")


def measure(a, size, batch, file):
    command = shlex.split(a.prefix) + [a.latentc, "bench", a.pipeline, "--stage", "guided_step", "--fused-only", "--repeat", str(a.repeat),
                                       "--batch", str(batch), "--set", f"img_height={size}", "--set", f"img_width={size}", "--json", str(file), *a.flags]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def row(file):
    """Seconds, multiply-adds as written and done, and both by class of operation."""
    result = json.loads(file.read_text())
    stage = result["stages"]["guided_step"]
    timing, steps = stage["fused"], [r for r in stage["regions"] if r["plan"] == "step"]
    by_class = {c: [r for r in steps if r["class"] == c] for c in CLASSES}
    return {
        "seconds": timing["median"], "macs": timing["gflop_written"] / 2 * 1e9, "done": timing["share_of_peak_done"], "bytes": timing["peak_bytes"],
        "part": {c: sum(r["gflop_written"] for r in rs) / timing["gflop_written"] for c, rs in by_class.items()},
        "cost": {c: sum(r["seconds"] for r in rs) / (sum(r["gflop_written"] for r in rs) / 2 * 1e9) for c, rs in by_class.items()},
    }


def table(rows):
    """rows: (size, batch) -> row, or why there is none."""
    reference = rows.get(REFERENCE)
    per_mac = reference["seconds"] / reference["macs"] if isinstance(reference, dict) else None
    print("| size | batch | step, s | GMAC | ps/MAC | against %dx%d | of peak, done | MB | attention's MACs | ps/MAC: " % REFERENCE + " | ".join(CLASSES) + " |")
    print("|---" * (9 + len(CLASSES)) + "|")
    for (size, batch), r in rows.items():
        if isinstance(r, str):
            print(f"| {size} | {batch} | {r} |" + " |" * (6 + len(CLASSES)))
            continue
        cost = r["seconds"] / r["macs"]
        against = f"{cost / per_mac:.2f}" if per_mac else ""
        print(f"| {size} | {batch} | {r['seconds']:.3f} | {r['macs'] / 1e9:.1f} | {cost * 1e12:.2f} | {against} | {r['done']:.0%} | {r['bytes'] / 1e6:.0f} | "
              f"{r['part']['attention']:.0%} | " + " | ".join(f"{r['cost'][c] * 1e12:.2f}" for c in CLASSES) + " |")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--latentc", default=str(ROOT / "build" / "latentc"))
    p.add_argument("--pipeline", default=str(ROOT / "graphs" / "sd2" / "pipeline.json"))
    p.add_argument("--sizes", default="256,512,768,1024")
    p.add_argument("--batches", default="1,2,4")
    p.add_argument("--skip", default="", help="SIZExBATCH,... not to be measured")
    p.add_argument("--repeat", type=int, default=3)
    p.add_argument("--keep", default="")
    p.add_argument("--prefix", default="")
    a, a.flags = p.parse_known_args()
    folder = pathlib.Path(a.keep or tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    rows = {}
    for size in map(int, a.sizes.split(",")):
        for batch in map(int, a.batches.split(",")):
            file = folder / f"{size}x{batch}.json"
            if f"{size}x{batch}" in a.skip.split(","):
                rows[size, batch] = "not measured"
                continue
            if not file.exists():
                print(f"{size}x{size}, batch {batch}", file=sys.stderr)
                measure(a, size, batch, file)
            rows[size, batch] = row(file)
    table(rows)


if __name__ == "__main__":
    main()
