"""Filters take what the columns print; what can't be used is refused in plain words."""

import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from ibgu.cli.read.inputs import in_words
from ibgu.client import RestError
from ibgu.client.wire import BadInput
from ibgu.db import Journal
from ibgu.sandbox.certificates import write_serving_files
from ibgu.sandbox.servers import free_port
from tests.api.fleet import fleet
from tests.cli.conftest import Ibgu


async def names(ibgu: Ibgu, *args: str) -> list[str]:
    found = await ibgu("members", "ran-r1", "-o", "json", *args)
    assert found.exit_code == 0, found.output
    return [each["cluster"] for each in json.loads(found.stdout)["items"]]


async def test_every_value_of_the_columns_is_a_filter(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal)
    table = (await ibgu("members", "ran-r1")).stdout.splitlines()
    where = table[0].index("STATE"), table[0].index("ACTION"), table[0].index("WHY")
    for line in table[1:]:
        cluster = line.split()[0]
        state = line[where[0] : where[1]].strip()
        why = line[where[2] :].split("  ")[0].strip()
        assert cluster in await names(ibgu, "--state", state), line
        assert cluster in await names(ibgu, "--state", state.upper()), line
        if why == "-":
            continue
        option = "--cause" if state in ("failed", "cancelled") else "--reason"
        assert cluster in await names(ibgu, option, why), line
        assert cluster in await names(ibgu, option, why.lower()), line


async def test_filters_leave_out_other_members(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal)
    assert await names(ibgu, "--state", "failed") == ["c", "d", "e"]
    assert await names(ibgu, "--cause", "precachefailed") == ["c", "d"]
    assert await names(ibgu, "--cause", "PrepFailed") == ["c", "d", "e"]
    assert await names(ibgu, "--state", "finished", "--step", "2") == []
    assert await names(ibgu, "--overdue") == ["a", "g"]
    assert await names(ibgu, "--overdue", "--reason", "Rebooting (overdue)") == ["a"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("members", "r", "--state", "faild"), "'faild' is unknown: do you mean failed? There are"),
        (("members", "r", "--cause", "xx"), "'xx' is unknown. There are: PrepFailed, "),
        (("skip", "r", "--reason", "unreachabl"), "do you mean Unreachable?"),
        (("retry", "r", "--cause", "precachfailed"), "do you mean PrecacheFailed?"),
        (("members", "r", "--step", "two"), "'two' is not a whole number"),
        (("members", "r", "--step", "0"), "0 is too small: at least 1"),
        (("get", "-o", "tabel"), "'tabel' is not one of 'table', 'wide', "),
    ],
)
async def test_invalid_filter_values_are_refused_in_plain_words(
    ibgu: Ibgu, args: tuple[str, ...], said: str
) -> None:
    found = await ibgu(*args)
    assert found.exit_code == 2
    assert said in found.stderr
    for foreign in ("Input should", "Value error", "pydantic", "Traceback"):
        assert foreign not in found.stderr


@pytest.fixture
async def strangers(tmp_path: Path) -> AsyncIterator[str]:
    """Serves by a certificate that nobody knows."""
    files = write_serving_files(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(files.certificate, files.key)
    runner = web.AppRunner(web.Application())
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    yield f"127.0.0.1:{port}"
    await runner.cleanup()


async def test_a_certificate_that_nobody_knows(ibgu: Ibgu, strangers: str) -> None:
    found = await ibgu("get", IBGU_SERVER=f"https://{strangers}")
    assert found.exit_code == 1
    assert (
        "its certificate is signed by no authority that this machine trusts; --ca-file"
        in found.stderr
    )
    for foreign in ("CERTIFICATE_VERIFY_FAILED", "_ssl.c", "Traceback"):
        assert foreign not in found.stderr


async def test_a_near_miss_suggests_one_value_only(ibgu: Ibgu) -> None:
    found = await ibgu("retry", "r", "--cause", "precachfailed")
    assert "do you mean PrecacheFailed?" in found.stderr
    assert "There are" not in found.stderr


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("label", "--selector"),
        ("append.0.timeout", "--timeout"),
        ("maxConcurrency", "--max-concurrency"),
        ("append.1.actions", "--append 2"),
        ("actions.0", "ACTION 1"),
        ("actions", "ACTION"),
        ("clusters.6", "CLUSTER 7"),
        ("why", "--why"),
        ("manifest", "the manifest"),
        ("manifest.metadata.namespace", "metadata.namespace of the manifest"),
        ("limit", "limit"),
    ],
)
def test_an_input_has_the_name_that_a_person_typed(field: str, name: str) -> None:
    error = RestError("", 422, "invalid", [BadInput(field=field, message="is wrong")] * 2)
    assert in_words(error) == f"{name}: is wrong"


async def test_labels_that_can_not_be_read_are_those_of_the_option(
    ibgu: Ibgu, journal: Journal
) -> None:
    await fleet(journal)
    found = await ibgu("members", "ran-r1", "-l", "ring=a b")
    assert found.exit_code == 2
    assert found.stderr.startswith('ibgu: --selector: "b" instead of ","')
