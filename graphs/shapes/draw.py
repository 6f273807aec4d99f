"""Pictures and captions for the small model: geometric objects on a flat background, described in free wording.

A picture is decided first (a "scene": background, one or two objects), then drawn from signed distances, which gives
anti-aliased edges, and put into words by a small random grammar. Everything comes from one numpy generator, so a seed
gives the same data everywhere.
"""
import json
import re
import zlib

import numpy as np

COLORS = {
    "red": (220, 30, 30), "green": (40, 160, 60), "blue": (35, 80, 220), "yellow": (250, 220, 40), "orange": (250, 140, 20),
    "purple": (135, 50, 170), "pink": (250, 150, 190), "brown": (125, 75, 35), "white": (250, 250, 250), "black": (15, 15, 15),
    "gray": (128, 128, 128),
}
COLOR_NAMES = list(COLORS)
SHAPES = ["circle", "square", "triangle", "star", "ring", "cross", "heart", "diamond"]
SIZES = ["small", "big"]
PLACES = ["top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right"]
RELATIONS = ["left of", "right of", "above", "below"]
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}


# ---------------------------------------------------------------- drawing

def _polygon(x, y, points):
    """Signed distance to a closed polygon, negative inside."""
    best = np.full(x.shape, 1e9, np.float32)
    inside = np.zeros(x.shape, bool)
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1]):
        ex, ey, wx, wy = bx - ax, by - ay, x - ax, y - ay
        t = np.clip((wx * ex + wy * ey) / (ex * ex + ey * ey), 0, 1)
        best = np.minimum(best, (wx - ex * t) ** 2 + (wy - ey * t) ** 2)
        if ay != by:
            inside ^= ((ay <= y) != (by <= y)) & (wx < ex * (wy / ey))
    return np.where(inside, -1, 1) * np.sqrt(best)


def _star_points():
    """Five points, unit outer radius, moved down a little so that the bounding box is centered."""
    out = []
    for i in range(10):
        r, a = (1.0, 0.42)[i % 2], np.pi * i / 5
        out.append((r * np.sin(a), -r * np.cos(a) + 0.095))
    return out


def _heart_points():
    """The usual parametric heart, scaled to a box of about two by two."""
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    hx = 16 * np.sin(t) ** 3
    hy = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    return [(float(a) / 17, float(b + 2.5) / 17) for a, b in zip(hx, hy)]


_C = 0.34  # half the width of a cross's arm
POLYGONS = {
    "square": [(-.84, -.84), (.84, -.84), (.84, .84), (-.84, .84)],
    "triangle": [(0, -.88), (1.0, .82), (-1.0, .82)],
    "star": _star_points(),
    "cross": [(-_C, -.95), (_C, -.95), (_C, -_C), (.95, -_C), (.95, _C), (_C, _C), (_C, .95), (-_C, .95), (-_C, _C), (-.95, _C),
              (-.95, -_C), (-_C, -_C)],
    "heart": _heart_points(),
    "diamond": [(0, -1.0), (.74, 0), (0, 1.0), (-.74, 0)],
}


def coverage(shape, cx, cy, radius, size):
    """How much of each pixel of a size x size picture the object covers; lengths in pixels."""
    g = np.arange(size, dtype=np.float32) + 0.5
    x, y = np.meshgrid((g - cx) / radius, (g - cy) / radius)
    if shape == "circle":
        d = np.hypot(x, y) - 0.95
    elif shape == "ring":
        d = np.abs(np.hypot(x, y) - 0.76) - 0.2
    else:
        d = _polygon(x, y, POLYGONS[shape])
    return np.clip(0.5 - d * radius, 0, 1).astype(np.float32)


def draw(scene, size=128):
    """A scene as (size, size, 3) uint8."""
    img = np.empty((size, size, 3), np.float32)
    img[:] = COLORS[scene["background"]]
    for o in scene["objects"]:
        m = coverage(o["shape"], o["x"] * size, o["y"] * size, o["r"] * size, size)[..., None]
        img += m * (np.array(COLORS[o["color"]], np.float32) - img)
    return np.rint(img).astype(np.uint8)


# ---------------------------------------------------------------- scenes

def _pick(rng, items):
    return items[int(rng.integers(len(items)))]


def _place(rng, o, place):
    """Coordinates for a place word, or anywhere inside the picture."""
    lo, hi = o["r"] + 0.03, 1 - o["r"] - 0.03
    if place is None:
        if rng.random() < 0.6:   # most pictures without a place word have their object near the middle
            o["x"], o["y"] = (float(np.clip(0.5 + rng.normal() * 0.05, lo, hi)) for _ in range(2))
        else:
            o["x"], o["y"] = (float(rng.uniform(lo, hi)) for _ in range(2))
        return
    jitter = lambda: float(rng.uniform(-0.035, 0.035))
    o["x"] = 0.5 + (-0.24 if "left" in place else 0.24 if "right" in place else 0) + jitter()
    o["y"] = 0.5 + (-0.24 if "top" in place else 0.24 if "bottom" in place else 0) + jitter()
    o["x"], o["y"] = float(np.clip(o["x"], lo, hi)), float(np.clip(o["y"], lo, hi))


def random_scene(rng, two=None):
    """One random scene. Keys: background, objects [{shape, color, size?, place?, x, y, r}], relation? (first to second)."""
    two = bool(rng.random() < 0.55) if two is None else two
    background = _pick(rng, COLOR_NAMES)
    others = [c for c in COLOR_NAMES if c != background]
    if not two:
        o = {"shape": _pick(rng, SHAPES), "color": _pick(rng, others)}
        size = _pick(rng, [None, None, "small", "big"])
        if size:
            o["size"] = size
        o["r"] = float(rng.uniform(*{None: (0.17, 0.22), "small": (0.105, 0.13), "big": (0.28, 0.32)}[size]))
        place = _pick(rng, PLACES) if rng.random() < 0.5 else None
        if place:
            o["place"] = place
        _place(rng, o, place)
        return {"background": background, "objects": [o]}
    while True:
        a, b = ({"shape": _pick(rng, SHAPES), "color": _pick(rng, others)} for _ in range(2))
        if a != b:
            break
    for o in (a, b):
        size = _pick(rng, [None, None, None, None, "small", "big"])
        if size:
            o["size"] = size
        o["r"] = float(rng.uniform(*{None: (0.15, 0.18), "small": (0.105, 0.125), "big": (0.20, 0.22)}[size]))
    relation = _pick(rng, RELATIONS)
    first, second = (a, b) if relation in ("left of", "above") else (b, a)
    for o, sign in ((first, -1), (second, 1)):
        along = 0.5 + sign * 0.245 + float(rng.uniform(-0.02, 0.02))
        across = 0.5 + float(rng.uniform(-0.06, 0.06))
        o["x"], o["y"] = (along, across) if relation in ("left of", "right of") else (across, along)
    return {"background": background, "objects": [a, b], "relation": relation}


# ---------------------------------------------------------------- captions

def _color_word(rng, color):
    return "grey" if color == "gray" and rng.random() < 0.4 else color


def _size_word(rng, size):
    return _pick(rng, {"small": ["small", "small", "little", "tiny"], "big": ["big", "big", "large", "huge"]}[size])


def _object_phrase(rng, o):
    color, shape = _color_word(rng, o["color"]), o["shape"]
    size = _size_word(rng, o["size"]) if "size" in o else None
    r = rng.random()
    if r < 0.75:
        words = [size, color, shape] if rng.random() < 0.85 else [color, size, shape]
        return "a " + " ".join(w for w in words if w)
    if r < 0.87:
        return "a " + (size + " " if size else "") + shape + _pick(rng, [" that is ", " in ", " colored "]) + color
    return "a " + color + " " + shape + (_pick(rng, [", ", " that is "]) + size if size else "")


def _background_phrase(rng, color, first):
    c = _color_word(rng, color)
    if first:
        return _pick(rng, [f"on a {c} background", f"on {c}", f"{c} background", f"a {c} background with", f"against a {c} background"])
    return _pick(rng, [f"on a {c} background"] * 4 + [f"on {c}", f"with a {c} background", f"against a {c} background",
                                                      f", {c} background", f", the background is {c}", f"over a {c} background"])


def _place_phrase(rng, place):
    if place == "center":
        return _pick(rng, ["in the center", "in the middle", "at the center", "in the centre", "centered"])
    if place in ("left", "right"):
        return _pick(rng, [f"on the {place}", f"on the {place} side", f"at the {place}", f"to the {place}"])
    if place in ("top", "bottom"):
        return _pick(rng, [f"at the {place}", f"near the {place}", f"on the {place}", f"in the {'upper' if place == 'top' else 'lower'} part"])
    v, h = place.split()
    other = {"top": "upper", "bottom": "lower"}[v]
    return _pick(rng, [f"in the {place}", f"in the {place} corner", f"at the {place}", f"in the {other} {h}", f"in the {other} {h} corner",
                       f"{place}", f"near the {place} corner"])


def _relation_phrase(rng, a, b, relation):
    """Both objects and how they stand to each other, in either order of naming."""
    if rng.random() < 0.3:
        return _relation_by_sides(rng, a, b, relation)
    word = _pick(rng, {"left of": ["left of", "to the left of", "on the left of", "to the left of"],
                       "right of": ["right of", "to the right of", "on the right of", "to the right of"],
                       "above": ["above", "above", "over"], "below": ["below", "below", "under", "beneath"]}[relation])
    r = rng.random()
    if r < 0.8:
        return f"{a} {_pick(rng, ['', '', '', 'is ', 'that is '])}{word} {b}"
    return f"{word} {b} {_pick(rng, ['is', 'there is'])} {a}"


def _relation_by_sides(rng, a, b, relation):
    sides = {"left of": ("on the left", "on the right"), "right of": ("on the right", "on the left"),
             "above": ("at the top", "at the bottom"), "below": ("at the bottom", "at the top")}[relation]
    joint = _pick(rng, [" and ", ", ", ", and "])
    if rng.random() < 0.7:
        return f"{a} {sides[0]}{joint}{b} {sides[1]}"
    return f"{sides[0]} {a}{joint}{sides[1]} {b}"


def caption(rng, scene, complete=False):
    """The scene in words. Unless complete, the background is left out now and then."""
    objects = [_object_phrase(rng, o) for o in scene["objects"]]
    body = objects[0] if len(objects) == 1 else _relation_phrase(rng, objects[0], objects[1], scene["relation"])
    place = scene["objects"][0].get("place")
    if place:
        p = _place_phrase(rng, place)
        body = f"{p}, {body}" if rng.random() < 0.15 else body + " " + p
    if complete or rng.random() > 0.05:
        first = rng.random() < 0.2
        g = _background_phrase(rng, scene["background"], first)
        body = (g + (" " if g.endswith("with") else ", ") + body) if first else body + " " + g
    if rng.random() < 0.15:
        body = _pick(rng, ["a picture of ", "an image of ", "a drawing of ", "picture of "]) + body
    if rng.random() < 0.25:
        body = re.sub(r"\b(a|an|the) ", "", body)
    elif rng.random() < 0.1:
        body = re.sub(r"\ba (\w+ )", r"the \1", body, count=1)
    if rng.random() < 0.8:
        body = re.sub(r"\ba (?=[aeiou])", "an ", body)
    return re.sub(r"\s+,", ",", re.sub(r"\s+", " ", body)).strip()


def held_out(text):
    """True for the one caption in 25 that training never sees. Wording that differs in articles, commas or case alone counts as the same."""
    words = [w for w in re.findall(r"[a-z]+", text.lower()) if w not in ("a", "an", "the")]
    return zlib.crc32(" ".join(words).replace("grey", "gray").encode()) % 25 == 0


def training_pair(rng):
    """A scene and a caption that is not held out."""
    while True:
        scene = random_scene(rng)
        text = caption(rng, scene)
        if not held_out(text):
            return scene, text


def write_held_out(path, seed=2024, each=100):
    """The captions of the test: each one held out, half of them with two objects."""
    rng, out, seen = np.random.default_rng(seed), [], set()
    for two in (False, True):
        while sum(("relation" in e) == two for e in out) < each:
            scene = random_scene(rng, two)
            text = caption(rng, scene, complete=True)
            if not held_out(text) or text in seen:
                continue
            seen.add(text)
            entry = {"caption": text, "objects": [{k: o[k] for k in ("shape", "color", "size", "place") if k in o} for o in scene["objects"]]}
            if two:
                entry["relation"] = scene["relation"]
            entry["background"] = scene["background"]
            out.append(entry)
    with open(path, "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(e) for e in out) + "\n]\n")
