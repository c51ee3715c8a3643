"""Serve ssh on this machine, with keys of its own: what stands for a board in tests."""

import getpass
import shutil
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(folder: Path, words: str) -> Generator[Path]:
    """Serve the host `board`, whose shell has these words in front of each command; give the client's configuration."""
    assert SSHD is not None
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    shutil.copy(folder / "user.pub", folder / "authorized")
    Path("/run/sshd").mkdir(exist_ok=True)
    port, server, client = _free_port(), folder / "sshd_config", folder / "ssh_config"
    server.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        f"PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
        f'ForceCommand {words} sh -c "$SSH_ORIGINAL_COMMAND"\n',
        "utf-8",
    )
    client.write_text(
        f"Host board\n  HostName 127.0.0.1\n  Port {port}\n  User {getpass.getuser()}\n"
        f"  IdentityFile {folder}/user\n"
        f"  StrictHostKeyChecking no\n  UserKnownHostsFile {folder}/known\n"
        "  ConnectionAttempts 20\n  LogLevel ERROR\n",
        "utf-8",
    )
    daemon = subprocess.Popen([SSHD, "-D", "-e", "-f", str(server)], stderr=subprocess.DEVNULL)
    try:
        yield client
    finally:
        daemon.terminate()
        daemon.wait()
