"""Results as a table and as one SVG picture."""
import statistics
from xml.sax.saxutils import escape

GB = 1e9


def number(value, form, factor=1.0):
    return "" if value is None else form.format(value * factor)


SAME = ("stage", "dtype", "isa", "outliers", "size", "threads", "commit")


def together(results):
    """Results of the same code in the same setting as one: latentc's runs are those against every other program."""
    out = {}
    for r in results:
        key = tuple(r.get(k) for k in SAME) + (r.get("machine", {}).get("cpu"),)
        if key not in out:
            out[key] = r
            continue
        old, a, b = out[key], out[key]["latentc"], r["latentc"]
        runs = a.get("runs", []) + b.get("runs", [])
        latentc = b | a | ({"runs": runs, "median": statistics.median(runs), "min": min(runs)} if runs else {})
        out[key] = old | {"latentc": latentc, "peers": old["peers"] + r["peers"]}
    return list(out.values())


def programs(result):
    """latentc first, then the others: (label, what was measured, how many times faster latentc was)"""
    yield "latentc", result["latentc"], None
    for p in result["peers"]:
        yield f"{p['label']} {p['version'].split('-')[0].split('+')[0]}", p, p.get("ratio")


def title(result):
    isa = ", AVX2" if result["isa"] == "avx2" else ""
    outliers = f", outliers {result['outliers']:g}" if result.get("outliers") else ""
    return f"{result['stage']} {result['dtype']}{isa}{outliers}, {result['size']}x{result['size']}"


HEAD = ("", "program", "median s", "best s", "latentc is faster by", "share of peak", "rms error", "memory GB", "start to first result s")


def unit_of(result):
    return tuple(result["machine"].get(k) for k in ("cpu", "target", "threads", "unit"))


def peaks(results):
    """The most that each multiplier unit did in any of the measurements: a busy machine shows less."""
    best = {}
    for result in results:
        if "machine" in result:
            best[unit_of(result)] = max(best.get(unit_of(result), 0), result["machine"]["peak_gflops"])
    return best


def row(result, label, p, ratio, best):
    median = p.get("median")
    share = None if median is None else result["gflop"] / median / best[unit_of(result)]
    return (title(result), label, number(median, "{:.3f}"), number(p.get("min"), "{:.3f}"), number(ratio, "{:.2f}"), number(share, "{:.0f} %", 100),
            number(p.get("relative_rms"), "{:.1e}"), number(p.get("peak_bytes"), "{:.2f}", 1 / GB), number(p.get("to_first_inference"), "{:.1f}"))


def table(results):
    """Markdown, in columns."""
    best = peaks(results)
    rows = [HEAD] + [row(r, *p, best) for r in results for p in programs(r)]
    widths = [max(len(x[i]) for x in rows) for i in range(len(HEAD))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(x, widths)) + " |" for x in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]) + "\n"


WIDTH, LEFT, RIGHT, BAR, GAP = 860, 230, 190, 20, 8


def text(x, y, string, extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {extra}>{escape(string)}</text>'


def bars(result, top):
    """One group: a bar to each program's median, a dot at every run."""
    shown = [(label, p, ratio) for label, p, ratio in programs(result) if "median" in p]
    scale = (WIDTH - LEFT - RIGHT) / max(max(p["runs"]) for _, p, _ in shown)
    out, y = [text(12, top + 16, title(result), 'font-weight="bold"')], top + 28
    for label, p, ratio in shown:
        colour = "#1b6e8c" if ratio is None else "#b9b4a7"
        note = f"{p['median']:.2f} s" + ("" if ratio is None else f", {ratio:.2f} times latentc's")
        out.append(text(LEFT - 8, y + 15, label, 'text-anchor="end"'))
        out.append(f'<rect x="{LEFT}" y="{y}" width="{p["median"] * scale:.1f}" height="{BAR}" fill="{colour}"/>')
        out += [f'<circle cx="{LEFT + x * scale:.1f}" cy="{y + BAR / 2}" r="2.5" fill="#222" fill-opacity="0.55"/>' for x in p["runs"]]
        out.append(text(LEFT + max(p["runs"]) * scale + 8, y + 15, note))
        y += BAR + GAP
    return out, y + 10


def plot(results):
    timed = [r for r in results if "median" in r["latentc"]]
    body, y = [], 12
    for result in timed:
        group, y = bars(result, y)
        body += group
    foot = "; ".join(sorted({f"{r['machine']['cpu']}, {r['threads']} threads, {r['date'][:10]}" for r in timed}))
    body.append(text(12, y + 12, f"Seconds for one run, medians; dots: single runs, alternating with latentc's. {foot}", 'fill="#555" font-size="11"'))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 26}" viewBox="0 0 {WIDTH} {y + 26}" '
            'font-family="sans-serif" font-size="13" fill="#222">\n<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(body) + "\n</svg>\n")
