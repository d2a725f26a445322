"""Serial numbers of Intelligent Mail barcodes come from a row instead of a sequence."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None, "migrations run on a connection"
    driver.execute(Path(__file__).with_name("0002_imb_serials.sql").read_text("utf-8"))


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
