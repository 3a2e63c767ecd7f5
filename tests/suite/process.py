"""Running a program with a limit, and ending all of it when the limit is reached."""
import os
import signal
import subprocess


class Ran:
    def __init__(self, status, output):
        self.status = status
        self.output = output


def run(argv, seconds, env=None):
    """Output and errors together. Status None: not done in time."""
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               stdin=subprocess.DEVNULL, text=True, errors="replace",
                               start_new_session=True, env={**os.environ, **(env or {})})
    try:
        output, _ = process.communicate(timeout=seconds)
        return Ran(process.returncode, output)
    except subprocess.TimeoutExpired:
        return Ran(None, end(process))
    except BaseException:  # Ctrl-C of the whole: what runs has a session of its own and does not see it
        end(process)
        raise


def end(process):
    """Ends all of it; it gets the chance to clean up what it has made."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        output, _ = process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
    return output
