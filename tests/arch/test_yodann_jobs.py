"""Tests single jobs of the YodaNN core, of any kernel, mode, padding and channels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from amaranth.sim import Simulator

from bnnhw.arch.simulation import Stalls
from bnnhw.arch.yodann import YodannPlan
from bnnhw.arch.yodann.host import JobData
from bnnhw.arch.yodann.job import Job
from bnnhw.arch.yodann.layout import Layout
from bnnhw.arch.yodann.model import LayerPlan
from bnnhw.arch.yodann.simulation import core_of, run_layer
from bnnhw.emit.verilog import convert
from bnnhw.errors import MismatchError
from bnnhw.rtl.yodann.core import YodannCore
from bnnhw.rtl.yodann.shape import CoreShape
from bnnhw.sim.cocotb_engine import run_icarus
from bnnhw.sim.simulate import VERILATOR

SMALL = {"depth": 64, "bank": 16}
SHAPES = {
    "7x7": CoreShape(ni=3, no=2, kernel=7, **SMALL),
    "5x5 saturating": CoreShape(ni=4, no=5, kernel=5, acc=15, **SMALL),
    "3x3 of cells and latches": CoreShape(ni=4, no=3, kernel=3, bits=9, frac=5, storage="latch",
                                          cells=True, **SMALL),
}
LONG = {
    "7x7 of cells and latches": CoreShape(ni=3, no=5, kernel=7, storage="latch", cells=True,
                                          **SMALL),
    "7x7 saturating, latches": CoreShape(ni=8, no=4, kernel=7, acc=17, storage="latch", **SMALL),
    "one channel": CoreShape(ni=1, no=1, kernel=7, depth=32, bank=32),
    "16 bits": CoreShape(ni=5, no=9, kernel=5, bits=16, frac=0, depth=96, bank=32),
}


def plan_of(shape: CoreShape, jobs: list[Job]) -> YodannPlan:
    layout = Layout((1, 1), 1, 1, 1, 1)
    return YodannPlan("core", "yodann", "generic", shape, 1,
                      (LayerPlan("random", layout, tuple(jobs)),), ())


def random_job(random: np.random.Generator, shape: CoreShape, kernel: tuple[int, int],
               **options: bool) -> tuple[Job, JobData]:
    """A job of any size with this kernel, its pixels and weights; extremes now and then."""
    lanes = 1 if max(kernel) > shape.kernels[1] else 2
    ni, no = (int(random.integers(1, n + 1)) for n in
              (min(shape.ni, shape.depth // 8), shape.no * lanes))
    top, left = (int(random.integers(0, k)) for k in kernel)
    bottom, right = (int(random.integers(0, k - pad)) for k, pad in
                     zip(kernel, (top, left), strict=True))
    low = [max(1, k - a - b) for k, a, b in zip(kernel, (top, left), (bottom, right),
                                                strict=True)]
    h, w = (int(random.integers(n, n + 6)) for n in low)
    h = min(h, shape.depth // ni)
    job = Job("random", kernel, 0, ni, 0, no, 0, 0, h, w, 0, 0, (top, left, bottom, right),
              images=int(random.integers(1, 4)), scaled=bool(random.integers(2)), **options)
    limit = 1 << (shape.bits - 1)
    pixels = random.integers(-limit, limit, (job.images, h, w, ni))
    weights = random.integers(0, 2, (no, *kernel, ni)).astype(np.uint8)
    if random.random() < 0.3:
        pixels = random.choice([-limit, limit - 1], pixels.shape)
    if random.random() < 0.2:
        pixels[...], weights[...] = -limit, random.integers(0, 2)
    scales = random.integers(-limit, limit, (no, 2)) if job.scaled else None
    return job, JobData(pixels, weights, scales)


def random_jobs(shape: CoreShape, count: int, seed: int) -> tuple[list[Job], list[JobData]]:
    """Jobs with every square kernel, then with any; some keep the weights of the one before."""
    random = np.random.default_rng(seed)
    kernels = [(k, k) for k in range(1, shape.kernel + 1)]
    while len(kernels) < count:
        kernels.append(tuple(int(k) for k in random.integers(1, shape.kernel + 1, 2)))
    jobs, data = [], []
    for kernel in kernels:
        job, contents = random_job(random, shape, kernel)
        jobs.append(job)
        data.append(contents)
        if random.random() < 0.3:
            again = Job(**{**job.__dict__, "load_filters": False})
            jobs.append(again)
            data.append(JobData(contents.pixels[::-1], contents.weights, contents.scales))
    return jobs, data


def check(shape: CoreShape, count: int, seed: int) -> None:
    jobs, data = random_jobs(shape, count, seed)
    plan = plan_of(shape, jobs)
    core = core_of(plan, convert(YodannCore(shape=shape, name="core")))
    layer = plan.layers[0]
    _, cycles = run_layer(VERILATOR, core, plan, layer, data, Stalls())
    assert cycles == sum(job.cycles(shape) for job in jobs)
    for stalls in (Stalls(0.3, 0.3, seed), Stalls(0.0, 0.7, seed), Stalls(0.8, 0.0, seed)):
        run_layer(VERILATOR, core, plan, layer, data, stalls)


@pytest.mark.parametrize("name", SHAPES)
def test_jobs(name: str) -> None:
    check(SHAPES[name], 40, 1)


@pytest.mark.long
@pytest.mark.parametrize("name", LONG)
def test_more_jobs(name: str) -> None:
    check(LONG[name], 150, 2)


def test_a_wrong_result_is_found() -> None:
    """The comparison itself: weights that are not those that were loaded."""
    shape = SHAPES["7x7"]
    job, data = random_job(np.random.default_rng(3), shape, (4, 5))
    jobs = [job, Job(**{**job.__dict__, "load_filters": False})]
    plan = plan_of(shape, jobs)
    core = core_of(plan, convert(YodannCore(shape=shape, name="core")))
    wrong = JobData(data.pixels, data.weights ^ 1, data.scales)
    run_layer(VERILATOR, core, plan, plan.layers[0], [data, data], Stalls())
    with pytest.raises(MismatchError, match="job 1 of 2: image 0, row 0"):
        run_layer(VERILATOR, core, plan, plan.layers[0], [data, wrong], Stalls())


def test_the_component_itself() -> None:
    """In Amaranth's simulator, without any Verilog."""
    shape = CoreShape(ni=2, no=2, kernel=3, **SMALL)
    job, data = random_job(np.random.default_rng(5), shape, (3, 3))
    words = job.encode(shape, data.pixels, data.weights, data.scales)
    core = YodannCore(shape=shape, name="core")
    room = len(core.m_axis_tdata) // 2
    taken: list[tuple[int, ...]] = []
    cycles: list[int] = []

    async def bench(ctx: object) -> None:
        sent = cycle = 0
        ctx.set(core.m_axis_tready, 1)
        while len(taken) < job.out_words(shape):
            if sent < len(words):
                ctx.set(core.s_axis_tdata, int(words[sent]))
            ctx.set(core.s_axis_tvalid, sent < len(words))
            if sent < len(words) and ctx.get(core.s_axis_tready):
                sent += 1
            if ctx.get(core.m_axis_tvalid):
                value = int(ctx.get(core.m_axis_tdata))
                lanes = (value & ((1 << room) - 1), value >> room)
                taken.append(tuple(v - (v >> (room - 1) << room) for v in lanes))
                cycles.append(cycle)
            await ctx.tick()
            cycle += 1

    simulator = Simulator(core)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert (job.decode(shape, np.array(taken))
            == job.compute(shape, data.pixels, data.weights, data.scales)).all()
    assert cycles[-1] == plan_of(shape, [job]).output_delay(job)


@pytest.mark.parametrize("storage", [pytest.param("flop", marks=pytest.mark.long), "latch"])
def test_cocotb_on_icarus(storage: str, tmp_path: Path) -> None:
    """Output words are stable until accepted, a reset starts anew, unknown values never leave."""
    pytest.importorskip("cocotb_tools", reason="cocotb (extra 'sim') is not installed")
    shape = CoreShape(ni=2, no=3, kernel=3, storage=storage, cells=storage == "latch",
                      depth=32, bank=16)
    random = np.random.default_rng(8)
    job, data = random_job(random, shape, (3, 3))
    while job.scaled or not 30 < job.out_words(shape) < 60:
        job, data = random_job(random, shape, (3, 3))
    words = job.encode(shape, data.pixels, data.weights)
    plan = plan_of(shape, [job])
    per = job.words(shape)
    out = job.compute(shape, data.pixels, data.weights).transpose(0, 2, 1, 3).reshape(-1)
    settings = {"in_words": len(words), "out_words": per, "out_bytes": 2 * plan.lane_bytes,
                "frames": len(out) // per, "in_stall": 0.0, "out_stall": 0.0, "seed": 1,
                "patience": 20000}
    (tmp_path / "job.json").write_text(json.dumps(settings))
    raw = (words[:, None] >> (8 * np.arange(plan.in_bytes)) & 255).astype(np.uint8)
    np.savez(tmp_path / "job.npz", words=raw)
    verilog = convert(YodannCore(shape=shape, name="core"))
    run_icarus(verilog, "core", tmp_path, "bnnhw.sim.cocotb_bench", ["batch"])
    with np.load(tmp_path / "result.npz") as result:
        found, cycles = result["words"], result["out_cycles"]
    lanes = found.reshape(len(found), 2, -1)[:, 0].astype(np.int64) \
        @ (1 << 8 * np.arange(plan.lane_bytes))
    sign = 1 << (8 * plan.lane_bytes - 1)
    assert ((lanes ^ sign) - sign == out).all()
    assert cycles[-1] == plan.output_delay(job)
    # What is in lane 1 outside dual modes means nothing, but has to be the same every time.
    np.savez(tmp_path / "expected.npz", words=found)
    run_icarus(verilog, "core", tmp_path, "bnnhw.sim.cocotb_bench", ["protocol"])
    run_icarus(verilog, "core", tmp_path, "bnnhw.sim.yodann_bench",
               ["reset_in_mid_job", "wrong_tlast"])


def test_default_core_is_written_in_seconds() -> None:
    """32 channels, 32 units of 7x7, in latches and full adders: each kind of module once."""
    shape = CoreShape(storage="latch", cells=True)
    text = convert(YodannCore(shape=shape, name="core"))
    assert len(text) < 1_000_000
    for module in ("bnnhw_scm_128x12_g32_falling", "bnnhw_image_bank_32x7x12", "bnnhw_rows_32x504",
                   "bnnhw_rows_32x200", "bnnhw_sop_k7b12_cells", "bnnhw_summer_17to22_cells"):
        assert text.count(f"\nmodule {module}(") == 1
    column = text.split("\nmodule bnnhw_image_column_1024x12by128(")[1].split("endmodule")[0]
    assert column.count("  bnnhw_scm_128x12_g32_falling ") == 8
    memory = text.split("\nmodule bnnhw_image_memory_6x1024x12by128(")[1].split("endmodule")[0]
    assert memory.count("  bnnhw_image_column_1024x12by128 ") == 6
    core = text.split("\nmodule core(")[1].split("endmodule")[0]
    assert core.count("  bnnhw_sop_k7b12_cells ") == 33
