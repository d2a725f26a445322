"""Settings from `DISTRIBUTION_*` environment variables; every one has a default that works."""

import os
from datetime import date, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from distribution.errors import UsageError

PROJECT_ROOT = Path(__file__).resolve().parents[1]
CLUSTERS_OF_ROOT = Path("/var/lib/score-distribution")


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, OSError) as exc:
        raise ValueError("no time zone of that name is known; write it as America/New_York") from exc


def _days(text: str) -> str:
    try:
        return ",".join(date.fromisoformat(day.strip()).isoformat() for day in text.split(",") if day.strip())
    except ValueError as exc:
        raise ValueError("write days as 2026-12-24, parted by commas") from exc


class Settings(BaseSettings):
    """What can be set, with its default and meaning; `docs/configuration.md` is made from this."""

    model_config = SettingsConfigDict(
        env_prefix="DISTRIBUTION_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    home: Annotated[
        Path, Field(description="Folder that holds all that a run reads or writes (mode 0700).")
    ] = PROJECT_ROOT / "var"
    database_url: Annotated[
        str | None,
        Field(description="PostgreSQL server (postgresql://…); empty = the embedded one."),
    ] = None
    secrets_dir: Annotated[
        Path | None,
        Field(description="Folder of `<name>.key` and `<name>.password`; empty = `secrets/` in the home."),
    ] = None
    time_zone: Annotated[str, AfterValidator(_known_zone), Field(description="Zone of the business day.")] = (
        "America/New_York"
    )

    smtp_host: Annotated[
        str | None, Field(description="Mail server; empty = mails wait in `outbox/mail/`.")
    ] = None
    smtp_port: Annotated[int, Field(description="Its port.")] = 25
    smtp_username: Annotated[str | None, Field(description="Sign-in name, where it asks for one.")] = None
    smtp_credential: Annotated[str | None, Field(description="Name of the mail password in the secrets.")] = (
        None
    )
    smtp_starttls: Annotated[bool, Field(description="Whether to ask for TLS.")] = False
    smtp_seconds: Annotated[
        float, Field(description="Longest wait for an answer of the mail server.", gt=0)
    ] = 30.0
    mail_from: Annotated[str, Field(description="Sender of all mails.")] = (
        "Score Distribution <scores@example.org>"
    )
    mail_attempts: Annotated[
        int, Field(description="How often one run tries to hand over a mail before a person must look.", ge=1)
    ] = 3
    portal_url: Annotated[
        str,
        Field(
            description="Where schools sign in; stands in the mails, and the OpenID Connect provider sends "
            "people back there."
        ),
    ] = "https://portal.example.org"
    portal_idle_minutes: Annotated[
        int, Field(description="Minutes without a page after which a portal session ends.", ge=1)
    ] = 30
    portal_session_hours: Annotated[
        int, Field(description="Hours after which a portal session ends whatever happens.", ge=1)
    ] = 12
    oidc_issuer: Annotated[
        str | None,
        Field(
            description="Issuer (URL) of the portal's OpenID Connect sign-in; empty = local accounts (demo)."
        ),
    ] = None
    oidc_client_id: Annotated[str, Field(description="The portal's client id there.")] = "score-portal"
    oidc_credential: Annotated[
        str | None, Field(description="Name of the client's secret in the secrets; empty = a public client.")
    ] = None
    mailroom_email: Annotated[
        str | None, Field(description="Who is told how many pieces a night brings; empty = nobody.")
    ] = None
    mailroom_closed_days: Annotated[
        str,
        AfterValidator(_days),
        Field(
            description="Days (YYYY-MM-DD, parted by commas) on which the mailroom is closed, besides "
            "weekends and federal holidays."
        ),
    ] = ""
    mailroom_cutoff: Annotated[
        time, Field(description="When the carrier collects (HH:MM): a batch is to be mailed by then.")
    ] = time(15, 0)
    operations_email: Annotated[str, Field(description="Where questions about scores and codes go.")] = (
        "operations@example.org"
    )

    dantes_code: Annotated[
        str | None, Field(description="DI that gets DANTES-funded results; empty = none.")
    ] = None
    four_eyes: Annotated[
        bool, Field(description="A changed endpoint takes effect after a second person's confirm.")
    ] = False
    require_complete_feeds: Annotated[
        bool, Field(description="Sending waits while a feed of the day is missing.")
    ] = False
    mailer_id: Annotated[
        str | None,
        Field(
            description="USPS mailer id (6 digits, or 9 from 9 on); empty = no Intelligent Mail barcode.",
            pattern=r"^([0-8][0-9]{5}|9[0-9]{8})$",
        ),
    ] = None
    imb_service_type: Annotated[
        str | None,
        Field(
            description="Service type (STID, 3 digits) from USPS's table for your class and services; "
            "needed with a mailer id.",
            pattern=r"^[0-9]{3}$",
        ),
    ] = None
    imb_barcode_id: Annotated[
        str,
        Field(description="Barcode id (2 digits, the second 0 to 4) of the IMb.", pattern=r"^[0-9][0-4]$"),
    ] = "00"
    omr_stocks: Annotated[
        str,
        Field(
            description="Envelope stocks whose sheets carry OMR marks (`no10-window`, `flat-9x12`), "
            "parted by commas; empty = none."
        ),
    ] = ""
    paper_processes: Annotated[
        int,
        Field(description="Processes that write print batches at one time; 0 = one per core.", ge=0, le=64),
    ] = 0
    return_address: Annotated[
        str, Field(description="Return address on the envelope sheet; one to three lines parted by `|`.")
    ] = "CLEP Score Reports|PO Box 0000|Anytown NY 00000"

    sftp_sessions: Annotated[int, Field(description="SFTP sessions at one time.", ge=1, le=64)] = 32
    sftp_seconds: Annotated[
        float, Field(description="Longest time for one file, sign-in included.", gt=0)
    ] = 120.0
    pgp_signing_key: Annotated[
        str | None,
        Field(description="Name of our OpenPGP private key in the secrets; empty = files are not signed."),
    ] = None
    acknowledge_days: Annotated[
        int,
        Field(
            description="Business days in which an institution with an `ack_directory` acknowledges a file, "
            "where its endpoint states no `ack_days`.",
            ge=1,
        ),
    ] = 3
    feed_max_bytes: Annotated[int, Field(description="Largest feed.")] = 1024**3
    feed_line_max_bytes: Annotated[int, Field(description="Longest line of a feed.")] = 1024**2
    feed_cell_max_bytes: Annotated[int, Field(description="Largest cell of a feed.")] = 64 * 1024
    feed_signers: Annotated[
        Path | None,
        Field(description="File of allowed signers (OpenSSH) of control files; empty = none is asked for."),
    ] = None
    code_window_start: Annotated[
        str, Field(description="First day (MM-DD) of a yearly window of voucher orders.")
    ] = "06-01"
    code_windows: Annotated[
        int, Field(description="How many yearly windows of orders make an organisation eligible.")
    ] = 2

    keep_processed_days: Annotated[int, Field(description="Days that recorded feeds are kept.")] = 30
    keep_paper_days: Annotated[int, Field(description="Days that a closed batch is kept.")] = 90
    keep_electronic_days: Annotated[int, Field(description="Days that sent files are kept.")] = 400

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def portal_idle(self) -> timedelta:
        """How long a session may lie idle."""
        return timedelta(minutes=self.portal_idle_minutes)

    @property
    def portal_longest(self) -> timedelta:
        """How long a session lasts in all."""
        return timedelta(hours=self.portal_session_hours)

    @cached_property
    def mailroom_closed(self) -> frozenset[date]:
        return frozenset(date.fromisoformat(day) for day in self.mailroom_closed_days.split(",") if day)

    @property
    def inbox(self) -> Path:
        return self.home / "inbox"

    @property
    def refused(self) -> Path:
        return self.home / "refused"

    @property
    def paper_outbox(self) -> Path:
        return self.home / "outbox" / "paper"

    @property
    def electronic_outbox(self) -> Path:
        return self.home / "outbox" / "electronic"

    @property
    def sftp_folders(self) -> Path:
        """Where OpenSSH's `sftp` works, for endpoints of `transport: openssh`; empty between runs."""
        return self.home / "sftp"

    @property
    def mail_outbox(self) -> Path:
        return self.home / "outbox" / "mail"

    @property
    def reports(self) -> Path:
        return self.home / "reports"

    @property
    def secrets(self) -> Path:
        return self.secrets_dir or self.home / "secrets"

    @property
    def demo(self) -> Path:
        return self.home / "demo"

    @property
    def cluster(self) -> Path:
        """Where the embedded PostgreSQL lies.

        As root it stands outside the home: the server then runs as another user, and the wheel
        would open every folder above its data to the world.
        """
        if os.name == "posix" and os.geteuid() == 0:
            return CLUSTERS_OF_ROOT / self.home.resolve().as_posix().strip("/").replace("/", "-")
        return self.home / "postgres"


def load(**overrides: Any) -> Settings:
    """The settings in force. Raises UsageError that names each wrong variable."""
    try:
        settings = Settings(**overrides)
    except ValidationError as exc:
        faults = "; ".join(
            f"DISTRIBUTION_{'_'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
            for fault in exc.errors()
        )
        raise UsageError(f"A setting is wrong: {faults}. See docs/configuration.md.") from exc
    return settings.model_copy(update={"home": settings.home.expanduser().absolute()})


def make_home(settings: Settings) -> None:
    """Make the home (0700) and the folders that people look into."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.home.chmod(0o700)
    for folder in (
        settings.inbox,
        settings.refused,
        settings.paper_outbox,
        settings.electronic_outbox,
        settings.mail_outbox,
        settings.reports,
        settings.secrets,
    ):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
