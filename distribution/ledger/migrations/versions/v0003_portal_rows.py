"""Schools' rows: hidden by every cancellation, in the order of names; no table open to the portal."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # Straight to psycopg: the file's per cent signs are format()'s, not placeholders.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None, "migrations run on a connection"
    driver.execute(Path(__file__).with_name("0003_portal_rows.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
