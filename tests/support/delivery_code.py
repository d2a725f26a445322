"""The code that a finding about deliveries is about: with other code it must be found again."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_ROOM = ROOT / "distribution" / "channels" / "electronic"
_JOBS = (
    *("visit_hosts", "transfer_notes", "places", "host_accounts", "send_files", "file_outbox"),
    *("file_forms", "sealing", "build_files", "fit_records"),
)
_LEDGER = (
    *("transfers", "files", "locks", "deliveries", "receipts", "rewrites", "endpoints"),
    *("acknowledgements", "holds"),
)
_SUPPORT = (
    *("killed_senders", "delivery_settings", "sftp_servers", "other_servers", "conch_server", "relay"),
    *("electronic", "records"),
)
# What a delivery is made of, what it is tried on, and the libraries of both.
_SOURCES = [
    *sorted(path for path in _ROOM.rglob("*") if path.is_file() and path.suffix != ".pyc"),
    *(ROOT / "distribution" / "jobs" / f"{name}.py" for name in _JOBS),
    *(ROOT / "distribution" / "ledger" / f"{name}.py" for name in _LEDGER),
    *(ROOT / "tests" / "support" / f"{name}.py" for name in _SUPPORT),
    ROOT / "distribution" / "filenames.py",
    ROOT / "distribution" / "model.py",
    ROOT / "requirements.txt",
]
# Read once: it is the code that is loaded, whatever is written meanwhile.
DELIVERY_CODE = b"".join(path.read_bytes() for path in _SOURCES)
