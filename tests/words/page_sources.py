"""Sources of pages that tests hand to processes, which import this file."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from drawn_pages import LINES, draw_page

from munseo._words.pdf_text import PdfPage


@dataclass(frozen=True)
class DrawnSource:
    """A page with one line, other in each page; it notes in a file that its pixels were asked for."""

    number: int
    log: Path
    text: str | None = None
    sidecar: Path | None = None
    pdf: PdfPage | None = None
    fate: str = ""
    slowness_s: float = 0.0

    @property
    def key(self) -> str:
        return f"drawn {self.number}"

    def grey(self) -> np.ndarray:
        with self.log.open("a") as file:
            file.write(f"{self.number}\n")
        if self.fate == "ends":
            os._exit(3)
        time.sleep(self.slowness_s)
        if self.fate == "blank":
            return np.full((200, 300), 255, np.uint8)
        return draw_page([LINES[1 + self.number % 6]], width=620, height=160)


def asked(log: Path) -> list[int]:
    """The numbers of the pages whose pixels were asked for."""
    return [int(line) for line in log.read_text().split()] if log.exists() else []
