"""The run parameters of GROMACS 2022: names, kinds and defaults.

From what grompp 2022.5 writes with ``-po`` with everything switched on, and from what it says of values that are none.
"""

from dataclasses import dataclass

# A line: name, kind, and the default; of a choice all values, the default first. # stands for a number.
_TABLE = """
include text
define text
integrator choice md steep cg bd nm l-bfgs tpi tpic sd md-vv md-vv-avek mimic
tinit real 0
dt real 0.001
nsteps int 0
init-step int 0
simulation-part int 1
mts flag no
comm-mode choice Linear Angular None Linear-acceleration-correction
nstcomm int 100
comm-grps text
bd-fric real 0
ld-seed int -1
emtol real 10
emstep real 0.01
niter int 20
fcstep real 0
nstcgsteep int 1000
nbfgscorr int 10
rtpi real 0.05
nstxout int 0
nstvout int 0
nstfout int 0
nstlog int 1000
nstcalcenergy int 100
nstenergy int 1000
nstxout-compressed int 0
compressed-x-precision real 1000
compressed-x-grps text
energygrps text
cutoff-scheme choice Verlet Group
nstlist int 10
pbc choice xyz no xy screw
periodic-molecules flag no
verlet-buffer-tolerance real 0.005
rlist real 1
coulombtype choice Cut-off Reaction-Field PME Ewald P3M-AD Poisson Switch Shift User PME-User PME-Switch PME-User-Switch Reaction-Field-zero
coulomb-modifier choice Potential-shift-Verlet Potential-shift None Potential-switch Exact-cutoff Force-switch
rcoulomb-switch real 0
rcoulomb real 1
epsilon-r real 1
epsilon-rf real 0
vdw-type choice Cut-off Switch Shift User PME
vdw-modifier choice Potential-shift-Verlet Potential-shift None Potential-switch Exact-cutoff Force-switch
rvdw-switch real 0
rvdw real 1
DispCorr choice No EnerPres Ener AllEnerPres AllEner
table-extension real 1
energygrp-table text
fourierspacing real 0.12
fourier-nx int 0
fourier-ny int 0
fourier-nz int 0
pme-order int 4
ewald-rtol real 1e-05
ewald-rtol-lj real 0.001
lj-pme-comb-rule choice Geometric Lorentz-Berthelot
ewald-geometry choice 3d 3dc
epsilon-surface real 0
implicit-solvent choice no
tcoupl choice No Berendsen Nose-Hoover yes Andersen Andersen-massive V-rescale
nsttcouple int -1
nh-chain-length int 10
print-nose-hoover-chain-variables flag no
tc-grps text
tau-t reals
ref-t reals
pcoupl choice No Berendsen Parrinello-Rahman Isotropic MTTK C-rescale
pcoupltype choice Isotropic Semiisotropic Anisotropic Surface-Tension
nstpcouple int -1
tau-p real 1
compressibility reals
ref-p reals
refcoord-scaling choice No All COM
QMMM flag no
QMMM-grps text
annealing text
annealing-npoints text
annealing-time reals
annealing-temp reals
gen-vel flag no
gen-temp real 300
gen-seed int -1
constraints choice none h-bonds all-bonds h-angles all-angles
constraint-algorithm choice Lincs Shake
continuation flag no
Shake-SOR flag no
shake-tol real 0.0001
lincs-order int 4
lincs-iter int 1
lincs-warnangle real 30
morse flag no
energygrp-excl text
nwall int 0
wall-type choice 9-3 10-4 table 12-6
wall-r-linpot real -1
wall-atomtype text
wall-density reals
wall-ewald-zfac real 3
pull flag no
awh flag no
rotation flag no
IMD-group text
disre choice No Simple Ensemble
disre-weighting choice Conservative Equal
disre-mixed flag no
disre-fc real 1000
disre-tau real 0
nstdisreout int 100
orire flag no
orire-fc real 0
orire-tau real 0
orire-fitgrp text
nstorireout int 100
free-energy choice no yes static slow-growth expanded
couple-moltype text
couple-lambda0 choice vdw-q vdw q none
couple-lambda1 choice vdw-q vdw q none
couple-intramol flag no
init-lambda real -1
init-lambda-state int -1
delta-lambda real 0
nstdhdl int 50
fep-lambdas reals
mass-lambdas reals
coul-lambdas reals
vdw-lambdas reals
bonded-lambdas reals
restraint-lambdas reals
temperature-lambdas reals
calc-lambda-neighbors int 1
init-lambda-weights reals
dhdl-print-energy choice no total potential yes
sc-function choice beutler gapsys
sc-alpha real 0
sc-power int 1
sc-r-power real 6
sc-sigma real 0.3
sc-coul flag no
sc-gapsys-scale-linpoint-lj real 0.85
sc-gapsys-scale-linpoint-q real 0.3
sc-gapsys-sigma-lj real 0.3
separate-dhdl-file flag yes
dhdl-derivatives flag yes
dh_hist_size int 0
dh_hist_spacing real 0.1
acc-grps text
accelerate reals
freezegrps text
freezedim text
cos-acceleration real 0
deform reals
simulated-tempering flag no
simulated-tempering-scaling choice geometric exponential linear
sim-temp-low real 300
sim-temp-high real 300
swapcoords choice no X Y Z
adress choice no
user1-grps text
user2-grps text
userint1 int 0
userint2 int 0
userint3 int 0
userint4 int 0
userreal1 real 0
userreal2 real 0
userreal3 real 0
userreal4 real 0
electric-field-x reals 0 0 0 0
electric-field-y reals 0 0 0 0
electric-field-z reals 0 0 0 0
density-guided-simulation-active switch no
qmmm-cp2k-active switch no
mts-levels int 2
mts-level#-forces text longrange-nonbonded
mts-level#-factor int 2
pull-cylinder-r real 1.5
pull-constr-tol real 1e-06
pull-print-com flag no
pull-print-ref-value flag no
pull-print-components flag no
pull-nstxout int 50
pull-nstfout int 50
pull-pbc-ref-prev-step-com flag no
pull-xout-average flag no
pull-fout-average flag no
pull-ngroups int 1
pull-ncoords int 1
pull-group#-name text
pull-group#-weights reals
pull-group#-pbcatom int 0
pull-coord#-type choice umbrella constraint constant-force flat-bottom flat-bottom-high external-potential
pull-coord#-potential-provider text
pull-coord#-expression text
pull-coord#-dx real 1e-09
pull-coord#-geometry choice distance direction cylinder direction-periodic direction-relative angle dihedral angle-axis transformation
pull-coord#-groups text
pull-coord#-dim text Y Y Y
pull-coord#-origin reals 0.0 0.0 0.0
pull-coord#-vec reals 0.0 0.0 0.0
pull-coord#-start flag no
pull-coord#-init real 0
pull-coord#-rate real 0
pull-coord#-k real 0
pull-coord#-kB real 0
awh-potential choice convolved umbrella
awh-seed int -1
awh-nstout int 100000
awh-nstsample int 10
awh-nsamples-update int 10
awh-share-multisim flag no
awh-nbias int 1
awh#-error-init real 10
awh#-growth choice exp-linear linear
awh#-equilibrate-histogram flag no
awh#-target choice constant cutoff boltzmann local-boltzmann
awh#-target-beta-scaling real 0
awh#-target-cutoff real 0
awh#-user-data flag no
awh#-share-group int 0
awh#-ndim int 1
awh#-dim#-coord-provider choice pull fep-lambda
awh#-dim#-coord-index int 1
awh#-dim#-start real 0
awh#-dim#-end real 0
awh#-dim#-force-constant real 0
awh#-dim#-diffusion real 0
awh#-dim#-cover-diameter real 0
rot-nstrout int 100
rot-nstsout int 1000
rot-ngroups int 1
rot-group# text
rot-type# choice iso iso-pf pm pm-pf rm rm-pf rm2 rm2-pf flex flex-t flex2 flex2-t
rot-massw# flag no
rot-vec# reals 1.0 0.0 0.0
rot-pivot# reals 0.0 0.0 0.0
rot-rate# real 0
rot-k# real 0
rot-slab-dist# real 1.5
rot-min-gauss# real 0.001
rot-eps# real 0.0001
rot-fit-method# choice rmsd norm potential
rot-potfit-nsteps# int 21
rot-potfit-step# real 0.25
nstexpanded int -1
lmc-stats choice no metropolis-transition barker-transition minvar wang-landau weighted-wang-landau
lmc-move choice no metropolis barker gibbs metropolized-gibbs
lmc-weights-equil choice no yes wl-delta number-all-lambda number-steps number-samples count-ratio
weight-equil-number-all-lambda int -1
weight-equil-number-samples int -1
weight-equil-number-steps int -1
weight-equil-wl-delta real -1
weight-equil-count-ratio real -1
lmc-seed int -1
mc-temperature real -1
lmc-repeats int 1
lmc-gibbsdelta int -1
lmc-forced-nstart int 0
symmetrized-transition-matrix flag no
nst-transition-matrix int -1
mininum-var-min int 100
weight-c-range int 0
wl-scale real 0.8
wl-ratio real 0.8
init-wl-delta real 1
wl-oneovert flag no
swap-frequency int 1
iontypes int 1
split-group0 text
split-group1 text
massw-split0 flag no
massw-split1 flag no
solvent-group text
cyl0-r real 2
cyl0-up real 1
cyl0-down real 1
cyl1-r real 2
cyl1-up real 1
cyl1-down real 1
coupl-steps int 10
iontype#-name text
iontype#-in-A int -1
iontype#-in-B int -1
bulk-offsetA real 0
bulk-offsetB real 0
threshold real 1
density-guided-simulation-group text protein
density-guided-simulation-similarity-measure text inner-product
density-guided-simulation-atom-spreading-weight text unity
density-guided-simulation-force-constant real 1e+09
density-guided-simulation-gaussian-transform-spreading-width real 0.2
density-guided-simulation-gaussian-transform-spreading-range-in-multiples-of-width real 4
density-guided-simulation-reference-density-filename text reference.mrc
density-guided-simulation-nst int 1
density-guided-simulation-normalize-densities switch yes
density-guided-simulation-adaptive-force-scaling switch no
density-guided-simulation-adaptive-force-scaling-time-constant real 4
qmmm-cp2k-qmgroup text System
qmmm-cp2k-qmmethod text PBE
qmmm-cp2k-qmcharge int 0
qmmm-cp2k-qmmultiplicity int 1
qmmm-cp2k-qmfilenames text
"""  # noqa: E501
# Names that GROMACS still takes for others, and those that it passes over.
RENAMED = {
    "unconstrained-start": "continuation",
    "foreign-lambda": "fep-lambdas",
    "verlet-buffer-drift": "verlet-buffer-tolerance",
    "nstxtcout": "nstxout-compressed",
    "xtc-grps": "compressed-x-grps",
    "xtc-precision": "compressed-x-precision",
    "pull-print-com1": "pull-print-com",
}
OBSOLETE = frozenset({
    "title", "cpp", "domain-decomposition", "andersen-seed", "dihre", "dihre-fc", "dihre-tau", "nstdihreout",
    "nstcheckpoint", "optimize-fft", "adress-type", "adress-const-wf", "adress-ex-width", "adress-hy-width",
    "adress-ex-forcecap", "adress-interface-correction", "adress-site", "adress-reference-coords",
    "adress-tf-grp-names", "adress-cg-grp-names", "adress-do-hybridpairs", "rlistlong", "nstcalclr",
    "pull-print-com2", "gb-algorithm", "nstgbradii", "rgbradii", "gb-epsilon-solvent", "gb-saltconc",
    "gb-obc-alpha", "gb-obc-beta", "gb-obc-gamma", "gb-dielectric-offset", "sa-algorithm", "sa-surface-tension",
    "ns-type",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Option:
    """A run parameter.

    Parameters
    ----------
    name : str
        As GROMACS writes it; ``#`` stands for a number.
    kind : str
        ``text``, ``int``, ``real``, ``reals``, ``choice``; ``flag`` for yes and no; ``switch`` for true and false too.
    default : str
        What it is when it is not given.
    choices : tuple of str
        All values of a choice.
    """

    name: str
    kind: str
    default: str
    choices: tuple[str, ...] = ()


def _option(line: str) -> Option:
    name, kind, *values = line.split()
    if kind == "choice":
        return Option(name, kind, values[0], tuple(values))
    return Option(name, kind, " ".join(values))


OPTIONS: dict[str, Option] = {option.name: option for option in map(_option, _TABLE.strip().splitlines())}
