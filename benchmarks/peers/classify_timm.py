"""timm, as its inference example shows: a folder of pages to a CSV, with the weights of a run.

python benchmarks/peers/classify_timm.py --weights weights.safetensors --card card.json --images test -o out.csv
"""

from __future__ import annotations

import timm
import torch
from classification import parse, pictures, write
from PIL import Image
from safetensors.torch import load_file
from timm.data import create_transform


def main() -> None:
    words, card = parse(__doc__)
    model = timm.create_model(card["model_name"], num_classes=len(card["class_names"])).eval()
    model.load_state_dict(load_file(words.weights))
    transform = create_transform(
        input_size=(3, card["image_size"], card["image_size"]),
        mean=card["norm_mean"],
        std=card["norm_std"],
        crop_pct=1.0,
    )
    targets = []
    files = pictures(words.images)
    with torch.inference_mode():
        for start in range(0, len(files), words.batch):
            pages = [transform(Image.open(file).convert("RGB")) for file in files[start : start + words.batch]]
            targets += model(torch.stack(pages)).argmax(dim=1).tolist()
    write(words.output, files, [card["class_targets"][target] for target in targets])


if __name__ == "__main__":
    main()
