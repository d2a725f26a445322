"""What Score Distribution adds to Airflow: its timetables and an overview page."""

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin
from score_distribution_overview import PREFIX, make_app
from score_distribution_timetables import BusinessNightTimetable, YearlyTimetable


class ScoreDistributionPlugin(AirflowPlugin):
    """Two timetables, and the page `Scores` in the navigation."""

    name = "score_distribution"
    timetables = [BusinessNightTimetable, YearlyTimetable]  # noqa: RUF012 - Airflow asks for a list
    external_views = [  # noqa: RUF012
        {
            # Airflow cuts names of more than ten characters.
            "name": "Scores",
            "href": f"{PREFIX.lstrip('/')}/",
            "destination": "nav",
            "url_route": "scores",
            "nav_top_level": True,
        }
    ]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Made when the web server asks: workers load the plugin too and need no web framework."""
        return [{"app": make_app(), "url_prefix": PREFIX, "name": "Score Distribution overview"}]
