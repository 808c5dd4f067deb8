"""Work on a real Dask cluster: the same results as here, whatever happens to its processes."""

import builtins
import gc
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from datasets.synth.synth import synth
from system import cluster, cluster_task, versions
from system.cluster import DaskPool, opened_cluster
from system.errors import ClusterError, InputError, OptionError
from system.system_fault import naming, system_fault
from tests.cluster_processes import DIE_ONCE, Cluster, running_cluster, tree_bytes
from tests.command import only_line, run_command

dask = pytest.importorskip("dask", reason="dask is not installed")
pytest.importorskip("distributed", reason="dask.distributed is not installed")
distributed_core = pytest.importorskip("distributed.core")
distributed_versions = pytest.importorskip("distributed.versions")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster"), 2) as started:
        yield started


@pytest.fixture(scope="module")
def wide_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MVTec tree of which each worker takes several tasks."""
    root = tmp_path_factory.mktemp("wide") / "bottle"
    synth(root, count=40, size=64, seed=3)
    return root


ITEMS = 2000  # that take two workers 50 s


def square(n: int) -> int:
    return n * n


def where(folder: str) -> tuple[int, str, str | None]:
    """What is asked, once both workers have begun such a task: neither may do all of them alone."""
    (Path(folder) / f"{os.getpid()}.here").touch()
    deadline = time.monotonic() + 60
    while len(list(Path(folder).glob("*.here"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    return os.getpid(), str(Path.cwd()), os.environ.get("DEFECTLINE_MAX_MEGAPIXELS")


def refuse_three(n: int) -> int:
    if n == 3:
        raise InputError(Path("3.png"), "refused", "skip it")
    return n


def fill_disk(_: int) -> None:
    Path("/dev/full").write_bytes(b"x")


def note_and_wait(folder: str) -> None:
    (Path(folder) / f"{os.getpid()}-{time.monotonic_ns()}").touch()
    time.sleep(0.05)


def test_results_are_in_order_from_both_workers(
    two: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEFECTLINE_MAX_MEGAPIXELS", "7")
    with opened_cluster(two.url) as pool:
        assert list(pool.map_ordered(square, range(500), 64)) == [n * n for n in range(500)]
        assert list(pool.map_ordered(square, [], 64)) == []
        seen = set(pool.map_ordered(where, [str(tmp_path)] * 20, 1))
    assert {process for process, _, _ in seen} == {worker.pid for worker in two.workers}
    assert {(folder, limit) for _, folder, limit in seen} == {(str(tmp_path), "7")}


def test_errors_come_back_whole(two: Cluster) -> None:
    with opened_cluster(two.url) as pool:
        with pytest.raises(InputError, match=r"^3\.png: refused; skip it$"):
            list(pool.map_ordered(refuse_three, range(9), 2))
        with pytest.raises(OSError, match="No space left") as full, naming(Path("out"), nameless=False):
            list(pool.map_ordered(fill_disk, range(2), 1))
        assert re.fullmatch(
            r"out: no space left on the device \(worker tcp://127.0.0.1:\d+\); .*destination",
            str(system_fault(full.value, debug=False)),
        )
        assert list(pool.map_ordered(square, range(3), 1)) == [0, 1, 4]


@pytest.mark.parametrize(
    "command",
    [
        ["mvtec2coco", "tree"],
        ["coco2yolo", "coco", "--segments"],
        ["coco2labelme", "coco"],
        ["coco2masks", "coco"],
        ["labelme2coco", "labelme", "--unlabelled", "negative"],
    ],
    ids=lambda words: words[0],
)
def test_a_conversion_writes_the_same_bytes(
    command: list[str],
    two: Cluster,
    coco_folder: Path,
    synth_tree: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "coco").symlink_to(coco_folder)
    (tmp_path / "tree").symlink_to(synth_tree)
    monkeypatch.chdir(tmp_path)  # relative paths are those of this process
    if command[1] == "labelme":
        assert run_command("convert", "coco2labelme", "coco", "labelme") == 0
    name, source, *flags = command
    assert run_command("convert", name, source, "here", *flags) == 0
    assert run_command("convert", name, source, "there", *flags, "--on", two.url) == 0
    assert tree_bytes(tmp_path / "there") == tree_bytes(tmp_path / "here")
    assert {p.name for p in tmp_path.iterdir()} == {"coco", "tree", "here", "there"} | {source}


def test_a_bad_file_is_the_same_line(
    two: Cluster, tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "test" / "good" / "000.png").write_bytes(b"not an image")
    lines = []
    for flags in ([], ["--on", two.url]):
        assert run_command("convert", "mvtec2coco", tree, tmp_path / "out", *flags) == 2
        lines.append(only_line(capsys))
        assert not (tmp_path / "out").exists()
    assert lines[0] == lines[1]
    assert "000.png" in lines[0]


def test_interrupting_stops_what_runs_there(two: Cluster, tmp_path: Path) -> None:
    with opened_cluster(two.url) as pool:
        results = pool.map_ordered(note_and_wait, [str(tmp_path)] * ITEMS, 64)
        next(results)
        results.close()  # as at Ctrl-C
        begun = len(list(tmp_path.iterdir()))
        time.sleep(0.3)
        assert len(list(tmp_path.iterdir())) == begun < ITEMS


def test_what_a_killed_command_left_is_stopped(two: Cluster, tmp_path: Path) -> None:
    code = (
        "import sys; from system.cluster import opened_cluster; from tests.test_cluster import note_and_wait\n"
        "with opened_cluster(sys.argv[1]) as pool:\n"
        "    list(pool.map_ordered(note_and_wait, [sys.argv[2]] * int(sys.argv[3]), 64))"
    )
    words = [sys.executable, "-c", code, two.url, str(tmp_path), str(ITEMS)]
    with subprocess.Popen(words) as command:
        while not any(tmp_path.iterdir()):
            assert command.poll() is None
            time.sleep(0.02)
        command.kill()
    begun, before = 0, -1
    while before < begun:  # if nothing stopped them, until all items are done
        time.sleep(1)
        begun, before = len(list(tmp_path.iterdir())), begun
    assert begun < ITEMS


def test_another_version_on_a_worker_is_one_line(
    two: Cluster,
    synth_tree: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cluster, "versions", lambda: {**versions.versions(), "numpy": "9.9"})
    assert run_command("convert", "mvtec2coco", synth_tree, tmp_path / "out", "--on", two.url) == 2
    line = only_line(capsys)
    assert line.startswith("convert: worker tcp://127.0.0.1:")
    assert line.endswith(", here 9.9; install the same versions everywhere, and start the workers again")
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(DaskPool, "check_versions", lambda _: None)  # as for a worker that comes later
    assert run_command("convert", "mvtec2coco", synth_tree, tmp_path / "out", "--on", two.url) == 2
    assert only_line(capsys).partition(": has ")[2] == line.partition(": has ")[2]
    assert not list(tmp_path.iterdir())


def test_the_table_of_dask_about_versions_is_not_printed(two: Cluster) -> None:
    with opened_cluster(two.url), warnings.catch_warnings(record=True) as printed:
        warnings.warn(distributed_versions.VersionMismatchWarning("a table"), stacklevel=1)
    assert printed == []


def test_a_folder_that_a_worker_lacks(two: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster.Path, "cwd", lambda: Path("/only/here"))
    with (
        opened_cluster(two.url) as pool,
        pytest.raises(ClusterError, match="have the current folder /only/here; run"),
    ):
        list(pool.map_ordered(square, range(4), 1))


def test_what_the_options_refuse(tmp_path: Path, synth_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for flags, line in (
        (["--on", "tcp://a:1"], "--on tcp://a:1: not an address of a cluster; give dask://HOST:PORT"),
        (["--on", "dask://a:1", "--jobs", "2"], "--jobs 2: is the number of processes on this machine; leave out"),
        (
            ["--on", "dask://127.0.0.1:1"],
            "--on dask://127.0.0.1:1: no scheduler of dask.distributed answers there",
        ),
    ):
        assert run_command("convert", "mvtec2coco", synth_tree, tmp_path / "out", *flags) == 2
        assert only_line(capsys).startswith(f"convert: {line}")


@pytest.mark.parametrize("text", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\nnot a scheduler"])
def test_a_process_other_than_a_scheduler_is_one_line(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent one would be waited for without end; text of HTTP is read as a message of 10 ** 18 bytes."""
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            accepted.append(server.accept()[0])
            accepted[0].sendall(text)

        accepted: list[socket.socket] = []
        threading.Thread(target=answer, daemon=True).start()
        url = f"dask://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ClusterError, match=r"no scheduler of dask.distributed answers"), opened_cluster(url):
            pass
        for connection in accepted:
            connection.close()
    for thread in threading.enumerate():
        if thread.name == "connect to the cluster":
            thread.join()
    gc.collect()  # collected while another client starts, the one that failed would block that one for ever


def test_encryption_is_that_of_the_configuration_of_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command then speaks TLS, so that it sends nothing to a scheduler without a certificate."""
    called: list[str] = []

    class Recorded:
        def __init__(self, url: str, **_: object) -> None:
            called.append(url)

    monkeypatch.setattr("distributed.Client", Recorded)
    for encrypted in (True, False):
        with dask.config.set({"distributed.comm.require-encryption": encrypted}):
            cluster._connected("dask://10.0.0.5:8786")
    assert called == ["tls://10.0.0.5:8786", "tcp://10.0.0.5:8786"]


def test_without_dask_the_remedy_is_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(OptionError, match=r"not installed; install it: pip install 'defectline\[cluster\]'"):
        cluster._connected("dask://a:1")


def test_no_worker_then_a_killed_one_then_no_scheduler(
    tmp_path: Path, wide_tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "NO_WORKER_SECONDS", 0.3)
    with running_cluster(tmp_path, 0) as own, opened_cluster(own.url) as pool:
        with pytest.raises(ClusterError, match="the cluster has no worker; start one, such as: dask worker 127"):
            list(pool.map_ordered(square, range(1), 1))
        for _ in range(2):
            own.add_worker({"DIED": str(tmp_path / "died"), "DIE_AFTER": "2"}, ["--preload", DIE_ONCE])
        own.wait()
        assert run_command("convert", "mvtec2coco", wide_tree, tmp_path / "there", "--on", own.url) == 0
        assert sorted(str(worker.poll()) for worker in own.workers) == [str(-signal.SIGKILL), "None"]
        assert run_command("convert", "mvtec2coco", wide_tree, tmp_path / "here") == 0
        assert tree_bytes(tmp_path / "there") == tree_bytes(tmp_path / "here")
        results = pool.map_ordered(note_and_wait, [str(tmp_path)] * 400, 1)
        next(results)
        assert isinstance(pool, DaskPool)
        pool._client._timeout = 0.5  # for the attempts to connect again
        own.scheduler.kill()
        with pytest.raises(ClusterError, match="the scheduler ended or cannot be reached any more; start it"):
            list(results)


@pytest.mark.parametrize("lost", ["CommClosedError", "OSError", "RuntimeError"])
def test_a_scheduler_that_ends_while_it_is_asked_is_one_line(lost: str) -> None:
    """Which error comes depends on the moment: the connection is reset, cannot be made again, or is closed."""

    class Client:
        status = "connecting"

        def nthreads(self) -> None:
            raise getattr(distributed_core, lost, None) or vars(builtins)[lost]

    pool = DaskPool(Client(), "dask://a:1")  # type: ignore[arg-type]
    with pytest.raises(ClusterError, match=r"^--on dask://a:1: the scheduler ended or cannot be reached any more"):
        list(pool.map_ordered(square, range(1), 1))


def test_a_scheduler_that_ended_long_before_the_next_task_is_one_line(tmp_path: Path) -> None:
    """While a result is written, Dask gives up connecting again and closes its client."""
    with running_cluster(tmp_path, 1) as own, opened_cluster(own.url) as pool:
        results = pool.map_ordered(square, range(100), 1)
        next(results)
        assert isinstance(pool, DaskPool)
        pool._client._timeout = 0.2
        own.scheduler.kill()
        deadline = time.monotonic() + 60
        while pool._client.status != "closed":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with pytest.raises(ClusterError, match="the scheduler ended or cannot be reached any more; start it"):
            list(results)


def test_the_compared_versions() -> None:
    here = versions.versions()
    assert versions.first_difference(here, here) is None
    assert versions.first_difference(here, {**here, "Python": "2.7"}) == f"Python 2.7, here {here['Python']}"
    assert versions.first_difference({"a": "1", "b": "2"}, {"b": "3"}) == "a missing, here 1"
    packages = (Path(versions.__file__).parents[1] / "pyproject.toml").read_text().partition("packages = [")[2]
    named = {word.strip().strip('"').partition(".")[0] for word in packages.partition("]")[0].split(",")}
    assert named == set(versions.PACKAGES)


def test_every_library_that_a_result_depends_on_is_compared() -> None:
    project = tomllib.loads((Path(versions.__file__).parents[1] / "pyproject.toml").read_text())["project"]
    needed = {re.split("[<>=\\[]", one)[0] for one in project["dependencies"]}
    without_effect = {"matplotlib", "pyyaml", "rich", "typer"}  # curves, options, what is printed
    assert needed - without_effect == set(versions.LIBRARIES) - {"distributed", "onnxruntime", "openvino"}


def test_a_task_is_never_cancelled_outside_a_worker() -> None:
    assert cluster_task.is_cancelled() is False


@pytest.mark.parametrize(
    ("task_state", "worker_state", "cancelled"),
    [("executing", "running", False), ("cancelled", "running", True), ("executing", "closing", True)],
)
def test_a_task_ends_with_its_worker(
    task_state: str, worker_state: str, cancelled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker without its scheduler is closing, but waits for its threads."""
    tasks = {"a": SimpleNamespace(state=task_state)}
    worker = SimpleNamespace(
        state=SimpleNamespace(tasks=tasks),
        get_current_task=lambda: "a",
        status=distributed_core.Status[worker_state],
    )
    monkeypatch.setattr("distributed.get_worker", lambda: worker)
    assert cluster_task.is_cancelled() is cancelled


def test_without_on_no_cluster_code_is_loaded(synth_tree: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv[0] = 'convert'; from convert.cli import main\n"
        "try: main()\nfinally: print(*{'distributed', 'dask', 'system.cluster'} & set(sys.modules))"
    )
    words = [sys.executable, "-c", code, "mvtec2coco", str(synth_tree), str(tmp_path / "out"), "--jobs", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""
