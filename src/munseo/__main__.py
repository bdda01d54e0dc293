"""``python -m munseo``, which launchers such as torchrun need."""

from munseo.cli import main

main()
