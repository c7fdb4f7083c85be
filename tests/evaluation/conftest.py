"""What the evaluation's tests share: six problems, and models that have learnt all, half or none of them by heart."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from codeprimer.core.documents import Task
from codeprimer.model.checkpoint import save_model
from codeprimer.model.config import PhiConfig
from codeprimer.model.phi import Phi
from codeprimer.model.tokenizer import Tokenizer
from codeprimer.tokens.vocabulary import learn_vocabulary

SHAPE = PhiConfig(vocab_size=320, hidden_size=64, layers=2, heads=4, intermediate=128, context=96)

WORDS = ("double", "square", "negate", "halve", "increase", "repeat")
BODIES = ("2 * x", "x * x", "-x", "x // 2", "x + 1", "x * 10 + x")


def make_task(index: int, name: str, body: str) -> Task:
    result = eval(body, {"x": 4})  # noqa: S307 - our own six expressions
    return {
        "task_id": f"exam/{index:04d}",
        "blueprint": name,
        "concepts": ["numbers", "negation" if name == "negate" else "arithmetic"],
        "entry_point": name,
        "prompt": f'def {name}(x: int) -> int:\n    """Return {name} of x."""\n',
        "solution": f"    return {body}\n",
        "tests": [f"assert {name}(4) == {result}", f"assert {name}(0) is not None"],
        "setup": "",
    }


TASK_ROWS = [make_task(index, name, body) for index, (name, body) in enumerate(zip(WORDS, BODIES, strict=True))]


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return Tokenizer(learn_vocabulary([row["prompt"] + row["solution"] for row in TASK_ROWS], SHAPE.vocab_size))


def learn_by_heart(tokenizer: Tokenizer, rows: list[Task], steps: int) -> Phi:
    """Return a small model that has seen these problems and their answers again and again."""
    model = Phi(SHAPE).initialise(1)
    texts = [[0, *tokenizer.encode(row["prompt"] + row["solution"]), 0] for row in rows]
    longest = max(map(len, texts))
    ids_BT = torch.tensor([text + [0] * (longest - len(text)) for text in texts])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 3e-3 * (1 - step / steps)
        optimizer.zero_grad()
        model.loss(ids_BT[:, :-1], ids_BT[:, 1:]).backward()  # type: ignore[no-untyped-call]  # torch does not type it
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model.eval()


@pytest.fixture(scope="session")
def checkpoints(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of a model that knows all problems, of one that knows three of them, and of one that knows nothing."""
    torch.set_num_threads(1)  # such small products are slower on two
    root = tmp_path_factory.mktemp("checkpoints")
    learnt = {"all": (TASK_ROWS, 120), "half": (TASK_ROWS[:3], 120), "none": (TASK_ROWS, 0)}
    for name, (rows, steps) in learnt.items():
        save_model(root / name, learn_by_heart(tokenizer, rows, steps), tokenizer)
    return {name: root / name for name in learnt}
