"""The doctor: what is wrong with the pages of a data folder.

The way through: ``inspect_pages`` decodes every page once, the finders of ``KINDS`` judge what was seen and give
``Issue``s, ``examine`` calls them all, ``issue_table`` makes the CSV that a person fills in, and ``render_page`` the
HTML that a person looks at.
"""

from munseo._doctor.examination import Examination, examine
from munseo._doctor.issue import Issue, issue_table, write_issues
from munseo._doctor.issue_kinds import KINDS

__all__ = ["KINDS", "Examination", "Issue", "examine", "issue_table", "write_issues"]
