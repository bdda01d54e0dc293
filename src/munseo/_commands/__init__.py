"""The commands, one file each: a typed function that ``from munseo import …`` gives and the command line runs."""
