"""MLLP: what receivers answer, in the forms they answer it in."""

import asyncio

import pytest

from app.interop.mllp import (
    END,
    START,
    Acknowledgement,
    Malformed,
    exchange,
    frame,
    read_acknowledgement,
    read_frame,
)

ACK = "MSH|^~\\&|LIS||LEUKOLENS||20260101||ACK^R01|7|P|2.5.1\rMSA|AA|42|fine\r"


def read(wire: bytes) -> str | None:
    async def feed() -> str | None:
        reader = asyncio.StreamReader()
        reader.feed_data(wire)
        reader.feed_eof()
        return await read_frame(reader)

    return asyncio.run(feed())


def test_a_framed_message_comes_back_as_it_was() -> None:
    assert read(frame("MSH|é\rPID|1\r")) == "MSH|é\rPID|1\r"


def test_latin_1_is_read_where_it_is_not_utf_8() -> None:
    assert read(START + "MSA|AE|42|Größe".encode("latin-1") + END) == "MSA|AE|42|Größe"


def test_a_carriage_return_too_many_before_a_message_does_not_matter() -> None:
    assert read(b"\r\n" + frame(ACK)) == ACK


@pytest.mark.parametrize("line_end", ["\r", "\r\r", "\r\n", "\n"])
def test_an_acknowledgement_is_read_with_any_line_end(line_end: str) -> None:
    assert read_acknowledgement(ACK.replace("\r", line_end)) == Acknowledgement("AA", "42", "fine")


def test_the_end_of_a_connection_is_no_message() -> None:
    assert read(b"") is None


@pytest.mark.parametrize("wire", [START + b"MSH|half", b"HTTP/1.1 400\r\n" + END, b"MSA|AA|1" + END])
def test_half_a_message_or_another_protocol_is_malformed(wire: bytes) -> None:
    with pytest.raises(Malformed):
        read(wire)


@pytest.mark.parametrize("answer", ["", "MSH|^~\\&\r", "MSA|AA\r"])
def test_an_answer_without_code_and_control_id_is_malformed(answer: str) -> None:
    with pytest.raises(Malformed, match="MSA"):
        read_acknowledgement(answer)


def test_a_message_is_exchanged_for_its_acknowledgement() -> None:
    async def listen_and_send() -> Acknowledgement:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert await read_frame(reader) == "MSH|x\r"
            writer.write(frame(ACK))
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            return await exchange("127.0.0.1", server.sockets[0].getsockname()[1], "MSH|x\r")

    assert asyncio.run(listen_and_send()).code == "AA"
