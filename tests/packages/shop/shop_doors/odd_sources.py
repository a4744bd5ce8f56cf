"""Sources that do not keep the contract."""

from types import SimpleNamespace


def _no_files(dataset, root):
    return []


def _raise(dataset, root):
    raise LookupError("no such cupboard")


def _list(dataset, root):
    return [1, 2]


raising = SimpleNamespace(read=_raise, files=_no_files)
listing = SimpleNamespace(read=_list, files=_no_files)
unfinished = SimpleNamespace(read=_list)
