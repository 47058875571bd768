"""Small sets of captions, ratings and choices as they are published: a function for each, which writes below a root."""

from __future__ import annotations

import csv
import functools
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

SENTENCES = {1: (10, 11, 12, 13, 14, 15), 2: (20, 21, 22, 23, 24), 3: (30, 31, 32, 33, 34)}  # image -> sentence ids
RATED_ROWS = {"sts_test": 4, "sis_test": 3, "sits_test": 16}


@functools.cache
def picture(colour: int, kind: str = "JPEG", size: tuple[int, int] = (8, 6)) -> bytes:
    """Returns a small image of one grey."""
    to = io.BytesIO()
    Image.new("RGB", size, (colour, colour, colour)).save(to, kind)
    return to.getvalue()


def put(path: Path, content: bytes | str) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def coco_name(number: int) -> str:
    """Returns the name of an image of MSCOCO's val2014."""
    return f"COCO_val2014_{number:012d}.jpg"


def mscoco(root: Path) -> None:
    """Three test images with 6, 5 and 5 captions, one of another split, and the tokens that nobody reads."""
    images = [
        {
            "filepath": "val2014",
            "sentids": list(ids),
            "filename": coco_name(number),
            "imgid": index,
            "split": "test",
            "sentences": [
                {"tokens": ["a", "b"], "raw": f"Caption {id} of {number}. ", "imgid": index, "sentid": id} for id in ids
            ],
            "cocoid": number,
        }
        for index, (number, ids) in enumerate(SENTENCES.items())
    ]
    trained = {**images[0], "filename": "COCO_train2014_000000000009.jpg", "filepath": "train2014", "split": "restval"}
    put(root / "mscoco/dataset_coco.json", json.dumps({"images": [trained, *images], "dataset": "coco"}))
    for number in SENTENCES:
        put(root / "mscoco/val2014" / coco_name(number), picture(number))


def flickr30k(root: Path, names: Sequence[str] = ("1007129816.jpg", "1009434119.jpg")) -> None:
    """Test images with one caption each, without the folder and the id that MSCOCO's have."""
    images = [
        {
            "sentids": [index],
            "imgid": index,
            "sentences": [{"tokens": ["a"], "raw": f"caption of {name}", "imgid": index, "sentid": index}],
            "split": "test",
            "filename": name,
        }
        for index, name in enumerate(names)
    ]
    put(root / "flickr30k/dataset_flickr30k.json", json.dumps({"images": images, "dataset": "flickr30k"}))
    for index, name in enumerate(names):
        put(root / "flickr30k/images" / name, picture(index))


def cxc(root: Path) -> None:
    """Ratings of the captions and images of `mscoco`, RATED_ROWS of each kind.

    Caption 12 loses its image; caption 20 fits image 1 too; images 1 and 2 are rated in both orders, 2.9 and 3.0.
    """
    of = "COCO_val2014:sentid:"
    table = {
        "sts_test": (
            ("caption1", "caption2"),
            [
                (f"{of}10", f"{of}11", 4.5, "c2c_cocaption"),
                (f"{of}10", f"{of}12", 2.9, "c2c_cocaption"),
                (f"{of}20", f"{of}10", 3.0, "c2c_isim"),
                (f"{of}30", f"{of}20", 0.4, "c2c_isim"),
            ],
        ),
        "sis_test": (
            ("image1", "image2"),
            [
                (coco_name(1), coco_name(2), 2.9, "i2i_csim"),
                (coco_name(2), coco_name(1), 3.0, "i2i_csim"),
                (coco_name(1), coco_name(3), 1.0, "i2i_csim"),
            ],
        ),
        "sits_test": (
            ("caption", "image"),
            [
                (f"{of}{id}", coco_name(number), 2.0 if id == 12 else 4.9, "c2i_original")
                for number, ids in SENTENCES.items()
                for id in ids[:5]
            ]
            + [(f"{of}20", coco_name(1), 3.0, "c2i_intrasim")],
        ),
    }
    for name, (columns, rows) in table.items():
        to = io.StringIO()
        csv.writer(to).writerows([(*columns, "agg_score", "sampling_method"), *rows])
        put(root / f"cxc/{name}.csv", to.getvalue())


def eccv_caption(site: Path) -> None:
    """The installed package's ground truth for `mscoco`: image 1 asks, and so does caption 20; 15 is in no gallery."""
    put(site / "eccv_caption/__init__.py", "raise RuntimeError('reading the lists needs none of its code')\n")
    for name, answers in {
        "eccv_image_to_caption": {"1": [10, 20, 15, 30]},
        "eccv_caption_to_image": {"20": [2, 1]},
        "original_image_to_caption": {str(number): ids[:5] for number, ids in SENTENCES.items()},
        "original_caption_to_image": {str(id): [number] for number, ids in SENTENCES.items() for id in ids[:5]},
    }.items():
        put(site / f"eccv_caption/data/{name}.json", json.dumps(answers))


def multi30k(root: Path) -> None:
    """Two images with five captions in English and German and one in French and Czech."""
    names = ("1007129816.jpg", "1009434119.jpg")
    data = root / "multi30k/data"
    for listed in ("task1/image_splits/test_2016_flickr.txt", "task2/image_splits/test_2016_images.txt"):
        put(data / listed, "".join(f"{name}\n" for name in names))
    for language in ("en", "de"):
        for number in range(1, 6):
            text = f"{language} {number} Mütze\n{language} {number} Hund\n"
            put(data / f"task2/raw/test_2016.{number}.{language}.gz", gzip.compress(text.encode()))
    for language in ("fr", "cs"):
        put(
            data / f"task1/raw/test_2016_flickr.{language}.gz",
            gzip.compress(f"{language} zírá\n{language} pes\n".encode()),
        )
    for index, name in enumerate(names):
        put(root / "flickr30k/images" / name, picture(index))


def simlex(root: Path) -> None:
    """Three pairs of four words."""
    columns = "word1\tword2\tPOS\tSimLex999\tconc(w1)\tconc(w2)\tconcQ\tAssoc(USF)\tSimAssoc333\tSD(SimLex)"
    rows = ["old\tnew\tA\t1.58\t2.72\t2.81\t2\t7.25\t1\t0.41", "smart\told\tA\t9.2\t1.75\t2.46\t1\t7.11\t1\t0.67"]
    rows.append('"quoted\tnew\tN\t0.5\t1\t1\t1\t1\t1\t1')
    put(root / "simlex999/SimLex-999.txt", "\r\n".join((columns, *rows)) + "\r\n")


def winoground(root: Path) -> None:
    """Two items."""
    rows = [
        {
            "id": number,
            "image_0": f"ex_{number}_img_0",
            "image_1": f"ex_{number}_img_1",
            "caption_0": f"some plants surrounding a lightbulb {number}",
            "caption_1": f"a lightbulb surrounding some plants {number}",
            "tag": "Noun",
            "secondary_tag": "",
            "num_main_preds": 1,
            "collapsed_tag": "Object",
        }
        for number in range(2)
    ]
    put(root / "winoground/examples.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    for number in range(2):
        for side in range(2):
            put(root / f"winoground/images/ex_{number}_img_{side}.png", picture(2 * number + side, "PNG"))


def sugar_crepe(root: Path) -> None:
    """An item in each of the seven files, two of which show the same image; keys need not follow each other."""
    groups = ("add_att", "add_obj", "replace_att", "replace_obj", "replace_rel", "swap_att", "swap_obj")
    for index, group in enumerate(groups):
        name = f"{max(index, 1):012d}.jpg"
        row = {"filename": name, "caption": f"right {group}", "negative_caption": f"wrong {group}"}
        put(root / f"sugarcrepe/{group}.json", json.dumps({str(7 * index): row}))
        put(root / "mscoco/val2017" / name, picture(index))


def aro(root: Path) -> None:
    """Relations in two boxes of one image, and one of an image of another."""
    image = Image.new("RGB", (8, 6))
    image.putpixel((2, 1), (255, 0, 0))
    to = io.BytesIO()
    image.save(to, "PNG")
    put(root / "aro/images/1.png", to.getvalue())
    boxes = [(2, 1, 1, 1), (0, 0, 8, 6), (2, 1, 1, 1)]
    rows = [
        {
            "image_id": "1",
            "image_path": "1.png",
            **dict(zip(("bbox_x", "bbox_y", "bbox_w", "bbox_h"), box, strict=True)),
            "true_caption": f"the dog is behind the tree {index}",
            "false_caption": f"the tree is behind the dog {index}",
            "relation_name": "behind" if index else "near",
        }
        for index, box in enumerate(boxes)
    ]
    put(root / "aro/visual_genome_relation.json", json.dumps(rows))
    attributes = [{**row, "attributes": ["brown", "wooden"]} for row in rows]
    for row in attributes:
        del row["relation_name"]
    put(root / "aro/visual_genome_attribution.json", json.dumps(attributes))
