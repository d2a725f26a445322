"""A Twisted conch SFTP server for tests; arguments: PORT HOST_KEY ALLOWED_KEYS ROOT."""

import sys
from collections.abc import Callable

from twisted.conch import avatar, checkers
from twisted.conch.ssh import factory, filetransfer, keys, session
from twisted.conch.unix import SFTPServerForUnixConchUser
from twisted.cred import portal
from twisted.internet import reactor
from twisted.python import components
from twisted.python.filepath import FilePath
from zope.interface import implementer


class Account(avatar.ConchUser):
    """Whoever signs in: files are touched as the server's own user."""

    def __init__(self, home: FilePath):
        super().__init__()
        self._home = home
        self.channelLookup[b"session"] = session.SSHSession
        self.subsystemLookup[b"sftp"] = filetransfer.FileTransferServer

    def getHomeDir(self) -> FilePath:  # noqa: N802  Twisted's name
        return self._home

    def getUserGroupId(self) -> tuple[None, None]:  # noqa: N802  Twisted's name
        return None, None

    def _runAsUser(self, call: Callable | list, *given: object, **named: object) -> object:  # noqa: N802
        calls = [(call, given, named)] if callable(call) else call
        outcome = None
        for each in calls:
            outcome = each[0](*(each[1] if len(each) > 1 else ()), **(each[2] if len(each) > 2 else {}))
        return outcome


components.registerAdapter(SFTPServerForUnixConchUser, Account, filetransfer.ISFTPServer)


@implementer(portal.IRealm)
class Realm:
    def __init__(self, home: FilePath):
        self._home = home

    def requestAvatar(self, name: object, mind: object, *wanted: object) -> tuple:  # noqa: N802
        return wanted[0], Account(self._home), lambda: None


def main() -> None:
    port, host_key, allowed, root = sys.argv[1:]
    known = checkers.InMemorySSHKeyDB({b"clep": [keys.Key.fromFile(allowed)]})
    served = factory.SSHFactory()
    served.portal = portal.Portal(Realm(FilePath(root)), [checkers.SSHPublicKeyChecker(known)])
    pair = keys.Key.fromFile(host_key)
    served.publicKeys = {pair.sshType(): pair.public()}
    served.privateKeys = {pair.sshType(): pair}
    reactor.listenTCP(int(port), served, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main()
