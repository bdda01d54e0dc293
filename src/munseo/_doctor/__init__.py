"""The doctor: what is wrong with the pages of a data folder. One finder a file; each gives a list of ``Issue``.

The way through: ``look`` decodes every page once, finders judge what was seen, ``examine`` calls them all,
``issue_table`` makes the CSV that a person fills in, ``page`` the HTML that a person looks at.
"""

from munseo._doctor.examination import Examination, examine
from munseo._doctor.issue import KINDS, Issue, Sheet, issue_table

__all__ = ["KINDS", "Examination", "Issue", "Sheet", "examine", "issue_table"]
