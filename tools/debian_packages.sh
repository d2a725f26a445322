#!/usr/bin/env bash
# The tests speak to a real SSH server and read real PDFs and pages: install what they need, where apt is there.
# With `proof`: also the other SFTP servers and clients that deliveries are held against.
set -euo pipefail

missing=()
needs() {
    # needs PACKAGE PROGRAM: PROGRAM is looked for on the PATH and where Debian puts daemons
    command -v "$2" >/dev/null || [ -x "/usr/sbin/$2" ] || missing+=("$1")
}
needs openssh-server sshd
needs poppler-utils pdftotext
needs qpdf qpdf
needs mupdf-tools mutool
needs ghostscript gs
needs chromium chromium

if [ "${1:-}" = proof ]; then
    needs proftpd-core proftpd
    [ -e /usr/lib/proftpd/mod_sftp.so ] || missing+=(proftpd-mod-crypto)
    needs dropbear-bin dropbear
    needs rclone rclone
    ls /usr/lib/*/libnss_wrapper.so >/dev/null 2>&1 || missing+=(libnss-wrapper)
fi

[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "The tests need ${missing[*]} (Debian's names). Install them and run make test again." >&2
    exit 2
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo -n)
    if ! sudo -n true 2>/dev/null; then
        echo "The tests need ${missing[*]}. Run: sudo apt-get install ${missing[*]}" >&2
        exit 2
    fi
fi
echo "Installing for the tests: ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
