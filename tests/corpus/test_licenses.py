"""Which licence a file is under."""

from __future__ import annotations

import pytest

from codeprimer.corpus.licenses import (
    is_permissive,
    license_of_header,
    license_of_metadata,
    license_of_name,
    license_of_text,
    license_rank,
)

MIT = "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\nof this software"
BSD = "Redistribution and use in source and binary forms, with or without modification, are permitted"
GPL = "GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MIT, "MIT"),
        ("                 Apache License\n           Version 2.0, January 2004\n", "Apache-2.0"),
        (BSD, "BSD-2-Clause"),
        (BSD + "\nNeither the name of the author nor ...", "BSD-3-Clause"),
        (GPL, "GPL-3.0-only"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\nVersion 2.1, February 1999", "LGPL-2.1-only"),
        ("Mozilla Public License Version 2.0\n...the GNU General Public License, Version 2.0", "MPL-2.0"),
        ("PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2", "PSF-2.0"),
        ("All rights reserved.", None),
    ],
)
def test_the_common_licences_are_known_by_their_text(text: str, expected: str | None) -> None:
    assert license_of_text(text) == expected


def test_the_first_licence_of_a_text_counts_not_those_of_bundled_parts() -> None:
    assert license_of_text(BSD + " neither the name\n" + "x " * 2000 + GPL + MIT) == "BSD-3-Clause"


def test_a_files_own_line_is_read_as_an_expression() -> None:
    assert license_of_header("#!/bin/python\n# SPDX-License-Identifier: MIT OR Apache-2.0\n") == "MIT OR Apache-2.0"
    assert license_of_header("/* SPDX-License-Identifier: BSD-3-Clause */") == "BSD-3-Clause"
    assert license_of_header("x = 1\n" * 1000 + "# SPDX-License-Identifier: MIT") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MIT", "MIT"),
        ("The MIT License", "MIT"),
        ("Apache Software License", "Apache-2.0"),
        ("BSD-3-Clause AND MIT", "BSD-3-Clause AND MIT"),
        ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
        ("BSD License", None),  # which of them?
        ("see LICENSE", None),
    ],
)
def test_metadata_names_become_identifiers_where_they_are_clear(name: str, expected: str | None) -> None:
    assert license_of_name(name) == expected


def test_metadata_is_asked_from_the_clearest_field_to_the_vaguest() -> None:
    fields = {"Classifier": ["License :: OSI Approved :: MIT License"], "License": [], "License-Expression": []}

    def ask(texts: list[str]) -> str | None:
        return license_of_metadata(lambda name: fields[name], lambda: texts)

    assert ask([]) == "MIT"
    assert ask([BSD]) == "BSD-2-Clause"
    fields["License"] = ["Apache 2.0"]
    assert ask([BSD]) == "Apache-2.0"
    fields["License-Expression"] = ["ISC"]
    assert ask([BSD]) == "ISC"
    assert license_of_metadata(lambda name: [], list) is None


def test_permission_is_read_from_the_whole_expression() -> None:
    assert is_permissive("MIT")
    assert is_permissive("GPL-3.0-only OR MIT")
    assert is_permissive("MPL-2.0 AND MIT OR (Apache-2.0 AND MIT)")
    assert not is_permissive("MPL-2.0 AND (Apache-2.0 OR MPL-2.0)")
    assert not is_permissive("GPL-3.0-only")
    assert not is_permissive(None)
    assert [license_rank(spdx) for spdx in ("MIT", "GPL-3.0-only", None)] == [0, 1, 2]
