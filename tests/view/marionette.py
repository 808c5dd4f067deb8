"""Drive Firefox by Marionette, the protocol built into it: no driver program, no package.

Source: firefox-source-docs.mozilla.org/testing/marionette/Protocol.html. A message is its length in bytes, a colon
and JSON: [0, id, command, parameters] to Firefox, [1, id, error, result] back.
"""

import base64
import json
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

START_SECONDS = 120
OPTIONS = ("--headless", "--marionette", "--remote-allow-system-access", "--no-remote")  # the third for `errors`
PREFERENCES = {
    "marionette.port": 0,  # a free one, which Firefox writes into MarionetteActivePort
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "browser.aboutConfig.showWarning": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "intl.accept_languages": "en",
}
NAMED_KEYS = {
    "Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "End": "\ue010", "Home": "\ue011",
    "ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014", "ArrowDown": "\ue015",
}  # fmt: skip
ERRORS = """
  const wanted = arguments[0];
  return Services.console.getMessageArray()
    .filter((one) => one instanceof Ci.nsIScriptError && !(one.flags & Ci.nsIScriptError.warningFlag))
    .map((one) => `${one.sourceName}: ${one.errorMessage}`).filter((one) => one.includes(wanted));"""


class Firefox:
    """A headless Firefox with a profile of its own in the folder `profile`; use it in a with statement."""

    def __init__(self, executable: str, profile: Path) -> None:
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
        (profile / "user.js").write_text("\n".join(lines))
        self._process = subprocess.Popen(
            [executable, *OPTIONS, "--profile", str(profile)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._socket = self._connect(profile / "MarionetteActivePort")
        self._count = 0
        self._read()  # Firefox introduces itself
        self.send("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": False}}})
        self.send("WebDriver:SetTimeouts", {"script": 1000 * START_SECONDS})

    def _connect(self, port_file: Path) -> socket.socket:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RuntimeError(f"Firefox ended with status {self._process.returncode}")
            try:
                return socket.create_connection(("127.0.0.1", int(port_file.read_text())), timeout=START_SECONDS)
            except (OSError, ValueError):
                time.sleep(0.1)
        self._process.kill()
        raise TimeoutError("Firefox did not open its port")

    def _read(self) -> Any:
        digits = b""
        while not digits.endswith(b":"):
            digits += self._received(1)
        return json.loads(self._received(int(digits[:-1])))

    def _received(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                raise ConnectionError("Firefox closed the connection")
            data += part
        return data

    def send(self, command: str, parameters: dict[str, object] | None = None) -> Any:
        """The result of a command. Raises RuntimeError if Firefox refuses it."""
        self._count += 1
        message = json.dumps([0, self._count, command, parameters or {}]).encode()
        self._socket.sendall(str(len(message)).encode() + b":" + message)
        _, _, error, result = self._read()
        if error:
            raise RuntimeError(f"{command}: {error.get('message')}")
        return result

    def open(self, address: str, width: int = 1280, height: int = 800) -> None:
        """Open an address in a window of a size in pixels."""
        self.send("WebDriver:SetWindowRect", {"width": width, "height": height})
        self.send(
            "WebDriver:Navigate", {"url": "about:blank"}
        )  # an address that differs only after # would not load
        self.send("WebDriver:Navigate", {"url": address})

    def run(self, script: str, *arguments: object) -> Any:
        """The value that a script returns, which may be a promise."""
        result = self.send("WebDriver:ExecuteScript", {"script": script, "args": list(arguments), "sandbox": None})
        return result["value"]

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as a person does."""
        actions = [
            {"type": kind, "value": NAMED_KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")
        ]
        source = {"type": "key", "id": "keys", "actions": actions}
        self.send("WebDriver:PerformActions", {"actions": [source]})
        self.settle()

    def click(self, selector: str) -> None:
        """Click the middle of the first element that matches, where a person would."""
        found = self.send("WebDriver:FindElement", {"using": "css selector", "value": selector})["value"]
        self.send("WebDriver:ElementClick", {"id": next(iter(found.values()))})
        self.settle()

    def click_at(self, x: float, y: float) -> None:
        """Click with the mouse at a place of the window, in CSS pixels."""
        actions = [
            {"type": "pointerMove", "x": round(x), "y": round(y), "origin": "viewport"},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        source = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}
        self.send("WebDriver:PerformActions", {"actions": [source]})
        self.settle()

    def printed(self) -> bytes:
        """The page as a PDF, as it would be printed."""
        return base64.b64decode(self.send("WebDriver:Print", {})["value"])

    def settle(self) -> None:
        """Wait until what was asked for is drawn."""
        self.run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));")

    def errors(self, source: str) -> list[str]:
        """Script errors and refusals of the content security policy of pages whose address contains `source`."""
        self.send("Marionette:SetContext", {"value": "chrome"})
        found: list[str] = self.run(ERRORS, source)
        self.send("Marionette:SetContext", {"value": "content"})
        return found

    def screenshot(self) -> str:
        """The window as PNG, base64."""
        return str(self.send("WebDriver:TakeScreenshot", {"full": False})["value"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.send("Marionette:Quit", {"flags": ["eForceQuit"]})
        except (OSError, RuntimeError):
            self._process.kill()
        self._socket.close()
        self._process.wait(timeout=START_SECONDS)
