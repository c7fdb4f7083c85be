from __future__ import annotations

from collections.abc import Iterator

import pytest

from codeprimer.analysis.prose import code_blocks
from codeprimer.sandbox import Sandbox, VerdictKind
from codeprimer.textbooks.blocks import program_of, with_claims

TEXT = """\
# A section

Some prose with `code` in it.

```python
def double(x: int) -> int:
    return 2 * x


print(double(4))  # 8
```

```text
not Python
```

```python
for x in (1, 2):
    print(double(x))
# Output:
# 2
# 4
print("a # is no comment", 1)  # a # is no comment 1
```
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1) as sandbox:
        yield sandbox


def verdict(sandbox: Sandbox, *blocks: str) -> VerdictKind:
    (found,) = sandbox.run([program_of(blocks)])
    return found.kind


def test_only_python_blocks_are_found_and_in_order() -> None:
    blocks = code_blocks(TEXT)
    assert len(blocks) == 2
    assert blocks[0].startswith("def double")
    assert blocks[1].startswith("for x in")


def test_every_claim_becomes_a_check_behind_its_statement() -> None:
    checked = with_claims(code_blocks(TEXT)[1]).splitlines()
    assert checked == [
        "for x in (1, 2):",
        "    print(double(x))",
        "# Output:",
        "# 2",
        "# 4",
        "_claim('2', '4')",
        'print("a # is no comment", 1)  # a # is no comment 1',
        "_claim('a # is no comment 1')",
    ]


def test_blocks_run_in_one_namespace_and_right_claims_pass(sandbox: Sandbox) -> None:
    assert verdict(sandbox, *code_blocks(TEXT)) is VerdictKind.passed


def test_a_wrong_claim_fails(sandbox: Sandbox) -> None:
    assert verdict(sandbox, "print(2 + 2)  # 5\n") is VerdictKind.failed
    assert verdict(sandbox, "for x in (1, 2):\n    print(x)\n# Output:\n# 1\n# 3\n") is VerdictKind.failed


def test_a_claim_about_nothing_printed_fails(sandbox: Sandbox) -> None:
    assert verdict(sandbox, "x = 1\n# Output:\n# 1\n") is VerdictKind.failed


def test_a_call_that_changes_something_is_made_only_once(sandbox: Sandbox) -> None:
    assert verdict(sandbox, "stack = [1, 2]\nprint(stack.pop())  # 2\nprint(stack.pop())  # 1\n") is VerdictKind.passed


def test_print_calls_over_several_lines_are_checked_too(sandbox: Sandbox) -> None:
    assert verdict(sandbox, "print(\n    1,\n    2,\n)  # 1 2\n") is VerdictKind.passed
    assert verdict(sandbox, "print(\n    1,\n    2,\n)  # 1 3\n") is VerdictKind.failed


def test_a_block_that_fails_on_its_own_or_breaks_a_later_one_is_found(sandbox: Sandbox) -> None:
    assert verdict(sandbox, "x = 1\n", "assert x == 2\n") is VerdictKind.failed
    assert verdict(sandbox, "print(nothing)\n") is VerdictKind.raised


def test_other_comments_are_no_claims(sandbox: Sandbox) -> None:
    assert verdict(sandbox, "x = 1  # one\n# a remark\nprint(x)\n") is VerdictKind.passed


def test_text_that_is_not_python_is_refused() -> None:
    with pytest.raises(SyntaxError):
        program_of(["def f(:\n"])
    with pytest.raises(SyntaxError):
        program_of(["x = (1,\n"])
