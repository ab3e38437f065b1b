"""The link: a serial line on one side, an accelerator's streams on the other."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from bnnhw.link import Command, Status
from bnnhw.rtl.link.reader import FrameReader
from bnnhw.rtl.link.reply import Reply
from bnnhw.rtl.link.runner import Runner
from bnnhw.rtl.link.uart import UartReceiver, UartTransmitter
from bnnhw.rtl.shared import SharedComponent

__all__ = ["MIN_ECHO", "WINDOW", "HostLink"]

WINDOW = 256
"""Bytes of the receive queue: with the mark of a broken byte, one block RAM of an iCE40."""
MIN_ECHO = 16
"""Bytes that can be echoed however small an input frame is."""


class HostLink(SharedComponent):
    """Answer the requests of ``bnnhw.link`` about one accelerator.

    Requests are answered in order, one at a time; bytes that come meanwhile wait in a queue of
    ``WINDOW`` bytes.

    Parameters
    ----------
    divisor : int
        Cycles of a bit on the line.
    identity : bytes
        A packed ``bnnhw.link.Identity``.
    in_bytes, in_words, out_bytes, out_words : int
        Bytes a word and words a frame of the accelerator's streams.
    lanes : int
        Bytes a word of the input memory; see ``Runner``.
    timeout : int
        Cycles without a byte after which a frame that has begun is dropped.
    watchdog : int
        Cycles without a word on either stream after which a run is given up.

    Members
    -------
    rx : In(1)
    tx : Out(1)
    loading, bad_weights : In(1)
        The accelerator's weights are not there yet; they never will be.
    core_reset : Out(1)
    to_core : Out(stream)
    to_core_last : Out(1)
    from_core : In(stream)
    """

    def __init__(self, *, divisor: int, identity: bytes, in_bytes: int, in_words: int,
                 out_bytes: int, out_words: int, lanes: int, timeout: int, watchdog: int) -> None:
        self.divisor, self.identity = divisor, identity
        self.in_bytes, self.in_words = in_bytes, in_words
        self.out_bytes, self.out_words = out_bytes, out_words
        self.lanes, self.timeout, self.watchdog = lanes, timeout, watchdog
        super().__init__({
            "rx": In(1), "tx": Out(1, init=1), "loading": In(1), "bad_weights": In(1),
            "core_reset": Out(1), "to_core": Out(stream.Signature(8 * in_bytes)),
            "to_core_last": Out(1), "from_core": In(stream.Signature(8 * out_bytes)),
        })

    @property
    def module_name(self) -> str:
        return "bnnhw_host_link"

    def body(self, platform: Any) -> Module:
        m = Module()
        frame = self.in_bytes * self.in_words
        room = max(frame, MIN_ECHO)
        m.submodules.reader = reader = FrameReader(max_payload=room, timeout=self.timeout)
        m.submodules.runner = runner = Runner(
            in_bytes=self.in_bytes, in_words=self.in_words, out_bytes=self.out_bytes,
            out_words=self.out_words, watchdog=self.watchdog, lanes=self.lanes,
            in_room=-(-room // self.lanes))
        m.submodules.reply = reply = Reply(
            identity=self.identity, lanes=max(self.lanes, self.out_bytes),
            words=max(runner.in_room, self.out_words))
        receiver = self._line(m, reader, reply)

        loaded = Signal()
        judged = Signal(8)  # status of a request that was read well
        repeats = Signal(32)  # the last four bytes of a payload
        command, length = reader.command, reader.length
        stores = Signal()  # the payload goes to the input memory
        m.d.comb += [
            stores.eq((command == Command.LOAD) | (command == Command.INFER)
                      | (command == Command.ECHO)),
            runner.write.eq(reader.byte_valid & stores), runner.write_byte.eq(reader.byte),
            runner.rewind.eq(reader.begin),
            # A break on the line ends a run that the host no longer wants.
            runner.abort.eq(receiver.error),
            runner.repeats.eq(Mux(command == Command.RUN, repeats, 1)),
            runner.read_input.eq(reply.busy & (command == Command.ECHO)),
            runner.read_word.eq(reply.read_word), runner.read_lane.eq(reply.read_lane),
            reply.read_byte.eq(runner.read_byte),
            reply.counters.eq(Cat(runner.cycles, runner.stalls, runner.first)),
            reply.command.eq(command),
            self.to_core.payload.eq(runner.to_core.payload),
            self.to_core.valid.eq(runner.to_core.valid),
            runner.to_core.ready.eq(self.to_core.ready),
            self.to_core_last.eq(runner.to_core_last),
            runner.from_core.payload.eq(self.from_core.payload),
            runner.from_core.valid.eq(self.from_core.valid),
            self.from_core.ready.eq(runner.from_core.ready),
        ]
        with m.If(reader.byte_valid):
            m.d.sync += [repeats.eq(Cat(repeats[8:], reader.byte))]
            with m.If(stores):
                m.d.sync += loaded.eq(0)

        self._judge(m, judged, command, length, loaded, repeats, frame)
        with m.FSM(name="link"):
            with m.State("WAIT"), m.If(reader.done & ~reply.busy):
                m.d.sync += reply.status.eq(Mux(reader.status == Status.OK, judged, reader.status))
                m.next = "BEGIN"
            with m.State("BEGIN"):
                m.next = "ANSWER"
                with m.If(reply.status == Status.OK), m.Switch(command):
                    with m.Case(Command.LOAD):
                        m.d.sync += loaded.eq(1)
                    with m.Case(Command.RUN, Command.INFER):
                        m.d.sync += loaded.eq(1)
                        m.d.comb += runner.start.eq(1)
                        m.next = "RUN"
                    with m.Case(Command.RESET):
                        m.d.sync += loaded.eq(0)
                        m.d.comb += self.core_reset.eq(1)
            with m.State("RUN"), m.If(~runner.busy):
                m.next = "ANSWER"
                with m.If(runner.hung):
                    m.d.comb += self.core_reset.eq(1)
                    m.d.sync += reply.status.eq(Status.CORE_TIMEOUT)
            with m.State("ANSWER"):
                m.d.comb += reply.start.eq(1)
                m.next = "ANSWERING"
            with m.State("ANSWERING"), m.If(~reply.busy):
                m.d.comb += reader.resume.eq(1)
                m.next = "WAIT"
        fine = reply.status == Status.OK
        out_bytes = self.out_bytes * self.out_words
        m.d.comb += [
            reply.with_identity.eq(fine & (command == Command.IDENTIFY)),
            reply.with_counters.eq(fine & ((command == Command.RUN) | (command == Command.INFER))),
            reply.memory_lanes.eq(Mux(command == Command.ECHO, self.lanes - 1,
                                      self.out_bytes - 1)),
        ]
        with m.If(fine & (command == Command.ECHO)):
            m.d.comb += reply.memory_bytes.eq(length)
        with m.Elif(fine & ((command == Command.READ) | (command == Command.INFER))):
            m.d.comb += reply.memory_bytes.eq(out_bytes)
        return m

    def _line(self, m: Module, reader: FrameReader, reply: Reply) -> UartReceiver:
        """UART, queue, and a register behind it: a byte has at least 40 cycles of its own."""
        m.submodules.receiver = receiver = UartReceiver(divisor=self.divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(divisor=self.divisor)
        m.submodules.queue = queue = SyncFIFOBuffered(width=9, depth=WINDOW)
        byte, held = Signal(9), Signal()
        m.d.comb += [
            receiver.line.eq(self.rx), self.tx.eq(transmitter.line),
            queue.w_en.eq(receiver.valid | receiver.error),
            queue.w_data.eq(Cat(receiver.o, receiver.error)),
            reader.i.payload.eq(byte), reader.i.valid.eq(held), queue.r_en.eq(~held),
            transmitter.i.payload.eq(reply.o.payload), transmitter.i.valid.eq(reply.o.valid),
            reply.o.ready.eq(transmitter.i.ready),
        ]
        with m.If(~held & queue.r_rdy):
            m.d.sync += [byte.eq(queue.r_data), held.eq(1)]
        with m.Elif(reader.i.ready):
            m.d.sync += held.eq(0)
        return receiver

    def _judge(self, m: Module, judged: Signal, command: Signal, length: Signal, loaded: Signal,
               repeats: Signal, frame: int) -> None:
        """Whether a request that was read well makes sense, and can be met now."""
        runs = (command == Command.RUN) | (command == Command.INFER)
        fits = Signal()
        m.d.comb += fits.eq(length == 0)
        with m.Switch(command):
            with m.Case(Command.LOAD, Command.INFER):
                m.d.comb += fits.eq(length == frame)
            with m.Case(Command.RUN):
                m.d.comb += fits.eq((length == 4) & (repeats != 0))
            with m.Case(Command.ECHO):
                m.d.comb += fits.eq(1)
        with m.If((command < min(Command)) | (command > max(Command))):
            m.d.comb += judged.eq(Status.BAD_COMMAND)
        with m.Elif(~fits):
            m.d.comb += judged.eq(Status.BAD_LENGTH)
        with m.Elif(runs & self.bad_weights):
            m.d.comb += judged.eq(Status.BAD_WEIGHTS)
        with m.Elif(runs & self.loading):
            m.d.comb += judged.eq(Status.LOADING)
        with m.Elif((command == Command.RUN) & ~loaded):
            m.d.comb += judged.eq(Status.NOT_LOADED)
