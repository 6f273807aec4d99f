#!/usr/bin/env python3
"""latentc and other programs, alternating run by run, on the same models with the same weights; README.md in this folder."""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

import catalog
import environment
import report
import turns


def arguments():
    a = argparse.ArgumentParser(description="Times latentc and other programs, alternating, on the same models. Results: a table, results.json, plot.svg.")
    a.add_argument("--peers", default="openvino,torch,onnxruntime", help=f"of {', '.join(catalog.PEERS)}; default %(default)s")
    a.add_argument("--stages", default="guided_step,decoder", help=f"of {', '.join(catalog.STAGES)}; default %(default)s")
    a.add_argument("--dtypes", default="bf16,f32", help="default %(default)s")
    a.add_argument("--isa", choices=catalog.ISAS, default="native", help="avx2: latentc for x86-64-v3, others limited to AVX2; default %(default)s")
    a.add_argument("--outliers", type=float, default=0, metavar="X", help="weights with outlier channels: 1 %% of the norms' gammas are X times as large")
    a.add_argument("--rounds", type=int, default=7, help="runs of each, alternating; 0: only compare outputs; default %(default)s")
    a.add_argument("--no-check", action="store_true", help="do not compare outputs with the reference in double precision")
    a.add_argument("--prepare", action="store_true", help="only make the environment and missing files of the cache")
    a.add_argument("--report", metavar="FILE", nargs="+", help="no runs: the table and the plot of earlier results together")
    environment.add_arguments(a)
    f = environment.parse_arguments(a)
    for what, known in (("peers", catalog.PEERS), ("stages", catalog.STAGES), ("dtypes", catalog.DTYPES)):
        chosen = getattr(f, what).split(",")
        for name in chosen:
            if name not in known:
                a.error(f"--{what} {name}: expected {', '.join(known)}")
        setattr(f, what, chosen)
    f.weights = catalog.weights_name(f.seed, f.outliers)
    return f


def say(text):
    print(text, file=sys.stderr, flush=True)


def said_by(*command):
    """The line that a command prints; None where it does not work."""
    try:
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


# ---- what there is to do ----

def pairings(f):
    """(stage, dtype, the programs that take part)"""
    for stage in f.stages:
        for dtype in f.dtypes:
            yield stage, dtype, [p for p in f.peers if not catalog.left_out(p, dtype, f.isa)]


def files(f):
    """(kind, stage) of everything that the programs load, once."""
    needed = []
    for stage, dtype, chosen in pairings(f):
        kinds = [getattr(catalog.PEERS[p], dtype) for p in chosen] + ([] if f.no_check else ["inputs", "reference"]) + (["weights-latentc"] if f.outliers else [])
        needed += [(kind, stage) for kind in kinds if (kind, stage) not in needed]
    return dict.fromkeys(needed)


def path_of(f, kind, stage):
    return catalog.file_of(kind, stage, f.size, f.weights, f.cache)


def print_plan(f):
    there = environment.is_complete(f.venv)
    print(f"environment {f.venv}: {'there' if there else 'made from requirements.txt'}")
    for kind, stage in files(f):
        path = path_of(f, kind, stage)
        print(f"{kind} of {stage}, {path}: {'there' if os.path.exists(path) else 'written'}")
    for stage, dtype, chosen in pairings(f):
        for name in f.peers:
            reason = catalog.left_out(name, dtype, f.isa)
            if reason:
                print(f"{stage} {dtype}: {catalog.PEERS[name].label} left out: {reason}")
        print(f"{stage} {dtype}: {' '.join(turns.latentc_command(f, stage, dtype))}")
        for name in chosen:
            print(f"{stage} {dtype}, {f.rounds} rounds, alternating with: {' '.join(turns.peer_command(f, name, stage, dtype))}")


def prepare(f):
    environment.ensure(f.venv, f.torch_index)
    for kind, stage in files(f):
        if os.path.exists(path_of(f, kind, stage)):
            continue
        command = [f.python, os.path.join(turns.HERE, "prepare.py"), kind, stage, str(f.size), f.weights, f.cache]
        if subprocess.run(command).returncode:
            raise SystemExit(f"{kind} of {stage} could not be written")


# ---- doing it ----

def relative_rms(f, stage, got):
    done = subprocess.run([f.python, os.path.join(turns.HERE, "rms.py"), got, path_of(f, "reference", stage)], check=True, stdout=subprocess.PIPE, text=True)
    os.remove(got)
    return float(done.stdout)


def check_latentc(f, stage, dtype):
    """What latentc makes of the inputs: the code is the same, timing apart."""
    about = catalog.STAGES[stage]
    got = os.path.join(f.output, f"{stage}-latentc.safetensors")
    subprocess.run([f.latentc, "run", os.path.join(turns.ROOT, "graphs", about.graph or f"sd2/{about.model}.json"), "--inputs", path_of(f, "inputs", stage), "--outputs", got,
                    "--set", f"batch={about.batch}", *turns.latentc_common(f, stage, dtype)], check=True)
    return relative_rms(f, stage, got)


def compare_one(f, stage, dtype, name, latentc):
    """One other program against latentc (None: outputs only)."""
    other = turns.Other(f, name, stage, dtype)
    peer = catalog.PEERS[name]
    row = {"program": name, "label": peer.label, **other.said}
    if latentc:
        rounds = turns.alternate(latentc, other, f.rounds)
        ratios = [b / a for a, b in rounds]
        row |= {**turns.summary([b for _, b in rounds]), "latentc_runs": [a for a, _ in rounds], "ratios": ratios, "ratio": statistics.median(ratios),
                **other.facts()}
        say(f"{stage} {dtype}: {peer.label} {row['median']:.3f} s, latentc {statistics.median(row['latentc_runs']):.3f} s, {row['ratio']:.2f} times faster")
    if not f.no_check:
        got = os.path.join(f.output, f"{stage}-{name}.safetensors")
        other.save(got)
        row["relative_rms"] = relative_rms(f, stage, got)
        say(f"{stage} {dtype}: {peer.label}: relative rms error {row['relative_rms']:.2e}")
    other.close()
    return row


def compare(f, stage, dtype, chosen):
    result = {"stage": stage, "dtype": dtype, "isa": f.isa, "outliers": f.outliers, "size": f.size, "threads": f.threads, "date": time.strftime("%Y-%m-%d %H:%M"), "latentc": {}}
    if not f.no_check:
        result["latentc"]["relative_rms"] = check_latentc(f, stage, dtype)
        say(f"{stage} {dtype}: latentc: relative rms error {result['latentc']['relative_rms']:.2e}")
    latentc = turns.Latentc(f, stage, dtype) if f.rounds else None
    result["peers"] = [compare_one(f, stage, dtype, name, latentc) for name in chosen]
    if latentc:
        facts, result["machine"], result["gflop"] = latentc.finish()
        result["latentc"] |= facts | turns.summary(sum((p["latentc_runs"] for p in result["peers"]), []))
    return result


def write_reports(f, results):
    os.makedirs(f.output, exist_ok=True)
    for name, text in (("results.json", json.dumps(results, indent=1) + "\n"), ("plot.svg", report.plot(results))):
        path = os.path.join(f.output, name)
        with open(path + ".part", "w") as file:
            file.write(text)
        os.rename(path + ".part", path)
    print(report.table(results), end="")


def main():
    f = arguments()
    if f.dry_run:
        return print_plan(f)
    if f.report:
        results = []
        for path in f.report:
            with open(path) as file:
                results += json.load(file)
        return write_reports(f, report.together(results))
    prepare(f)
    if f.prepare:
        return None
    facts = {"version": said_by(f.latentc, "--version"), "commit": said_by("git", "-C", turns.ROOT, "describe", "--always", "--dirty"),
             "system": platform.platform()}
    os.makedirs(f.output, exist_ok=True)
    results = []
    for stage, dtype, chosen in pairings(f):
        if chosen:
            results.append(compare(f, stage, dtype, chosen) | facts)
    return write_reports(f, results)


if __name__ == "__main__":
    sys.exit(main())
