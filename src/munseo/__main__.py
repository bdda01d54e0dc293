"""Run the command line as ``python -m munseo``, which launchers such as torchrun need."""

from munseo._commands.app import main

main()
