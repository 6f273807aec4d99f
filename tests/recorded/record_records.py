#!/usr/bin/env python3
"""Writes pictures that record settings as programs in Python write them, with the libraries that they use: tests/data/records.

    python3 -m venv v && v/bin/pip install pillow piexif
    v/bin/python tests/recorded/record_records.py

The prompt is "a caf\u00e9 \u4e00 red circle", Latin-1 alone where the chunk cannot hold more. The pictures have 8 x 8 pixels.
"""
import json
import pathlib

import piexif
import piexif.helper
from PIL import Image
from PIL.PngImagePlugin import PngInfo

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "data" / "records"
FIELDS = "Negative prompt: blue\nSteps: 3, Sampler: Euler a, CFG scale: 4, Seed: 12345678901234567890, Size: 128x128, Version: v1.10.1"
LATIN1 = "a caf\u00e9 red circle\n" + FIELDS
ANY = "a caf\u00e9 \u4e00 red circle\n" + FIELDS
WORKFLOW = json.dumps({"3": {"class_type": "KSampler", "inputs": {"seed": 7, "steps": 20}}})

NODES = json.dumps({"last_node_id": 3, "nodes": [{"id": 3, "type": "KSampler", "widgets_values": [7, "fixed", 20]}], "links": []})


def png(name, **texts):
    """Pillow chooses tEXt where the text is Latin-1, else iTXt."""
    info = PngInfo()
    for key, text in texts.items():
        if key.endswith("_ztxt"):
            info.add_text(key[:-5], text, zip=True)
        elif key.endswith("_itxt"):
            info.add_itxt(key[:-5], text, zip=True)
        else:
            info.add_text(key, text)
    picture.save(FOLDER / name, pnginfo=info)


def jpeg(name, comment):
    exif = piexif.dump({"0th": {piexif.ImageIFD.Orientation: 1}, "Exif": {piexif.ExifIFD.UserComment: comment}})
    picture.save(FOLDER / name, exif=exif, quality=80)


FOLDER.mkdir(exist_ok=True)
picture = Image.new("RGB", (8, 8), (32, 64, 96))
png("latin1.png", parameters=LATIN1)
png("any.png", parameters=ANY)
png("ztxt.png", parameters_ztxt=LATIN1)
png("itxt-zip.png", parameters_itxt=ANY)
png("comfyui.png", prompt=WORKFLOW, workflow=NODES)
png("comfyui-api.png", prompt=WORKFLOW)
png("prompt.png", prompt="a red circle")
png("comfyui-node.png", prompt=WORKFLOW, workflow=NODES, parameters=ANY)
png("invokeai.png", invokeai_metadata=json.dumps({"positive_prompt": "a red circle", "seed": 7}))
png("dream.png", Dream='"a red circle [blue] [green]" -s 3 -S 7 -W 128 -H 128 -C 4 -A k_euler_a', **{"sd-metadata": "{}"})
# the web interface: save_image_with_geninfo of modules/images.py
jpeg("webui.jpg", piexif.helper.UserComment.dump(ANY, encoding="unicode"))
jpeg("ascii.jpg", piexif.helper.UserComment.dump(LATIN1.replace("\u00e9", "e"), encoding="ascii"))
jpeg("little.jpg", b"UNICODE\0" + ANY.encode("utf-16-le"))
jpeg("mark.jpg", b"UNICODE\0" + ANY.encode("utf-16"))
jpeg("undefined.jpg", bytes(8) + ANY.encode("utf-8"))
jpeg("comfyui.jpg", piexif.helper.UserComment.dump(WORKFLOW, encoding="unicode"))
picture.save(FOLDER / "plain.jpg")
picture.save(FOLDER / "exif.png", exif=piexif.dump({"Exif": {piexif.ExifIFD.UserComment: piexif.helper.UserComment.dump(ANY, encoding="unicode")}})[6:])
