"""A stage's settings: stack configuration → frozen values. Imports no Pulumi, so everything may read them."""

from __future__ import annotations

from components.settings_budgets import BudgetSettings
from components.settings_check import cross_check
from components.settings_environments import ComputeEnvironmentSettings
from components.settings_jobs import JobOverrides
from components.settings_load import SETTING_KEYS, load_settings, load_settings_file, settings_place, settings_places
from components.settings_merge import effective_spec, effective_specs
from components.settings_model import (
    BucketSettings,
    ImageSettings,
    LedgerSettings,
    LogSettings,
    MonitoringSettings,
    Settings,
)
from components.settings_network import NetworkSettings
from components.settings_queues import QueueSettings, StateTimeLimitAction
from components.settings_schedules import ScheduleSettings
from components.settings_sources import TableSettings, TopicSettings

__all__ = [
    "SETTING_KEYS",
    "BucketSettings",
    "BudgetSettings",
    "ComputeEnvironmentSettings",
    "ImageSettings",
    "JobOverrides",
    "LedgerSettings",
    "LogSettings",
    "MonitoringSettings",
    "NetworkSettings",
    "QueueSettings",
    "ScheduleSettings",
    "Settings",
    "StateTimeLimitAction",
    "TableSettings",
    "TopicSettings",
    "cross_check",
    "effective_spec",
    "effective_specs",
    "load_settings",
    "load_settings_file",
    "settings_place",
    "settings_places",
]
