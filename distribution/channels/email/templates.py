"""The texts of our mails: plain templates below `templates/email/`, subject in the first line."""

from functools import cache
from pathlib import Path

import jinja2

from distribution.errors import PermanentError

FOLDER = Path(__file__).resolve().parents[3] / "templates" / "email"
_SUBJECT = "Subject: "


def render(name: str, **values: object) -> tuple[str, str]:
    """Subject and text of the mail `templates/email/<name>.txt`.

    Raises PermanentError when the template is not there, has no subject line or asks for a value that is
    not given.
    """
    try:
        text = _environment().get_template(f"{name}.txt").render(**values)
    except jinja2.TemplateError as exc:
        raise PermanentError(f"The template {name}.txt of our mails is broken: {exc}.") from exc
    first, _, rest = text.partition("\n")
    if not first.startswith(_SUBJECT):
        raise PermanentError(f"The template {name}.txt has no `{_SUBJECT.strip()}` in its first line.")
    return " ".join(first.removeprefix(_SUBJECT).split()), rest.strip("\n") + "\n"


@cache
def _environment() -> jinja2.Environment:
    # Plain text: nothing to escape for a browser.
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  # text mails
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
