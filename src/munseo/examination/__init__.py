"""The doctor: what is wrong with the pages of a data folder. One finder a file; each gives a list of ``Issue``.

The way through: ``look`` decodes every page once, finders judge what was seen, ``examine`` calls them all,
``issue_table`` makes the CSV that a person fills in, ``page`` the HTML that a person looks at.
"""

from munseo.examination.examining import Examination, examine
from munseo.examination.issue import KINDS, Issue, Sheet
from munseo.examination.issue_table import issue_table

__all__ = ["KINDS", "Examination", "Issue", "Sheet", "examine", "issue_table"]
