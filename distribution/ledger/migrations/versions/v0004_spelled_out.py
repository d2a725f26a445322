"""A file knows how many of its records were spelled out for its encoding."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None, "migrations run on a connection"
    driver.execute(Path(__file__).with_name("0004_spelled_out.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
