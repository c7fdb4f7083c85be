"""The stages, in the order of the flow: the only list that a new stage must be added to."""

from __future__ import annotations

from typing import Any

from codeprimer.contamination.stage import ContaminationStage
from codeprimer.core.stage import Stage
from codeprimer.corpus.stage import CorpusStage
from codeprimer.evaluation.stage import EvaluationStage
from codeprimer.exam.stage import ExamStage
from codeprimer.exercises.stage import ExercisesStage
from codeprimer.quality.stage import QualityStage
from codeprimer.report.stage import ReportStage
from codeprimer.start.stage import StartStage
from codeprimer.textbooks.stage import TextbooksStage
from codeprimer.tokens.stage import TokensStage
from codeprimer.training.stage import TrainingStage

STAGES: tuple[type[Stage[Any]], ...] = (
    ExamStage,
    StartStage,
    CorpusStage,
    QualityStage,
    TextbooksStage,
    ExercisesStage,
    ContaminationStage,
    TokensStage,
    TrainingStage,
    EvaluationStage,
    ReportStage,
)
