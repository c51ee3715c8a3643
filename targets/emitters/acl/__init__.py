"""The kit for a board that has Arm Compute Library 19.05."""

from targets.emitters.acl.emitter import AclEmitter

__all__ = ["AclEmitter"]
