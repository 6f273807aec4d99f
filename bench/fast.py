#!/usr/bin/env python3
"""Speed against quality on graphs/shapes: step caching (interval and level), guidance for a part of the steps, and both; or the types of --dtype.

    bench/fast.py --build build [--captions 200] [--steps 20] [--folder DIR] [--types] [--times] [--rounds 7]

Every combination draws the held-out captions of tests/data, each with the seed that e2e/test_shapes has. A row says how many of them
the checker finds right (--loose, as e2e/test_shapes), the median PSNR to the picture of the plain loop (in f32), and the time. Times are those
of the steps alone (--profile): with --times they are measured on their own, alternating, medians of --rounds pictures; run that
while nothing else runs. Pictures that are in --folder already are not drawn again. Needs a build with tests; standard library only."""
import argparse
import itertools
import json
import pathlib
import re
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CAPTIONS = ROOT / "tests/data/shapes-heldout.json"
INTERVALS, LEVELS, STOPS = (1, 2, 3, 5), (1, 2, 3), (1, 0.6, 0.4)
DTYPES = ("f32", "bf16", "int8", "w8", "w4")  # f32 first: the others' pictures are compared with its


def combinations():
    """(interval, level, guidance stop): all levels with all of the guidance; with a part of it, and without caching, level 1."""
    return [(i, l, s) for s, i, l in itertools.product(STOPS, INTERVALS, LEVELS) if l == 1 or (i > 1 and s == 1)]


def flags(interval, stop):
    return ["--cache-interval", str(interval), "--guidance-stop", str(stop)]


def build(a, name, *flags):
    program = a.folder / name
    if not program.exists():
        subprocess.run([a.build / "latentc", "build", "-q", ROOT / "graphs/shapes/pipeline.json", *flags, "-o", program],
                       check=True, stderr=subprocess.DEVNULL)


def draw(a, program, name, *flags):
    """The folder with a picture of every caption."""
    folder = a.folder / name
    folder.mkdir(exist_ok=True)
    lines = [json.dumps({"prompt": c["caption"], "seed": 1000 + i, "output": str(folder / f"{i}.png")})
             for i, c in enumerate(json.loads(CAPTIONS.read_text())[:a.captions])]
    subprocess.run([a.folder / program, "--prompts", "-", "--steps", str(a.steps), "-q", *flags], check=True,
                   input="\n".join(lines), text=True, stderr=subprocess.DEVNULL)
    return folder


def right(a, folder):
    said = subprocess.run([a.build / "tests/tools/checker", "--loose", "--folder", folder, "--captions", CAPTIONS],
                          capture_output=True, text=True).stdout
    return sum(int(n) for n in re.findall(r"^\w+ objects?: (\d+) of ", said, re.M))


def psnr(a, folder, plain):
    values = []
    for i in range(a.captions):
        said = subprocess.run([a.build / "tests/tools/picture_diff", plain / f"{i}.png", folder / f"{i}.png"], check=True,
                              capture_output=True, text=True).stdout
        values.append(float(re.search(r"psnr=(\S+)", said)[1]))
    return statistics.median(values)


def seconds(a, combination):
    """Of the steps of one picture, short ones included."""
    interval, level, stop = combination
    with tempfile.TemporaryDirectory() as folder:
        said = subprocess.run([a.folder / f"level{level}", "-p", "a red circle on a blue background", "--steps", str(a.steps),
                               *flags(interval, stop), "-o", f"{folder}/p.png", "--profile", f"{folder}/p.json"],
                              check=True, capture_output=True, text=True).stderr
    return sum(float(ms) for ms in re.findall(r"^ +\d+ +(\S+) ms .*?%  (?:short )?step$", said, re.M)) / 1e3


def times(a):
    runs = {c: [] for c in combinations()}
    for _ in range(a.rounds):
        for c in runs:
            runs[c].append(seconds(a, c))
    return {c: statistics.median(r) for c, r in runs.items()}


def draw_combination(a, combination):
    interval, level, stop = combination
    return draw(a, f"level{level}", f"interval{interval}-level{level}-stop{stop}", *flags(interval, stop))


def table_of_steps(a):
    for level in LEVELS:
        build(a, f"level{level}", "--cache", "on", "--cache-level", str(level))
    took = times(a) if a.times else {}
    plain = draw_combination(a, (1, 1, 1))
    print("| guidance stop | interval | level | right of", a.captions, "| PSNR, dB | steps, s | times as fast |\n|---|---|---|---|---|---|---|")
    for c in combinations():
        folder = draw_combination(a, c)
        t = took.get(c)
        print(f"| {c[2]} | {c[0]} | {c[1] if c[0] > 1 else '-'} | {right(a, folder)} | {psnr(a, folder, plain):.1f} |",
              f"{t:.3f} | {took[1, 1, 1] / t:.2f} |" if t else "- | - |", flush=True)


def table_of_types(a):
    """The plain loop in every type, against f32's pictures."""
    print("| `--dtype` | right of", a.captions, "| PSNR, dB |\n|---|---|---|")
    for dtype in DTYPES:
        build(a, f"dtype-{dtype}", "--dtype", dtype)
        folder = draw(a, f"dtype-{dtype}", f"pictures-{dtype}")
        print(f"| {dtype} | {right(a, folder)} | {psnr(a, folder, a.folder / 'pictures-f32'):.1f} |", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    p.add_argument("--captions", type=int, default=200)
    p.add_argument("--steps", type=int, default=20)
    p.add_argument("--folder", type=pathlib.Path)
    what = p.add_mutually_exclusive_group()
    what.add_argument("--types", action="store_true", help=f"{', '.join(DTYPES)} instead of step caching and guidance")
    what.add_argument("--times", action="store_true")
    p.add_argument("--rounds", type=int, default=7)
    a = p.parse_args()
    a.build = a.build.resolve()
    a.folder = (a.folder or pathlib.Path(tempfile.mkdtemp())).resolve()
    a.folder.mkdir(exist_ok=True)
    if a.types:
        table_of_types(a)
    else:
        table_of_steps(a)


if __name__ == "__main__":
    main()
