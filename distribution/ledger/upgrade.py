"""Brings a database to the newest schema: database, roles, migrations. Forward only."""

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import alembic.command
import alembic.config
import psycopg
import sqlalchemy
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql

from distribution.ledger import locks

ROLES = ("distribution_owner", "distribution_app", "distribution_portal", "distribution_console")
_MIGRATIONS = Path(__file__).parent / "migrations"


def make_database(url: str) -> None:
    """Create the database that `url` names, where it is not there yet."""
    parts = urlsplit(url)
    name = parts.path.lstrip("/")
    server = urlunsplit(parts._replace(path="/postgres"))
    with psycopg.connect(server, autocommit=True) as conn:
        found = conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if found is None:
            try:
                conn.execute(
                    sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(
                        sql.Identifier(name)
                    )
                )
            except psycopg.errors.DuplicateDatabase:
                pass  # another process made it in between


def upgrade(url: str) -> None:
    """Bring the database to the newest schema; nothing happens where it already is.

    Two processes that start at once wait for each other.
    """
    if is_current(url):
        return
    with psycopg.connect(url, autocommit=True) as conn, locks.waited_for(conn, locks.UPGRADE):
        make_roles(conn)
        _migrate(url)


def is_current(url: str) -> bool:
    """True when the database is at the newest schema."""
    newest = ScriptDirectory.from_config(_configuration()).get_current_head()
    return revision(url) == newest


def revision(url: str) -> str | None:
    """The schema that the database is at; None for an empty one."""
    engine = _engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "schema_version"})
        found = context.get_current_revision()
    engine.dispose()
    return found


def make_roles(conn: psycopg.Connection) -> None:
    """The four roles, without sign-in: a connection takes one on (`connection.connect`)."""
    for role in ROLES:
        name = sql.Identifier(role)
        try:
            conn.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(name))
        except psycopg.errors.DuplicateObject:
            pass
        conn.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
    conn.execute(
        sql.SQL("GRANT CREATE ON DATABASE {} TO distribution_owner").format(sql.Identifier(conn.info.dbname))
    )
    conn.execute("GRANT CREATE ON SCHEMA public TO distribution_owner")


def _migrate(url: str, *, to: str = "head") -> None:
    configuration = _configuration()
    engine = _engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("SET ROLE distribution_owner")
        connection.commit()
        configuration.attributes["connection"] = connection
        alembic.command.upgrade(configuration, to)
        connection.commit()
    engine.dispose()


def _configuration() -> alembic.config.Config:
    configuration = alembic.config.Config()
    configuration.set_main_option("script_location", str(_MIGRATIONS))
    return configuration


def _engine(url: str) -> sqlalchemy.Engine:
    """SQLAlchemy serves alembic alone; everything else speaks psycopg."""
    return sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=sqlalchemy.NullPool
    )
