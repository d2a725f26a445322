"""Institutions in shards for parallel tasks, so that no two tasks sign in to one account."""

from collections.abc import Collection, Mapping

from distribution.model import Endpoint


def shards(dis: Collection[str], at: Mapping[str, Endpoint], *, most: int) -> list[list[str]]:
    """The institutions in at most `most` shards of about equal size, each account in one shard alone.

    `at`: their endpoints by code. The same institutions give the same shards.
    """
    by_account: dict[tuple[str, int, str], list[str]] = {}
    for di in sorted(dis):
        by_account.setdefault(account_of(at[di]), []).append(di)
    found: list[list[str]] = [[] for _ in range(min(most, len(by_account)))]
    # The largest account first, each into the smallest shard so far.
    for account in sorted(by_account.values(), key=lambda group: (-len(group), group)):
        min(found, key=len).extend(account)
    return [sorted(shard) for shard in found]


def account_of(endpoint: Endpoint) -> tuple[str, int, str]:
    """Whom the host sees: host, port and user. Names of hosts have no case, and may end with a dot."""
    return endpoint.host.lower().rstrip("."), endpoint.port, endpoint.username
