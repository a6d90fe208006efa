# SPDX-License-Identifier: Apache-2.0
# inspect.getargspec left Python in 3.11; Trove calls it.
import collections
import inspect

ArgSpec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")


def getargspec(func):
    full = inspect.getfullargspec(func)
    return ArgSpec(full.args, full.varargs, full.varkw, full.defaults)


if not hasattr(inspect, "getargspec"):
    inspect.getargspec = getargspec
