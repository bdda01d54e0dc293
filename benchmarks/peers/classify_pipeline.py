"""Hugging Face's ``pipeline("image-classification")``: a folder of pages to a CSV, with the weights of a run.

python benchmarks/peers/classify_pipeline.py --weights weights.safetensors --card card.json --images test -o out.csv
"""

from __future__ import annotations

from classification import parse, pictures, write
from safetensors.torch import load_file
from transformers import TimmWrapperConfig, TimmWrapperForImageClassification, TimmWrapperImageProcessor, pipeline


def main() -> None:
    words, card = parse(__doc__)
    shape = [3, card["image_size"], card["image_size"]]
    prepared = {"input_size": shape, "mean": card["norm_mean"], "std": card["norm_std"], "crop_pct": 1.0}
    config = TimmWrapperConfig.from_dict(
        {
            "architecture": card["model_name"],
            "label_names": card["class_targets"],
            "num_classes": len(card["class_names"]),
        }
    )
    model = TimmWrapperForImageClassification(config).eval()
    model.timm_model.load_state_dict(load_file(words.weights))
    processor = TimmWrapperImageProcessor(pretrained_cfg=prepared)
    classify = pipeline("image-classification", model=model, image_processor=processor, device="cpu")
    files = pictures(words.images)
    found = classify([str(file) for file in files], top_k=1, batch_size=words.batch)
    write(words.output, files, [answers[0]["label"] for answers in found])


if __name__ == "__main__":
    main()
