"""Named people end with the word that they stand on; a request for a code knows its mail."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None, "migrations run on a connection"
    driver.execute(Path(__file__).with_name("0005_named_people.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
