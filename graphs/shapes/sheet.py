"""The README's contact sheet: a generator draws each prompt, seeds 1, 2, ...

    python sheet.py ../../generated/shapes ../../docs/contact-sheet.png
"""
import os
import subprocess
import sys
import tempfile

from PIL import Image

PROMPTS = [
    "a red circle on a blue background",
    "a small green star left of a big yellow ring on white",
    "pink heart on a black background",
    "a white square above an orange diamond, purple background",
    "big yellow star, brown background",
    "a blue ring to the right of a red triangle on gray",
    "an orange cross at the top left on green",
    "on a white background, a small black diamond below a big pink circle",
    "purple triangle in the center on yellow",
    "a gray square on the left and a red heart on the right, white background",
    "little white star at the bottom right on blue",
    "green background, a black ring over a yellow square",
    "a brown heart on pink",
    "blue cross to the left of a green circle on orange",
    "a large red ring on white",
    "a yellow triangle under a purple star on black",
    "the black circle near the top on gray",
    "a white diamond on the left and a blue square on the right, red background",
]
COLUMNS, GAP = 6, 4

generator, out = sys.argv[1:]
tiles = []
with tempfile.TemporaryDirectory() as folder:
    for seed, prompt in enumerate(PROMPTS, 1):
        path = os.path.join(folder, "tile.png")
        subprocess.run([os.path.abspath(generator), "-p", prompt, "-s", str(seed), "-o", path], check=True, stderr=subprocess.DEVNULL)
        tiles.append(Image.open(path).convert("RGB"))
w, h = tiles[0].width + GAP, tiles[0].height + GAP
sheet = Image.new("RGB", (COLUMNS * w - GAP, -(-len(tiles) // COLUMNS) * h - GAP), "white")
for i, tile in enumerate(tiles):
    sheet.paste(tile, (i % COLUMNS * w, i // COLUMNS * h))
sheet.save(out, optimize=True)
