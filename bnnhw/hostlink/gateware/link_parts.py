"""The units of a host link, and what leads from one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amaranth.hdl import Cat, Module, Mux, Signal

from bnnhw.hostlink.gateware.board_bits import COMMAND_BITS, BoardBits
from bnnhw.hostlink.gateware.byte_queue import ByteQueue
from bnnhw.hostlink.gateware.crc import SerialCrc
from bnnhw.hostlink.gateware.frame_input import FrameInput, InputShape
from bnnhw.hostlink.gateware.frame_output import FrameOutput
from bnnhw.hostlink.gateware.meters import RunMeters
from bnnhw.hostlink.gateware.run_control import RunControl
from bnnhw.hostlink.gateware.sequencer import Sequencer
from bnnhw.hostlink.gateware.shift_counter import LengthCounter, ShiftCounter, counted
from bnnhw.hostlink.gateware.uart import UartReceiver, UartTransmitter
from bnnhw.hostlink.wire import COUNTERS, Command, Status

if TYPE_CHECKING:
    from bnnhw.hostlink.gateware.host_link import HostLink

__all__ = ["MIN_ECHO", "WINDOW", "LinkParts", "input_shape"]

WINDOW = 256
"""Bytes of the receive queue: with the mark of a broken byte, one block RAM of an iCE40."""
MIN_ECHO = 16
"""Bytes that can be echoed however small an input frame is."""


def input_shape(in_bytes: int, in_words: int, lanes: int) -> InputShape:
    """The memory of an input frame, which holds what is echoed too."""
    return InputShape(in_bytes, in_words, lanes, max(in_bytes * in_words, MIN_ECHO))


class LinkParts:
    """Units and wires of a link in a module; each method adds those of one matter."""

    def __init__(self, m: Module, link: HostLink) -> None:
        frame = link.in_bytes * link.in_words
        m.submodules.input = self.input = FrameInput(
            input_shape(link.in_bytes, link.in_words, link.lanes))
        room = self.input.room
        out_bytes = link.out_bytes * link.out_words
        self.m, self.out_bytes, self.word_bytes = m, out_bytes, link.out_bytes
        m.submodules.sequencer = self.at = Sequencer()
        m.submodules.bits = self.own = BoardBits(
            identity_bytes=len(link.identity), in_bytes=frame, out_bytes=out_bytes, room=room)
        m.submodules.crc = self.crc = SerialCrc()
        longest = max(room, len(link.identity) + 1, COUNTERS.size + out_bytes + 1, 1 << 8)
        m.submodules.left = self.left = LengthCounter(longest.bit_length())
        # Up to the frames that are to be fed; in an echo, bytes of its reply.
        m.submodules.tally = self.tally = ShiftCounter(32)
        m.submodules.output = self.output = FrameOutput(
            out_bytes=link.out_bytes, out_words=link.out_words, identity=link.identity)
        m.submodules.meters = self.meters = RunMeters(
            first_bits=8 * -(-link.watchdog.bit_length() // 8),
            run_bit=(link.watchdog - 1).bit_length() - 1, idle_bit=link.timeout.bit_length() - 3)
        m.submodules.control = self.control = RunControl(in_flight=link.in_flight,
                                                         rows=self.input.shape.rows)
        self.heard = Signal(reset_less=True)  # the bit of the host
        self.bit = Signal()  # the one that passes, of the host or of the board
        self.error = Signal()  # the byte that comes in is none
        self.over, self.right = Signal(reset_less=True), Signal(reset_less=True)
        self.loaded = Signal()
        self.code = Signal(3, reset_less=True)
        command = self.own.asked[:COMMAND_BITS]
        self.is_infer, self.is_load = command == Command.INFER, command == Command.LOAD
        self.is_identify, self.is_reset = command == Command.IDENTIFY, command == Command.RESET
        # Known long before they are looked at: registers keep paths short.
        self.is_run, self.is_echo = Signal(reset_less=True), Signal(reset_less=True)
        m.d.sync += [self.is_run.eq(command == Command.RUN),
                     self.is_echo.eq(command == Command.ECHO)]
        self.runs = self.is_run | self.is_infer
        self.stores = self.is_load | self.is_infer | self.is_echo

    def line(self, link: HostLink) -> None:
        """UART and queue."""
        m, at = self.m, self.at
        m.submodules.receiver = receiver = UartReceiver(divisor=link.divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(divisor=link.divisor)
        m.submodules.queue = queue = ByteQueue(depth=WINDOW, width=9)
        m.d.comb += [
            receiver.line.eq(link.rx), link.tx.eq(transmitter.line),
            queue.write.eq(receiver.valid | receiver.error),
            queue.i.eq(Cat(receiver.o, receiver.error)), self.error.eq(receiver.error),
            queue.taken.eq(at.ends & at.listens),
            at.heard.eq(queue.valid), at.broken.eq(queue.o[8]), at.free.eq(~transmitter.busy),
            transmitter.shift.eq(at.shifting & at.replying), transmitter.i.eq(self.bit),
            transmitter.start.eq(at.ends & at.replying),
        ]
        m.d.sync += self.heard.eq(queue.o.bit_select(~at.bit, 1))

    def frame(self) -> None:
        """What is made of each bit of a frame, and what it must be."""
        m, at, own, left, crc = self.m, self.at, self.own, self.left, self.crc
        m.d.comb += [
            self.bit.eq(Mux(at.replying, own.o, self.heard)),
            crc.clear.eq(at.sync), crc.i.eq(self.bit), crc.rotate.eq(at.crc),
            crc.step.eq(at.shifting & ~at.pad), own.crc_bit.eq(crc.o),
            left.low.eq(at.shifting & at.low), left.high.eq(at.shifting & at.high),
            left.i.eq(self.bit), left.count.eq(at.ends & (at.status | at.payload)),
            at.none.eq(left.none), at.over.eq(self.over),
            *[getattr(own, name).eq(getattr(at, name)) for name in (
                "sync", "command", "low", "high", "status", "payload", "crc", "replying", "bit")],
        ]
        asked = Signal(8, reset_less=True)
        m.d.comb += own.asked.eq(asked)
        with m.If(at.shifting & at.command):
            m.d.sync += asked.eq(Cat(self.bit, asked))
        # The first bit of a byte that differs decides, and the high byte about the low one.
        decided = Signal(reset_less=True)
        m.d.sync += decided.eq(at.shifting & (decided | (self.heard ^ own.limit)))
        with m.If(at.command):
            m.d.sync += self.over.eq(0)
        with m.Elif(at.shifting & (at.low | at.high) & ~decided):
            m.d.sync += self.over.eq((self.heard & ~own.limit)
                                     | (self.over & (self.heard | ~own.limit)))

    def judge(self, link: HostLink) -> None:
        """Whether a request was read well and makes sense, and can be met now."""
        m, at, own = self.m, self.at, self.own
        fits = Signal(reset_less=True)  # the payload, the command
        as_wanted = self.right & (self.heard == own.o)
        m.d.comb += at.right.eq(as_wanted)
        with m.If(at.ends & at.broken & at.listens):
            m.d.sync += self.right.eq(0)
        with m.Elif(at.command | at.sized | at.pad | (at.sync & ~at.shifting)):
            m.d.sync += self.right.eq(1)
        with m.Elif(at.shifting):
            m.d.sync += self.right.eq(as_wanted)
        with m.If(at.sized):
            m.d.sync += fits.eq((self.right | self.is_echo) & ~self.over)
        with m.If(at.payload & at.none & self.is_run & self.right):  # zeros: no frames
            m.d.sync += fits.eq(0)
        with m.If(at.judge):
            with m.If(~self.right):
                m.d.sync += self.code.eq(Status.BAD_CRC)
            with m.Elif(self.over):
                m.d.sync += self.code.eq(Status.BAD_LENGTH)
            with m.Elif(own.asked[COMMAND_BITS:].any() | ~own.asked[:COMMAND_BITS].any()):
                m.d.sync += self.code.eq(Status.BAD_COMMAND)
            with m.Elif(~fits):
                m.d.sync += self.code.eq(Status.BAD_LENGTH)
            with m.Elif(self.runs & link.bad_weights):
                m.d.sync += self.code.eq(Status.BAD_WEIGHTS)
            with m.Elif(self.runs & link.loading):
                m.d.sync += self.code.eq(Status.LOADING)
            with m.Elif(self.is_run & ~self.loaded):
                m.d.sync += self.code.eq(Status.NOT_LOADED)
            with m.Else():
                m.d.sync += self.code.eq(Status.OK)
        with m.If(at.payload & ~at.replying & self.stores & at.shifting):
            m.d.sync += self.loaded.eq(0)
        with m.Elif(at.act & own.fine):
            m.d.sync += self.loaded.eq((self.loaded | self.is_load | self.runs) & ~self.is_reset)
        m.d.comb += [own.fine.eq(self.code == Status.OK), own.code.eq(self.code)]

    def storage(self) -> None:
        """Bytes into the input memory, and out of both."""
        m, at, own, frame_in, frame_out = self.m, self.at, self.own, self.input, self.output
        most = max(frame_in.lanes, self.word_bytes)
        lane = Signal(range(max(2, most)), reset_less=True)  # bytes of a row that have passed
        last = lane == Mux(at.replying & ~self.is_echo, self.word_bytes - 1, frame_in.lanes - 1)
        metered = Signal(reset_less=True)
        told = at.payload & at.replying
        m.d.comb += [
            own.metered.eq(metered), at.partial.eq(lane != 0),
            frame_in.rewind.eq(at.sync | at.act), frame_out.rewind.eq(at.sync | at.act),
            frame_in.i.eq(self.bit),
            frame_in.shift.eq(at.shifting & (at.payload | at.pad)
                              & Mux(at.replying, self.is_echo, self.stores)),
            frame_in.load.eq(told & self.is_echo & at.begins & (lane == 0)),
            own.echo.eq(frame_in.o), own.output.eq(frame_out.o),
            frame_out.identify.eq(self.is_identify), frame_out.left.eq(self.left.value),
            frame_out.jump.eq(at.status & self.is_identify), frame_out.lane.eq(lane),
            frame_out.bit.eq(at.bit),
            frame_out.step.eq(told & at.shifting & ~metered & ~self.is_echo
                              & ~self.is_identify),
            frame_out.following.eq(told & at.ends & ~metered & last),
            self.meters.shift.eq(told & at.shifting & metered), own.meters.eq(self.meters.o),
            # The four bytes before the payload make it 0.
            self.tally.i.eq(at.payload & ~self.bit),
            self.tally.shift.eq(at.shifting & (at.low | at.high | ~at.replying & (
                at.sync | at.command | (at.payload & self.is_run)))),
            # The bytes of an echo and one; the inverse of frames, and two.
            self.tally.count.eq((at.ends & at.payload & self.is_echo & ~at.replying) | at.act
                                | (at.judge & self.is_run) | self.control.counts),
            own.echo_length.eq(self.tally.o),
        ]
        store = Signal(reset_less=True)
        m.d.comb += frame_in.store.eq(store)
        m.d.sync += store.eq(at.ends & (at.payload | at.pad) & ~at.replying & last
                                      & self.stores)
        with m.If(at.high):
            m.d.sync += lane.eq(0)
        with m.Elif(at.ends & (at.pad | (at.payload & ~(at.replying & metered)))):
            m.d.sync += lane.eq(Mux(last, 0, counted(lane)))
        # The counters come first, and are all of the reply but the status where nothing follows.
        with m.If(at.status):
            m.d.sync += metered.eq(self.runs)
        with m.Elif(self.is_infer & (~self.left.value == self.out_bytes)):
            m.d.sync += metered.eq(0)

    def run(self, link: HostLink) -> None:
        """The accelerator's streams, and how long nothing moves on them or on the line."""
        m, at, own, control, meters = self.m, self.at, self.own, self.control, self.meters
        frame_in, frame_out = self.input, self.output
        starts = Signal()
        alive = Signal(reset_less=True)  # a byte came or a word moved since the last tick
        silent, broken_off = Signal(reset_less=True), Signal(reset_less=True)
        hung = at.run & broken_off & ~control.done
        sent, got, stalled = (Signal(reset_less=True) for _ in range(3))
        m.d.comb += [
            starts.eq(own.fine & self.runs), at.runs.eq(starts), at.ended.eq(control.done | hung),
            at.silent.eq(silent), meters.waits.eq(~at.replying & ~at.run),
            meters.sent.eq(sent), meters.got.eq(got), meters.stalled.eq(stalled),
            control.start.eq(at.act), control.run.eq(at.run), control.fed.eq(frame_in.fed),
            control.got.eq(frame_out.got), control.single.eq(self.is_infer),
            control.final.eq(self.tally.full),
            frame_in.running.eq(at.run), frame_in.feed.eq(control.feed),
            frame_out.running.eq(at.run), meters.running.eq(at.run), meters.clear.eq(at.act),
            link.core_reset.eq(hung | (at.act & own.fine & self.is_reset)),
            link.to_core.payload.eq(frame_in.to_core.payload),
            link.to_core.valid.eq(frame_in.to_core.valid),
            frame_in.to_core.ready.eq(link.to_core.ready),
            link.to_core_last.eq(frame_in.to_core_last),
            frame_out.from_core.payload.eq(link.from_core.payload),
            frame_out.from_core.valid.eq(link.from_core.valid),
            link.from_core.ready.eq(frame_out.from_core.ready),
        ]
        m.d.sync += [
            sent.eq(link.to_core.valid & link.to_core.ready),
            got.eq(at.run & link.from_core.valid),
            stalled.eq(link.to_core.valid & ~link.to_core.ready),
            silent.eq(meters.tick & ~alive),
            # A break on the line ends a run that the host no longer wants.
            broken_off.eq(silent | self.error),
        ]
        with m.If(at.ends | at.act | sent | got):
            m.d.sync += alive.eq(1)
        with m.Elif(meters.tick):
            m.d.sync += alive.eq(0)
        with m.If(hung):
            m.d.sync += self.code.eq(Status.CORE_TIMEOUT)
