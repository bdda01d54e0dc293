"""Measure what it brings to keep freed memory in the process: bare steps with and without, in separate processes.

python benchmarks/kept_memory.py --model tf_efficientnet_lite0 --image-size 224 --batch-size 32
python benchmarks/kept_memory.py --predict --batch-size 16
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

STEPS = """
import json, resource, sys, time
from munseo._memory import keep_freed_memory

way, work, model, size, batch, num_steps = *sys.argv[1:4], *map(int, sys.argv[4:])
if way == "kept":
    assert keep_freed_memory()
import timm, torch

network = timm.create_model(model, num_classes=5).to(memory_format=torch.channels_last).train(work == "train")
optimizer = torch.optim.AdamW(network.parameters(), fused=True)
images = torch.randn(batch, 3, size, size).to(memory_format=torch.channels_last)
labels = torch.randint(5, (batch,))


def train():
    optimizer.zero_grad(set_to_none=True)
    torch.nn.functional.cross_entropy(network(images), labels).backward()
    optimizer.step()


@torch.inference_mode()
def predict():
    network(images).softmax(dim=1)


do = {"train": train, "predict": predict}[work]
for step in range(3 + num_steps):
    if step == 3:
        started = time.perf_counter()
    do()
rate = num_steps * batch / (time.perf_counter() - started)
print(json.dumps([rate, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--predict", dest="work", action="store_const", const="predict", default="train")
    parser.add_argument("--model", default="tf_efficientnet_lite0")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    found: dict[str, list[tuple[float, int]]] = {"returned": [], "kept": []}
    words = [options.work, options.model, str(options.image_size), str(options.batch_size), str(options.steps)]
    for _ in range(options.rounds):
        for way, values in found.items():
            done = subprocess.run(
                [sys.executable, "-c", STEPS, way, *words], capture_output=True, text=True, check=True
            )
            values.append(tuple(json.loads(done.stdout)))
            print(way, *values[-1], file=sys.stderr, flush=True)
    print("| freed memory | pages/s, median | lowest | highest | peak GiB |\n|---|---|---|---|---|")
    for way, values in found.items():
        rates = [rate for rate, _ in values]
        peak = max(size for _, size in values) / 2**30
        print(f"| {way} | {statistics.median(rates):.1f} | {min(rates):.1f} | {max(rates):.1f} | {peak:.2f} |")
    ratios = [kept / given for (kept, _), (given, _) in zip(found["kept"], found["returned"], strict=True)]
    print(f"\nkept / returned, median of rounds: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
