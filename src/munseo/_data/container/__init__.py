"""Pages that are not files of their own: in ZIP and TAR archives, and in the cells of parquet tables.

A ``ContainedFile`` is the place of such a page. Nothing is unpacked to the disk: its bytes are read when they are
needed, by any thread or process, as those of a file are. ``list_archive`` and ``parquet_images`` find the places.
"""
