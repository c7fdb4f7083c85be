"""Finds a file's licence, as an SPDX identifier.

Reads licence files, ``SPDX-License-Identifier`` lines and package metadata. The nearest statement wins: a file's own
line, then the licence file next to it, then the package's licence.
"""

from __future__ import annotations

import re
from collections.abc import Callable

LICENSE_FILE = re.compile(r"(?:licen[cs]e|copying|unlicense)(?:[-_.].*)?", re.IGNORECASE)
"""Matches the names of licence files, with ``fullmatch``."""

_HEADER = re.compile(r"SPDX-License-Identifier:[ \t]*([^\n\r]+)")
_EXPRESSION = re.compile(r"[A-Za-z0-9.+\-]+(?:\s+(?:AND|OR|WITH)\s+[A-Za-z0-9.+\-]+|[()\s])*")

_PERMISSIVE = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python", "HPND", "ISC", "MIT",
    "MIT-0", "MIT-CMU", "PSF-2.0", "Python-2.0", "Unlicense", "WTFPL", "Zlib", "ZPL-2.1",
}  # fmt: skip

_MARKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("AGPL-3.0-only", ("gnu affero general public license",)),
    ("LGPL-3.0-only", ("gnu lesser general public license", "version 3")),
    ("LGPL-2.1-only", ("gnu lesser general public license", "version 2.1")),
    ("GPL-3.0-only", ("gnu general public license", "version 3")),
    ("GPL-2.0-only", ("gnu general public license", "version 2")),
    ("MPL-2.0", ("mozilla public license", "2.0")),
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("PSF-2.0", ("python software foundation license",)),
    ("CC0-1.0", ("cc0 1.0 universal",)),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    ("BSL-1.0", ("boost software license", "version 1.0")),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "neither the name")),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "may not be used to endorse")),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms",)),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software", "copyright notice")),
    ("ISC", ("permission to use, copy, modify, and distribute this software", "copyright notice")),
    ("0BSD", ("permission to use, copy, modify, and/or distribute this software",)),
    ("MIT", ("permission is hereby granted, free of charge, to any person obtaining a copy",)),
    ("Zlib", ("this software is provided 'as-is', without any express or implied warranty",)),
)

_REACH = 2_000
"""All marks of a licence occur within this distance of the first mark [characters]."""

_NAMES = {
    "mit": "MIT", "mitlicense": "MIT", "themitlicense": "MIT", "expat": "MIT", "mit0": "MIT-0",
    "apache": "Apache-2.0", "apache2": "Apache-2.0", "apache20": "Apache-2.0", "apachelicense20": "Apache-2.0",
    "apachelicenseversion20": "Apache-2.0", "apachesoftwarelicense": "Apache-2.0", "apachesoftwarelicense20":
    "Apache-2.0", "bsd3": "BSD-3-Clause", "bsd3clause": "BSD-3-Clause", "newbsd": "BSD-3-Clause",
    "modifiedbsd": "BSD-3-Clause", "bsd2": "BSD-2-Clause", "bsd2clause": "BSD-2-Clause", "simplifiedbsd":
    "BSD-2-Clause", "isc": "ISC", "isclicense": "ISC", "isclicenseiscl": "ISC", "mpl20": "MPL-2.0",
    "mozillapubliclicense20mpl20": "MPL-2.0", "psf": "PSF-2.0", "psf20": "PSF-2.0", "pythonsoftwarefoundationlicense":
    "PSF-2.0", "unlicense": "Unlicense", "theunlicenseunlicense": "Unlicense", "zlib": "Zlib", "cc010": "CC0-1.0",
    "0bsd": "0BSD", "gpl3": "GPL-3.0-only", "gplv3": "GPL-3.0-only", "gpl2": "GPL-2.0-only", "gplv2": "GPL-2.0-only",
    "lgpl3": "LGPL-3.0-only", "lgplv3": "LGPL-3.0-only", "agpl3": "AGPL-3.0-only", "agplv3": "AGPL-3.0-only",
}  # fmt: skip


def license_of_text(text: str) -> str | None:
    """Return the SPDX identifier of a licence text, or None if it is not a common licence.

    If the text contains several licences, the first is used, because the licences of bundled parts come last.
    """
    flat = " ".join(text[:40_000].lower().split())
    found = []
    for order, (identifier, marks) in enumerate(_MARKS):
        start = flat.find(marks[0])
        if start >= 0 and all(mark in flat[start : start + _REACH] for mark in marks):
            found.append((start, order, identifier))
    return min(found)[2] if found else None


def license_of_header(text: str) -> str | None:
    """Return the expression in a file's own ``SPDX-License-Identifier`` line (first 2,000 characters), or None."""
    found = _HEADER.search(text[:2_000])
    expression = _EXPRESSION.match(found.group(1).strip()) if found else None
    return expression.group(0).strip() if expression else None


def license_of_name(name: str) -> str | None:
    """Return the SPDX identifier or expression for the value of a metadata field, or None if the value is ambiguous."""
    name = name.strip()
    terms = _terms(name)
    if terms and all(_known(term) for term in terms):
        return name
    return _NAMES.get(re.sub(r"[^a-z0-9]", "", name.lower()))


def license_of_metadata(field: Callable[[str], list[str]], texts: Callable[[], list[str]]) -> str | None:
    """Return a package's licence from its metadata.

    ``field(name)`` returns the values of a metadata field; ``texts()`` returns the contents of the package's licence
    files. They are tried in this order: License-Expression, License, the licence files, the classifiers.
    """
    for expression in field("License-Expression"):
        return expression.strip()
    for value in field("License"):
        if (found := license_of_name(value) or license_of_text(value)) is not None:
            return found
    for text in texts():
        if (found := license_of_text(text)) is not None:
            return found
    for classifier in field("Classifier"):
        if classifier.startswith("License ::") and (found := license_of_name(classifier.rsplit("::", 1)[-1])):
            return found
    return None


def is_permissive(expression: str | None) -> bool:
    """Return whether an SPDX expression is permissive; None is not permissive.

    OR needs one permissive operand, AND needs all operands to be permissive; parentheses are ignored.
    """
    if expression is None:
        return False
    flat = expression.replace("(", " ").replace(")", " ")
    choices = re.split(r"\s+OR\s+", flat)
    return any(all(part.strip() in _PERMISSIVE for part in re.split(r"\s+AND\s+", choice)) for choice in choices)


def license_rank(expression: str | None) -> int:
    """Return 0 for a permissive licence, 1 for any other licence, 2 for none; the duplicate with the lowest rank is kept."""
    if expression is None:
        return 2
    return 0 if is_permissive(expression) else 1


def _terms(expression: str) -> list[str]:
    flat = expression.replace("(", " ").replace(")", " ")
    return [term.strip() for term in re.split(r"\s+(?:AND|OR|WITH)\s+", flat) if term.strip()]


def _known(term: str) -> bool:
    return term in _PERMISSIVE or term in {identifier for identifier, _ in _MARKS} or bool(_FAMILY.fullmatch(term))


_FAMILY = re.compile(r"(?:A?GPL|LGPL|MPL|EPL|EUPL|CDDL|CC-BY(?:-SA)?)-\d(?:\.\d)?(?:-only|-or-later)?")
