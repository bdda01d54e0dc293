"""Measure what it costs that torch gets one page at a time on a processor, and why it does.

    python benchmarks/pages_at_once.py tf_efficientnet_lite0@224 efficientnet_b4@320 --at-once 1 4

It prints pages per second, as medians of alternating rounds, and how many of 20 pages have different bits in another
order.
"""

from __future__ import annotations

import argparse
import statistics
import time

import timm
import torch


def speed(network: torch.nn.Module, batch: torch.Tensor, seconds: float) -> float:
    network(batch)
    start, num = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        network(batch)
        num += len(batch)
    return num / (time.perf_counter() - start)


def num_differing(network: torch.nn.Module, pages: torch.Tensor, at_once: int) -> int:
    """Count the pages whose logits differ in the reverse order."""
    there = torch.cat([network(batch) for batch in pages.split(at_once)])
    back = torch.cat([network(batch.contiguous(memory_format=torch.channels_last))
                      for batch in pages.flip(0).split(at_once)]).flip(0)  # fmt: skip
    return int((there != back).any(dim=1).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="name@size")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--seconds", type=float, default=1.2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    words = parser.parse_args()
    torch.set_num_threads(words.threads)
    print(f"| model | {' | '.join(f'{at_once} at once: pages/s, differing' for at_once in words.at_once)} |")
    for model in words.models:
        name, size = model.split("@")
        torch.manual_seed(0)
        network = timm.create_model(name, num_classes=17).eval().to(memory_format=torch.channels_last)
        pages = torch.rand(20, 3, int(size), int(size)).to(memory_format=torch.channels_last)
        rates: dict[int, list[float]] = {at_once: [] for at_once in words.at_once}
        with torch.inference_mode():
            for _ in range(words.rounds):
                for at_once, found in rates.items():
                    found.append(speed(network, pages[:at_once], words.seconds))
            cells = [
                f"{statistics.median(found):.1f}, {num_differing(network, pages, at_once)}"
                for at_once, found in rates.items()
            ]
        print(f"| {model} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
