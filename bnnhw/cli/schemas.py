"""Schemas of the JSON documents that verbs print with ``--json``.

Each line is a path, the type of its value, and what the value is. ``[]`` is any element of a
list, ``*`` is any key; ``?`` ends a key that is not always there, and a type may be followed by
``|null``.
``object`` is a mapping or list that is described elsewhere.
"""

from __future__ import annotations

__all__ = ["SCHEMAS"]

_PLAN = """
network text network
arch text architecture
device text target
cycles_per_frame? int cycles between two frames; not of cores that run jobs
target_cycles_per_frame? int what the plan was made for
latency_cycles? int first word of a frame in to last word out
frames_per_batch? int cores that run jobs: frames that share their weights
cycles_per_batch? int cores that run jobs: cycles of a batch
layers[]?.layer text layer that the core computes
layers[].jobs int jobs of the layer
layers[].mode text size of the windows
layers[].cycles int cycles of the layer
layers[].operations int multiplications and additions
layers[].operations_per_cycle number operations in each cycle
layers[].utilisation number share of the core that works
layers[].of_bound number share of the bound that the ports set
host_layers[]?.layer text layer that the host computes
host_layers[].kind text kind of that layer
plan object the plan of the manifest
"""

_CERTIFICATE = """
certificates[].layer text layer
certificates[].method text how its thresholds were found
certificates[].channels int channels
certificates[].points int sums at which each channel was evaluated
certificates[].complemented int channels whose weights are inverted
certificates[].constant int channels whose bit never changes
certificates[].ties int channels whose value is exactly zero at some sum
certificates[].rounding int thresholds that depend on float32 rounding
certificates[].order int thresholds that depend on the order of addition
certificates[].* object other facts that an importer records
notes[] text approximations with their bounds, and what costs more than expected
check object|null comparison of an import with an independent execution
scores object|null how integer scores keep the order of the model's scores
"""

_PREDICTIONS = """
predictions[]?.sample int index of the sample, with --show
predictions[].label int|null true label, with --labels
predictions[].expected.* object output of the golden model
predictions[].got.* object output of the hardware
predictions[].equal bool whether every output is that of the golden model
"""

_ACCURACY = "accuracy number|null share of labels that are the true ones, with --labels\n"

SCHEMAS = {
    "bnnhw.error/1": """
exit_code int exit code of the command
kind text class of the error
where text|null layer, file or option that the message is about
message text what is wrong, and what was expected
hint text|null how to fix it
""",
    "bnnhw.plan/2": _PLAN + """
clock.clock_mhz? number clock of the rate below
clock.given? bool whether --clock gave it; else it is expected of builds on this part
clock.note? text|null what the expectation is from, or why the given clock is unlikely
clock.frames_per_second? number at that clock
resources.host_link? object|null LUT, flip-flops and block RAM of the host link of a board
resources.remaining? object|null resources that the plan and the host link leave unused
resources.device? text part
resources.lut_error? number relative error of the LUT estimate (90th percentile)
resources.total? object LUT, flip-flops and block RAM of all units
resources.available? object|null what the part has
resources.excess? object what is short, by resource
resources.units? object estimate of each unit, by its name
""",
    "bnnhw.generate/1": _PLAN + "files[] text files that were written\n",
    "bnnhw.import/1": _CERTIFICATE + """
network text name of the network
files[] text files that were written
""",
    "bnnhw.check/1": """
network text name
network_sha256 text digest of layers, weights and outputs
layers[].layer text layer
layers[].kind text kind
layers[].type text type of its input and output
layers[].becomes text what it becomes in hardware
cycles_per_frame int of the streaming architecture by default
latency_cycles int of the same plan
""" + _CERTIFICATE,
    "bnnhw.compare/1": """
network text name of the network
executor text packages that executed the model
samples int number of samples
equal bool whether all tensors, score orders and labels are equal
first text|null first layer that differs
tensors[]?.layer text layer of the network
tensors[].tensor text tensor of the model
tensors[].values int number of values in all samples
tensors[].differing int values that differ by more than float rounding
tensors[].samples int samples with such a value
tensors[].first object|null sample, element, and both values of the first difference
outputs[]?.output text output of the network
outputs[].tensor text output of the model
outputs[].samples int number of samples
outputs[].same_order int|null samples whose scores have the same order
outputs[].same_label int|null samples with the same label
""",
    "bnnhw.samples/1": """
network text network
samples int number of samples
shape[] int shape of one sample
source text what the samples are
files[] text files that were written
""",
    "bnnhw.golden/1": """
samples int samples that were computed
level text level of the golden model
outputs.*[] int shape of an output, by its name
""",
    "bnnhw.simulate/1": """
engine text simulator
frames int samples that were simulated
mismatches int samples of which an output differs from the golden model
cycles int cycles that were simulated
planned_cycles? int cores that run jobs: cycles of the plan
cycles_per_frame? int|null cycles between the last two frames
planned_cycles_per_frame? int the same of the plan
latency_cycles? int first word in to last word out of the first frame
planned_latency_cycles? int the same of the plan
saturated_frames? int cores that run jobs: frames whose sums saturate
layers[]?.layer text cores that run jobs: layer
layers[].jobs int jobs of the layer
layers[].cycles int measured cycles
layers[].planned_cycles int planned cycles
layers[].utilisation number share of the core that works
seconds number time of the simulation
buffers[]?.unit text buffer, with --buffers
buffers[].depth int depth of the plan
buffers[].even int most words held while words arrive evenly
buffers[].rushed int most words held while words arrive as fast as they can
""" + _ACCURACY + _PREDICTIONS,
    "bnnhw.run/1": """
on text target
board text board
design text digest of the design on the board
clock_hz int clock of the accelerator
baud int bits per second on the line
frames int samples that ran
mismatches int samples of which an output differs from the golden model
first_mismatch text|null where the first one differs
cycles_per_frame number counted by the board
planned_cycles_per_frame int of the plan
latency_cycles int counted by the board
planned_latency_cycles int of the plan
round_trip_seconds number one sample there and its outputs back
link_seconds number part of a round trip outside the accelerator
compute_seconds number part of a round trip in the accelerator
frames_per_second number what the accelerator reaches
link_frames_per_second number what the line reaches
troubles[] text faults of the line that were mended by sending again
""" + _ACCURACY + _PREDICTIONS,
    "bnnhw.synth/2": """
device text device
command text command of Yosys
units[].unit text unit
units[].kind text kind
units[].lut int LUTs
units[].ff int flip-flops
units[].block_ram int block RAMs
units[].lut_per_lane number|null LUTs for each XNOR lane
units[].cells object cells by their type
total object the same of all units
pnr? object place and route, with --pnr
""",
    "bnnhw.cells/2": """
design text design
library object name, voltage and temperature of the library
gate_equivalent.cell text cell that counts as one gate equivalent
gate_equivalent.area_um2 number its area
yosys text version
buffered bool whether buffers are inserted
units[] object area of each unit
total object area of all units
products_per_frame int products of a weight and an input
cycles_per_frame int cycles between two frames
op_per_cycle number operations in each cycle
op_per_cycle_per_kge number the same for 1,000 gate equivalents
peak_op_per_cycle number largest number of operations in a cycle
peak_op_per_cycle_per_kge number the same for 1,000 gate equivalents
area_patches[] object areas that the LEF file corrects
fallbacks[] text cells that stand in for others
warnings[] text what to know
error? text what failed after the parts above were known
timing? object with --sta
gates? object with --gates
energy? object with --energy
proof? object with --prove
* object other facts of the flow
""",
    "bnnhw.report/2": """
network text network
arch text architecture
board text board
part text part
digest text digest of the design
clock_mhz number clock of the accelerator
fmax_mhz number highest clock that place and route reached
timing_met bool whether that is at least the clock
cycles_per_frame int cycles between two frames
latency_cycles int first word in to last word out
frames_per_second number at the clock
frames_per_second_at_fmax number at the highest clock
latency_us number at the clock, or at the highest clock if that is lower
baud int bits per second on the line
seed int seed of the placement that is kept
seeds.* number highest clock in MHz of each seed
utilisation.* object used and available, by resource
layers[] object estimate, synthesis and placement of each unit
critical_path object|null slowest path, with the time in each unit
bitstream text file
tools object versions
cached bool whether the bitstream is from the cache
seconds.* number time of each stage
* object other facts of the build
""",
    "bnnhw.flash/1": """
board text board
bitstream text file
persistent bool whether it is written to the flash
tool text programmer
installed bool whether the programmer was found
command[] text command
keeps text|null the part of the flash that is not overwritten
weights? object weights that are written to the flash
note text|null what to know about the board
done bool false with --dry-run
seconds number|null time
* object other facts of the programmer
""",
    "bnnhw.doctor/1": """
bnnhw text version
python object version, executable and whether it is new enough
tools[] object programs, with their version or how to install them
extras[] object optional parts of the package
warm[] object whether tools are compiled already
libraries[] object libraries of the system
usb[] object boards on USB
ports[] object serial ports
udev object rules for access without root
advice[] text what to do
missing text|null what 'bnnhw build' lacks
ok bool whether 'bnnhw build' can run
* object other facts about this machine
""",
    "bnnhw.list/1": """
what text what is listed
items[].name text name
items[].title text what it is
items[].weights? text designs: trained or random
items[].accuracy_percent? number|null designs: accuracy of the trained network
items[].part? text boards: part
items[].oscillator_mhz? number boards: oscillator
items[].clock_mhz? number boards: clock of the accelerator by default
items[].link? text boards: how the host is connected
items[].baud? int boards: bits per second on the line
items[].programmer? text boards: program that loads the bitstream
items[].builds[]?.network text boards: network that was built here
items[].builds[].folder text its folder
items[].builds[].clock_mhz number its clock
items[].builds[].fmax_mhz number the highest clock that it reaches
items[].builds[].frames_per_second number at its clock
""",
}
