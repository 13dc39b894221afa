"""Texts in answers whose form is documented: ids and moments go out as text, so nothing is left to encode.

Moments are written by contract/moment.py, or by rfc3339() in SQL.
"""

from typing import Annotated

import msgspec

Id = Annotated[str, msgspec.Meta(extra_json_schema={"format": "uuid"})]
Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
