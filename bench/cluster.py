#!/usr/bin/env python3
"""How many ranks can draw one list? A simulation of an MPI job with parts that were measured.

    bench/cluster.py --measure -o parts.json        what rank 0 spends on a picture, with 2, 4 and 8 ranks on this machine
    bench/cluster.py --parts parts.json             the tables: efficiency for 2, 64, 1024 and 16384 ranks
    bench/cluster.py --parts parts.json --log log.jsonl   with the spread of picture times of a job

Measured: CPU time of rank 0 for a picture, the wait for an answer, the size of messages, the start of MPI (on one machine).
Assumed, by flags: seconds for a picture, their spread, gigabytes of weights, the bandwidth of the shared disk, the time that
MPI needs to start at scale (START + PER_LEVEL * log2 of the ranks). Efficiency is the time that ranks draw divided by ranks
times the time of the job."""
import argparse
import heapq
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RANKS = (2, 64, 1024, 16384)


def measure(build, mpicc, mpirun):
    """Compiles hand_out.c and runs it."""
    folders = [f"-iquote{ROOT}/runtime/{f}" for f in ("cluster", "program", "system", "walk", "text", "sampling", "picture")]
    env = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/hand_out"
        subprocess.run([mpicc, "-O2", *folders, f"{ROOT}/runtime/cluster/mpi_entry.c", f"{ROOT}/bench/hand_out.c",
                        f"{build}/lib/liblatentrt.a", "-lpng16", "-ljpeg", "-lz", "-lpcre2-8", "-lutf8proc", "-lm", "-fopenmp",
                        "-o", program], check=True)
        for ranks in (2, 4, 8):
            row = {}
            launcher = os.path.realpath(shutil.which(mpirun) or mpirun)
            more = ["--oversubscribe"] if "openmpi" in launcher or "orterun" in launcher else []
            for _ in range(3):
                out = subprocess.run([mpirun, *more, "-n", str(ranks), program, "4000"], env=env, check=True, capture_output=True, text=True)
                for line in out.stdout.splitlines():
                    for name, value in json.loads(line).items():
                        row.setdefault(name, []).append(value)
            rows.append({name: statistics.median(values) for name, values in row.items()})
    return {"rows": rows}


def serve(free, arrival, cost, poll):
    """When rank 0 has answered a request: it sleeps up to `poll` seconds when it has nothing to do."""
    begin = max(free, arrival + (random.uniform(0, poll) if free < arrival else 0))
    return begin + cost


def job(ranks, pictures, seconds, spread, cost, poll, group):
    """Seconds from the first request to the last picture. group: 0: all ranks ask rank 0; else one rank of each group asks it for a
    block of pictures, and answers the group."""
    server, leaders = 0.0, [0.0] * (ranks // group if group else 0)
    have = [0] * len(leaders)
    left = pictures
    speed = [max(0.5, random.gauss(1, spread)) for _ in range(ranks)]
    events = [(0.0, r) for r in range(ranks)]
    heapq.heapify(events)
    end = busy = 0.0
    while events:
        now, rank = heapq.heappop(events)
        if group:
            g = rank // group
            if not have[g] and left:
                server = serve(server, now, cost, poll)
                now = server
                have[g] = min(left, max(1, min(group, left * group // (2 * ranks))))  # smaller blocks at the end
                left -= have[g]
            if not have[g]:
                continue
            have[g] -= 1
            leaders[g] = begin = serve(leaders[g], now, cost, poll)
        else:
            if not left:
                continue
            left -= 1
            server = begin = serve(server, now, cost, poll)
        time = seconds * speed[rank] * max(0.5, random.gauss(1, spread))
        busy += time
        end = max(end, begin + time)
        heapq.heappush(events, (begin + time, rank))
    return end, busy


def start(a, ranks):
    """Seconds until all ranks can draw: MPI, and the weights from a shared disk, once for each machine."""
    return a.start + a.per_level * math.log2(ranks), a.gigabytes * math.ceil(ranks / a.per_host) / a.disk


def table(a, parts, spread):
    cost = parts["rows"][-1]["cpu"]  # with few ranks, rank 0's thread looks in vain most of the time
    message = parts["rows"][0]["message"]
    print(f"rank 0: {cost * 1e6:.1f} us of CPU time and {message:.0f} bytes for a picture (measured): {1 / cost:.0f} pictures a second; "
          f"spread of picture times {100 * spread:.1f} %; {a.each} pictures a rank\n")
    print("| seconds a picture | ranks | rank 0 busy | efficiency, drawing | with the start of MPI | and weights from the shared disk | groups of 128, drawing |")
    print("|---|---|---|---|---|---|---|")
    for seconds in a.seconds:
        for ranks in RANKS:
            random.seed(1)
            pictures = ranks * a.each
            end, busy = job(ranks, pictures, seconds, spread, cost, a.poll, 0)
            tree = job(ranks, pictures, seconds, spread, cost, a.poll, 128)[0] if ranks > 128 else None
            mpi, disk = start(a, ranks)
            share = min(1.0, pictures * cost / end)
            cells = [busy / ranks / t for t in (end, end + mpi, end + mpi + disk)]
            last = f"{100 * busy / ranks / tree:.1f} %" if tree else "-"
            print(f"| {seconds:g} | {ranks} | {100 * share:.1f} % | " + " | ".join(f"{100 * c:.1f} %" for c in cells) + f" | {last} |")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--measure", action="store_true")
    p.add_argument("-o", "--output", default="parts.json")
    p.add_argument("--build", default=f"{ROOT}/build")
    p.add_argument("--mpicc", default="mpicc")
    p.add_argument("--mpirun", default="mpirun")
    p.add_argument("--parts", default="parts.json")
    p.add_argument("--log", help="of a job: its picture times give the spread")
    p.add_argument("--spread", type=float, default=0.05, help="of picture times, and of the speeds of machines; relative")
    p.add_argument("--seconds", type=float, nargs="+", default=[60, 5, 0.5], help="for a picture")
    p.add_argument("--each", type=int, default=16, help="pictures for each rank")
    p.add_argument("--poll", type=float, default=0.002, help="the longest sleep of rank 0's thread, in seconds")
    p.add_argument("--start", type=float, default=0.5, help="of MPI: seconds")
    p.add_argument("--per-level", type=float, default=1.0, help="of MPI: seconds for each doubling of the ranks")
    p.add_argument("--gigabytes", type=float, default=2.6, help="of program and weights")
    p.add_argument("--per-host", type=int, default=4, help="ranks on a machine")
    p.add_argument("--disk", type=float, default=10, help="bandwidth of the shared disk, GB/s, all machines together")
    a = p.parse_args()
    if a.measure:
        parts = measure(a.build, a.mpicc, a.mpirun)
        with open(a.output, "w") as f:
            json.dump(parts, f, indent=1)
        print(json.dumps(parts, indent=1))
        return
    with open(a.parts) as f:
        parts = json.load(f)
    spread = a.spread
    if a.log:
        with open(a.log) as f:
            times = [x["seconds"] for x in map(json.loads, f) if x["result"] == "drawn"]
        spread = statistics.stdev(times) / statistics.mean(times)
    table(a, parts, spread)


if __name__ == "__main__":
    main()
