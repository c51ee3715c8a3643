"""Findings as text for people, and as JSON, SARIF or workflow commands for programs."""

from compiler.rendering.formats import FORMATS, render
from compiler.rendering.text import render_text, write_text

__all__ = ["FORMATS", "render", "render_text", "write_text"]
