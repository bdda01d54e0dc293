"""From files to upright RGB arrays and labelled pages, split and balanced; and back to a submission.

The way through: ``load_pages`` reads tables or folders, ``check_images`` looks at every image, ``stratified_split`` or
``stratified_folds`` splits the pages, ``plan_balance`` fills up small classes; ``decode`` and ``letterbox`` turn a page
into pixels, ``cache_pages`` stores them on the disk and ``square`` reads them from there; ``write_submission`` writes
what was predicted. What a user can fix is raised as ``UserError``, all problems together.
"""

from munseo._data.balance import PageCopy, class_weights, plan_balance, sampler_weights
from munseo._data.cache import CheckedFiles, cache_folder, cache_pages, square
from munseo._data.data_table import DataTable, TableRow
from munseo._data.decoder import decode, decode_pages, inspect
from munseo._data.formats import FORMATS
from munseo._data.image_check import Checked, check_images, fingerprint
from munseo._data.image_error import ImageError, ImageProblem
from munseo._data.input_pages import find_pages
from munseo._data.layout import DataLayout, load_pages
from munseo._data.page import Page, PageSet
from munseo._data.pixels import letterbox
from munseo._data.split import stratified_folds, stratified_split
from munseo._data.submission import write_submission
from munseo._data.tables import read_table

__all__ = [
    "FORMATS",
    "Checked",
    "CheckedFiles",
    "DataLayout",
    "DataTable",
    "ImageError",
    "ImageProblem",
    "Page",
    "PageCopy",
    "PageSet",
    "TableRow",
    "cache_folder",
    "cache_pages",
    "check_images",
    "class_weights",
    "decode",
    "decode_pages",
    "find_pages",
    "fingerprint",
    "inspect",
    "letterbox",
    "load_pages",
    "plan_balance",
    "read_table",
    "sampler_weights",
    "square",
    "stratified_folds",
    "stratified_split",
    "write_submission",
]
