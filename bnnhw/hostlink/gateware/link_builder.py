"""Builds a host link from its units: line, framing, request check, memories and run control."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import PureInterface

from bnnhw.hostlink.gateware.board_bits import COMMAND_BITS, BoardBits
from bnnhw.hostlink.gateware.byte_queue import ByteQueue
from bnnhw.hostlink.gateware.crc import SerialCrc
from bnnhw.hostlink.gateware.frame_input import FrameInput
from bnnhw.hostlink.gateware.frame_output import FrameOutput
from bnnhw.hostlink.gateware.link_params import WINDOW, HostLinkParams, input_shape
from bnnhw.hostlink.gateware.meters import RunMeters
from bnnhw.hostlink.gateware.run_control import RunControl
from bnnhw.hostlink.gateware.sequencer import Sequencer
from bnnhw.hostlink.gateware.shift_counter import LengthCounter, ShiftCounter, incremented
from bnnhw.hostlink.gateware.uart import UartReceiver, UartTransmitter
from bnnhw.hostlink.wire import COUNTERS, Command, Status

__all__ = ["LinkBuilder"]


class LinkBuilder:
    """Adds the units of a host link to a module; each method connects those of one function.

    Parameters
    ----------
    m : Module
        Module of the ``HostLink``.
    params : HostLinkParams
    """

    def __init__(self, m: Module, params: HostLinkParams) -> None:
        frame = params.in_bytes * params.in_words
        shape = input_shape(params.in_bytes, params.in_words, params.lanes)
        m.submodules.input = self.input = FrameInput(shape)
        room = shape.room
        out_bytes = params.out_bytes * params.out_words
        self.m, self.params, self.out_bytes = m, params, out_bytes
        m.submodules.sequencer = self.seq = Sequencer()
        m.submodules.bits = self.bits = BoardBits(
            identity_bytes=len(params.identity), in_bytes=frame, out_bytes=out_bytes, room=room)
        m.submodules.crc = self.crc = SerialCrc()
        longest = max(room, len(params.identity) + 1, COUNTERS.size + out_bytes + 1, 1 << 8)
        m.submodules.left = self.left = LengthCounter(longest.bit_length())
        # Counts the frames that remain to be fed; for an echo, the bytes of its reply.
        m.submodules.tally = self.tally = ShiftCounter(32)
        m.submodules.output = self.output = FrameOutput(
            out_bytes=params.out_bytes, out_words=params.out_words, identity=params.identity)
        m.submodules.meters = self.meters = RunMeters(
            first_bits=8 * -(-params.watchdog.bit_length() // 8),
            run_bit=(params.watchdog - 1).bit_length() - 1,
            idle_bit=params.timeout.bit_length() - 3)
        m.submodules.control = self.control = RunControl(in_flight=params.in_flight,
                                                         rows=shape.rows)
        self.heard = Signal(reset_less=True)  # the next bit of a request
        self.bit = Signal()  # the bit that passes, of a request or a reply
        self.error = Signal()  # the received byte has no stop bit
        self.over, self.right = Signal(reset_less=True), Signal(reset_less=True)
        self.loaded = Signal()
        self.code = Signal(3, reset_less=True)
        command = self.bits.asked[:COMMAND_BITS]
        self.is_infer, self.is_load = command == Command.INFER, command == Command.LOAD
        self.is_identify, self.is_reset = command == Command.IDENTIFY, command == Command.RESET
        # They are known long before they are used: registers keep the paths short.
        self.is_run, self.is_echo = Signal(reset_less=True), Signal(reset_less=True)
        m.d.sync += [self.is_run.eq(command == Command.RUN),
                     self.is_echo.eq(command == Command.ECHO)]
        self.runs = self.is_run | self.is_infer
        self.stores = self.is_load | self.is_infer | self.is_echo

    def connect_line(self, rx: Signal, tx: Signal) -> None:
        """Connect UART and receive queue with the serial line."""
        m, seq = self.m, self.seq
        m.submodules.receiver = receiver = UartReceiver(divisor=self.params.divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(divisor=self.params.divisor)
        m.submodules.queue = queue = ByteQueue(depth=WINDOW, width=9)
        m.d.comb += [
            receiver.line.eq(rx), tx.eq(transmitter.line),
            queue.write.eq(receiver.valid | receiver.error),
            queue.i.eq(Cat(receiver.o, receiver.error)), self.error.eq(receiver.error),
            queue.taken.eq(seq.ends & seq.listens),
            seq.heard.eq(queue.valid), seq.broken.eq(queue.o[8]), seq.free.eq(~transmitter.busy),
            transmitter.shift.eq(seq.shifting & seq.replying), transmitter.i.eq(self.bit),
            transmitter.start.eq(seq.ends & seq.replying),
        ]
        m.d.sync += self.heard.eq(queue.o.bit_select(~seq.bit, 1))

    def process_bits(self) -> None:
        """Feed each bit of a frame to CRC and length, and compare lengths with their limit."""
        m, seq, bits, left, crc = self.m, self.seq, self.bits, self.left, self.crc
        m.d.comb += [
            self.bit.eq(Mux(seq.replying, bits.o, self.heard)),
            crc.clear.eq(seq.sync), crc.i.eq(self.bit), crc.rotate.eq(seq.crc),
            crc.step.eq(seq.shifting & ~seq.pad), bits.crc_bit.eq(crc.o),
            left.low.eq(seq.shifting & seq.low), left.high.eq(seq.shifting & seq.high),
            left.i.eq(self.bit), left.count.eq(seq.ends & (seq.status | seq.payload)),
            seq.none.eq(left.none), seq.over.eq(self.over),
            *[getattr(bits, name).eq(getattr(seq, name)) for name in (
                "sync", "command", "low", "high", "status", "payload", "crc", "replying", "bit")],
        ]
        command = Signal(8, reset_less=True, name="asked")
        m.d.comb += bits.asked.eq(command)
        with m.If(seq.shifting & seq.command):
            m.d.sync += command.eq(Cat(self.bit, command))
        # The first differing bit of a byte decides; the high byte overrides the low byte.
        decided = Signal(reset_less=True)
        m.d.sync += decided.eq(seq.shifting & (decided | (self.heard ^ bits.limit)))
        with m.If(seq.command):
            m.d.sync += self.over.eq(0)
        with m.Elif(seq.shifting & (seq.low | seq.high) & ~decided):
            m.d.sync += self.over.eq((self.heard & ~bits.limit)
                                     | (self.over & (self.heard | ~bits.limit)))

    def check_request(self, loading: Signal, bad_weights: Signal) -> None:
        """Derive the status of a request: CRC, length, command, and state of the accelerator."""
        m, seq, bits = self.m, self.seq, self.bits
        fits = Signal(reset_less=True)  # the length is that of the command
        as_expected = self.right & (self.heard == bits.o)
        m.d.comb += seq.right.eq(as_expected)
        with m.If(seq.ends & seq.broken & seq.listens):
            m.d.sync += self.right.eq(0)
        with m.Elif(seq.command | seq.sized | seq.pad | (seq.sync & ~seq.shifting)):
            m.d.sync += self.right.eq(1)
        with m.Elif(seq.shifting):
            m.d.sync += self.right.eq(as_expected)
        with m.If(seq.sized):
            m.d.sync += fits.eq((self.right | self.is_echo) & ~self.over)
        with m.If(seq.payload & seq.none & self.is_run & self.right):  # zero frames
            m.d.sync += fits.eq(0)
        with m.If(seq.judge):
            with m.If(~self.right):
                m.d.sync += self.code.eq(Status.BAD_CRC)
            with m.Elif(self.over):
                m.d.sync += self.code.eq(Status.BAD_LENGTH)
            with m.Elif(bits.asked[COMMAND_BITS:].any() | ~bits.asked[:COMMAND_BITS].any()):
                m.d.sync += self.code.eq(Status.BAD_COMMAND)
            with m.Elif(~fits):
                m.d.sync += self.code.eq(Status.BAD_LENGTH)
            with m.Elif(self.runs & bad_weights):
                m.d.sync += self.code.eq(Status.BAD_WEIGHTS)
            with m.Elif(self.runs & loading):
                m.d.sync += self.code.eq(Status.LOADING)
            with m.Elif(self.is_run & ~self.loaded):
                m.d.sync += self.code.eq(Status.NOT_LOADED)
            with m.Else():
                m.d.sync += self.code.eq(Status.OK)
        with m.If(seq.payload & ~seq.replying & self.stores & seq.shifting):
            m.d.sync += self.loaded.eq(0)
        with m.Elif(seq.act & bits.fine):
            m.d.sync += self.loaded.eq((self.loaded | self.is_load | self.runs) & ~self.is_reset)
        m.d.comb += [bits.fine.eq(self.code == Status.OK), bits.code.eq(self.code)]

    def connect_memories(self) -> None:
        """Store payloads in the input memory, and read replies from both memories."""
        m, seq, bits, frame_in, frame_out = self.m, self.seq, self.bits, self.input, self.output
        in_lanes = frame_in.shape.lanes
        row_bytes = max(in_lanes, self.params.out_bytes)
        lane = Signal(range(max(2, row_bytes)), reset_less=True)  # byte of the row
        last = lane == Mux(seq.replying & ~self.is_echo, self.params.out_bytes - 1, in_lanes - 1)
        metered = Signal(reset_less=True)
        replied = seq.payload & seq.replying
        m.d.comb += [
            bits.metered.eq(metered), seq.partial.eq(lane != 0),
            frame_in.rewind.eq(seq.sync | seq.act), frame_out.rewind.eq(seq.sync | seq.act),
            frame_in.i.eq(self.bit),
            frame_in.shift.eq(seq.shifting & (seq.payload | seq.pad)
                              & Mux(seq.replying, self.is_echo, self.stores)),
            frame_in.load.eq(replied & self.is_echo & seq.begins & (lane == 0)),
            bits.echo.eq(frame_in.o), bits.output.eq(frame_out.o),
            frame_out.identify.eq(self.is_identify), frame_out.left.eq(self.left.value),
            frame_out.jump.eq(seq.status & self.is_identify), frame_out.lane.eq(lane),
            frame_out.bit.eq(seq.bit),
            frame_out.step.eq(replied & seq.shifting & ~metered & ~self.is_echo
                              & ~self.is_identify),
            frame_out.following.eq(replied & seq.ends & ~metered & last),
            self.meters.shift.eq(replied & seq.shifting & metered), bits.meters.eq(self.meters.o),
            # The four bytes before the payload clear it.
            self.tally.i.eq(seq.payload & ~self.bit),
            self.tally.shift.eq(seq.shifting & (seq.low | seq.high | ~seq.replying & (
                seq.sync | seq.command | (seq.payload & self.is_run)))),
            # Bytes of an echo plus one; or the complement of the number of frames, plus two.
            self.tally.count.eq((seq.ends & seq.payload & self.is_echo & ~seq.replying) | seq.act
                                | (seq.judge & self.is_run) | self.control.counts),
            bits.echo_length.eq(self.tally.o),
        ]
        store = Signal(reset_less=True)
        m.d.comb += frame_in.store.eq(store)
        m.d.sync += store.eq(seq.ends & (seq.payload | seq.pad) & ~seq.replying & last
                                      & self.stores)
        with m.If(seq.high):
            m.d.sync += lane.eq(0)
        with m.Elif(seq.ends & (seq.pad | (seq.payload & ~(seq.replying & metered)))):
            m.d.sync += lane.eq(Mux(last, 0, incremented(lane)))
        # The counters precede the output frame, or are the entire payload after the status.
        with m.If(seq.status):
            m.d.sync += metered.eq(self.runs)
        with m.Elif(self.is_infer & (~self.left.value == self.out_bytes)):
            m.d.sync += metered.eq(0)

    def control_run(self, core_reset: Signal, to_core: PureInterface, to_core_last: Signal,
                    from_core: PureInterface) -> None:
        """Connect the streams of the accelerator; start, end and abort runs."""
        m, seq, bits, control, meters = self.m, self.seq, self.bits, self.control, self.meters
        frame_in, frame_out = self.input, self.output
        starts = Signal()
        alive = Signal(reset_less=True)  # a byte or a word moved since the last tick
        silent, broken_off = Signal(reset_less=True), Signal(reset_less=True)
        hung = seq.run & broken_off & ~control.done
        sent, got, stalled = (Signal(reset_less=True) for _ in range(3))
        m.d.comb += [
            starts.eq(bits.fine & self.runs), seq.runs.eq(starts),
            seq.ended.eq(control.done | hung), seq.silent.eq(silent),
            meters.waits.eq(~seq.replying & ~seq.run),
            meters.sent.eq(sent), meters.got.eq(got), meters.stalled.eq(stalled),
            control.start.eq(seq.act), control.run.eq(seq.run), control.fed.eq(frame_in.fed),
            control.got.eq(frame_out.got), control.single.eq(self.is_infer),
            control.final.eq(self.tally.full),
            frame_in.running.eq(seq.run), frame_in.feed.eq(control.feed),
            frame_out.running.eq(seq.run), meters.running.eq(seq.run), meters.clear.eq(seq.act),
            core_reset.eq(hung | (seq.act & bits.fine & self.is_reset)),
            to_core.payload.eq(frame_in.to_core.payload),
            to_core.valid.eq(frame_in.to_core.valid),
            frame_in.to_core.ready.eq(to_core.ready),
            to_core_last.eq(frame_in.to_core_last),
            frame_out.from_core.payload.eq(from_core.payload),
            frame_out.from_core.valid.eq(from_core.valid),
            from_core.ready.eq(frame_out.from_core.ready),
        ]
        m.d.sync += [
            sent.eq(to_core.valid & to_core.ready),
            got.eq(seq.run & from_core.valid),
            stalled.eq(to_core.valid & ~to_core.ready),
            silent.eq(meters.tick & ~alive),
            # The host aborts a run by a break on the line.
            broken_off.eq(silent | self.error),
        ]
        with m.If(seq.ends | seq.act | sent | got):
            m.d.sync += alive.eq(1)
        with m.Elif(meters.tick):
            m.d.sync += alive.eq(0)
        with m.If(hung):
            m.d.sync += self.code.eq(Status.CORE_TIMEOUT)
