"""Channel groups: which channels of which tensors live or die together."""

from compiler.analysis.channels.groups import ChannelGroup, Channels, find_channels
from compiler.analysis.channels.identities import FIXED, Ids, Use
from compiler.analysis.channels.kept import gone_units, kept_filters

__all__ = ["FIXED", "ChannelGroup", "Channels", "Ids", "Use", "find_channels", "gone_units", "kept_filters"]
