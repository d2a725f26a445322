"""It is on file who settled an acknowledgement, and why."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None, "migrations run on a connection"
    driver.execute(Path(__file__).with_name("0007_settled_by.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
