"""The sections of a report: each is a function from the facts of a run to blocks, next to the plot that it shows."""
