# SPDX-License-Identifier: MIT
#
# The only makefile. ./labe calls it; `make` alone builds everything that boots. It is uniform by folder:
#
#   kernel/*.c kernel/arch/x86_64/*.[cS]  -> $B/x86_64/bin/kernel
#   kernel/*.c kernel/arch/host/*.c       -> $B/host/libkernel.a, test/unit/NAME.c -> $B/host/unit/NAME,
#                                            test/sim/*.c -> $B/host/sim (all with ASan and UBSan; SAN=0 without)
#   tool/NAME.c, tool/mkimage/*.c         -> $B/host/tool/NAME, a program for the build machine
#   lib/NAME/*.[cS]                       -> $B/x86_64/lib/libNAME.a, public headers in lib/NAME/include
#   server/NAME/*.[cS]                    -> $B/x86_64/bin/NAME (server/rm is installed as l4re)
#   example/DIR/NAME.c                    -> $B/x86_64/bin/NAME for each file with a main (main.c: bin/DIR); files
#                                            without belong to every program of the folder
#   test/qemu/NAME.c                      -> $B/x86_64/test/NAME, started by ned
#   test/root/NAME.c                      -> $B/x86_64/test/root-NAME, booted as root task, libl4 only; so is bench/*.c
#   $B/src/{musl,lua} (fetched), lib/c    -> $B/x86_64/musl/{include,lib}, $B/x86_64/lib/liblua.a
#
# A file that is new in a folder needs no edit here. $B/x86_64/rom/NAME is bin/NAME without debug information.
# Variables: B=build, CC, HOSTCC, DEBUG=1 (kernel checks), SAN=0, COVERAGE=1 (gcov), V=1 (shows commands), ARCH=x86_64.
ARCH   ?= x86_64
B      ?= build
CC     := $(if $(filter default,$(origin CC)),gcc,$(CC))
HOSTCC ?= gcc
SAN    ?= 1
q := $(if $(V),,@)
M := $B/$(ARCH)
O := $B/$(ARCH)$(if $(DEBUG),-debug)
H := $B/host$(if $(filter 0,$(SAN)),-fast)$(if $(COVERAGE),-coverage)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PRECIOUS: $O/obj/%.o $H/obj/%.o
MAKEFLAGS += -r

# $B/src/ready.mk stands for "musl and Lua are unpacked and verified": make fetches them first, then starts again.
no_sources := clean kernel boot host unit sim tools doc
include $(if $(filter-out $(no_sources),$(or $(MAKECMDGOALS),all)),$B/src/ready.mk)
$B/src/ready.mk: tool/sources
	$qtool/fetch.sh $B/src

# c_of FOLDER, o_of SOURCES: sources of a folder, objects of sources.
c_of = $(sort $(wildcard $(1:/=)/*.c $(1:/=)/*.S))
o_of = $(addprefix $2/obj/,$(addsuffix .o,$(basename $1)))
names_of = $(notdir $(patsubst %/,%,$(sort $(dir $(wildcard $1/*/*.c)))))
mkdir = @mkdir -p $(@D)$(if $(V),, && echo '  $(@:$B/%=%)')
# objects OBJECT-FOLDER,SOURCE-FOLDER,FLAGS-VARIABLE,FIRST: how objects of that folder are made, after FIRST was.
define object
$1/%.o: $2%.$5 | $4
	$$(mkdir)
	$q$$(CC) $$($3) -MMD -MP -c -o $$@ $$<
endef
objects = $(foreach e,c S,$(eval $(call object,$1,$2,$3,$4,$e)))

servers   := $(call names_of,server)
mains     := $(shell grep -lE '^(int|void) *main\b' /dev/null $(wildcard example/*/*.c))
example_of = $(patsubst %/main,%,$(basename $1))
examples  := $(notdir $(call example_of,$(mains)))
libs      := $(filter-out c,$(call names_of,lib))
tools     := $(patsubst tool/%.c,$H/tool/%,$(wildcard tool/*.c)) $H/tool/mkimage
units     := $(patsubst test/unit/%.c,$H/unit/%,$(wildcard test/unit/*.c))
qemutests := $(patsubst test/qemu/%.c,$O/test/%,$(wildcard test/qemu/*.c))
roottests := $(patsubst test/root/%.c,$O/test/root-%,$(wildcard test/root/*.c))
bin_of     = $O/bin/$(patsubst rm,l4re,$1)
programs  := $(foreach n,$(servers) $(examples),$(call bin_of,$n))

all: kernel boot programs tools rom bench
programs: $(programs)
tools: $(tools)
doc: $H/tool/ops; $q$< > doc/kernel-ops.md && tool/invariants.sh > doc/invariants.md
tests: $(qemutests) $(roottests)
kernel: $O/bin/kernel
.PHONY: all programs tools tests kernel boot rom host unit sim libs doc clean vars

# ---- kernel --------------------------------------------------------------------------------------------------------

warn  := -Wall -Wextra -Wshadow
kwarn := $(warn) -Wconversion -Werror
kinc   = -Iabi -Ikernel -Ikernel/arch -Ikernel/arch/$1
gcc    := $(if $(findstring clang,$(CC)),,-flto=auto -falign-functions=4 $(addprefix -fno-align-,jumps loops labels))
kernel_flags := -std=gnu11 -O2 -g -ffreestanding -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
    -fno-stack-protector -fcf-protection=none -fno-strict-aliasing -fno-asynchronous-unwind-tables \
    -fno-jump-tables $(kwarn) $(call kinc,$(ARCH)) -I$O/gen $(if $(DEBUG),-DDEBUG) $(gcc)
# Short rather than quick: what runs at boot, and objects that are not in a hurry. Quick: what makes and maps.
small := $(patsubst %,arch/$(ARCH)/%,acpi ap barriers boot fpu irqchip isolation protection speculation timer) \
    frame guest icu iospace irq kumem limbo main platform preempt sem smp task timeout trampoline vcon vcpu
$(small:%=$O/obj/kernel/%.o): kernel_flags += -Os $(if $(gcc),-fno-ipa-cp)
inline = $(if $(gcc),--param=max-inline-insns-auto=$1 -fno-reorder-blocks-and-partition)
$(patsubst %,$O/obj/kernel/%.o,map mapdb msg): kernel_flags += $(call inline,25)
$(patsubst %,$O/obj/kernel/%.o,cap factory gate kobj thread): kernel_flags += $(call inline,60)
# On the short message path the registers that a system call preserves stay the user's (arch_fast.h): gcc only.
one_file := fastpath.o fastpath_none.o arch/$(ARCH)/string.o arch/$(ARCH)/uart.o
$(one_file:%=$O/obj/kernel/%): kernel_flags += $(if $(gcc),-fno-lto $(addprefix -ffixed-,rbx rbp r12 r13 r14 r15))
kernel_dir := kernel/arch/$(ARCH)
# An option is a pair of files of which one is left out: FASTPATH=none, ISOLATION=none, BARRIERS=none.
gone        = $(if $(filter none,$($1)),%/$2.c %/$2_entry.S,%/$2_none.c)
neutral    := $(filter-out $(call gone,FASTPATH,fastpath),$(call c_of,kernel))
special    := $(filter-out %/offsets.c $(call gone,ISOLATION,isolation),$(call c_of,$(kernel_dir)))
kernel_src := $(neutral) $(filter-out $(call gone,BARRIERS,barriers),$(special))
kernel_obj := $(call o_of,$(kernel_src),$O)
offsets    := $(patsubst $(kernel_dir)/offsets.c,$O/gen/offsets.h,$(wildcard $(kernel_dir)/offsets.c))

$O/bin/kernel: $(kernel_obj) $(kernel_dir)/kernel.ld
	$(mkdir)
	$q$(CC) $(kernel_flags) -static -nostdlib -Wl,-T,$(kernel_dir)/kernel.ld -Wl,-z,max-page-size=4096,-z,noexecstack \
	    -Wl,--build-id=none,--no-warn-rwx-segments -o $@ $(kernel_obj)

$(call objects,$O/obj/kernel,kernel/,kernel_flags,$(offsets))
# Asm lines "#def NAME value" of offsets.c become "#define NAME value" for the assembler.
$O/gen/offsets.h: $(kernel_dir)/offsets.c
	$(mkdir)
	$q$(CC) $(kernel_flags) -fno-lto -MMD -MP -MT $@ -MF $(@:.h=.d) -S -o $(@:.h=.s) $<
	$qsed -n 's/^[[:space:]]*#def \([A-Za-z0-9_]*\) \$$*/#define \1 /p' $(@:.h=.s) > $@

# ---- the kernel as a host process: units and simulation ------------------------------------------------------------

san := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
san := $(if $(filter 0,$(SAN)),-O2 -flto=auto,$(san))
san := $(if $(COVERAGE),-O0 --coverage -fprofile-update=atomic -u __gcov_dump,$(san))
host_flags := -std=gnu11 -g $(san) -fno-strict-aliasing $(kwarn) $(call kinc,host) -Itest \
    $(patsubst %,-I%,$(wildcard lib/*/include)) -DDEBUG
host_obj   := $(call o_of,$(neutral) $(call c_of,kernel/arch/host),$H)
sim_obj    := $(call o_of,$(call c_of,test/sim),$H)
host: $H/libkernel.a
unit: $(units)
sim: $H/sim
$H/libkernel.a: $(host_obj)
	$qrm -f $@
	$q$(AR) rcs $@ $^
$H/obj/%.o: %.c
	$(mkdir)
	$q$(HOSTCC) $(host_flags) -MMD -MP -c -o $@ $<
$H/sim: $(sim_obj) $(host_obj)
	$q$(HOSTCC) $(san) -o $@ $^
$H/unit/%: $H/obj/test/unit/%.o $H/libkernel.a
	$(mkdir)
	$q$(HOSTCC) $(san) -o $@ $< $H/libkernel.a
$H/tool/%: tool/%.c
	$(mkdir)
	$q$(HOSTCC) -std=gnu11 -O2 -g $(warn) -Werror -Iabi -MMD -MP -o $@ $<
$H/tool/mkimage: $(wildcard tool/mkimage/*.[ch]) boot/image.h
	$(mkdir)
	$q$(HOSTCC) -std=gnu11 -O2 -g $(warn) -Werror -o $@ $(filter tool/%.c,$^)

# ---- boot stage ----------------------------------------------------------------------------------------------------

# 64-bit code in a 32-bit ELF file, because multiboot loaders want that. Small: -Os, no debug information.
boot_flags := -std=gnu11 -Os -g -m64 -ffreestanding -fpie -mno-red-zone -mgeneral-regs-only -fno-stack-protector \
    -fcf-protection=none -fno-strict-aliasing -fno-asynchronous-unwind-tables $(kwarn) -Iabi
boot_obj   := $(call o_of,$(call c_of,boot),$O)
boot: $O/bin/boot
$(call objects,$O/obj/boot,boot/,boot_flags)
$O/bin/boot: $(boot_obj) boot/boot.ld
	$(mkdir)
	$q$(CC) -static -nostdlib -Wl,-T,boot/boot.ld -Wl,-z,max-page-size=4096,-z,noexecstack \
	    -Wl,--build-id=none,--no-warn-rwx-segments -o $@.elf64 $(boot_obj)
	$qobjcopy -O elf32-i386 --strip-all $@.elf64 $@
# ---- musl and Lua: untouched sources, our layer beneath ------------------------------------------------------------
# lib/c/arch comes before musl's own include folders; lib/c/musl/DIR/NAME.[cS] replaces musl's src/DIR/NAME (the
# architecture's version, too); lib/c/*.[cS] is added to libc.a.

musl      := $B/src/musl
musl_gen  := $M/musl/gen
musl_inc  := $M/musl/include
musl_hdr  := $(musl_inc)/.stamp
musl_flags := -std=c99 -Os -g -nostdinc -ffreestanding -fno-pic -fno-pie -fexcess-precision=standard -frounding-math \
    -fno-strict-aliasing -fno-stack-protector -fomit-frame-pointer -fno-asynchronous-unwind-tables \
    -ffunction-sections -fdata-sections -w -D_XOPEN_SOURCE=700 -Ilib/c/arch -I$(musl)/arch/$(ARCH) \
    -I$(musl)/arch/generic -I$(musl_gen)/src/internal -I$(musl)/src/include -I$(musl)/src/internal -I$(musl_inc)
musl_all  := $(wildcard $(musl)/src/*/*.c $(musl)/src/malloc/mallocng/*.c)
musl_own  := $(wildcard $(musl)/src/*/$(ARCH)/*.[csS])
musl_ours := $(wildcard lib/c/musl/*/*.[cS])
musl_key   = $(subst /$(ARCH)/,/,$(basename $(patsubst $(musl)/src/%,%,$(patsubst lib/c/musl/%,%,$1))))
musl_own  := $(foreach f,$(musl_own),$(if $(filter $(call musl_key,$f),$(call musl_key,$(musl_ours))),,$f))
musl_gone := $(call musl_key,$(musl_own)) $(call musl_key,$(musl_ours))
musl_base := $(filter-out $(addprefix $(musl)/src/,$(addsuffix .c,$(musl_gone))),$(musl_all))
musl_obj  := $(patsubst $(musl)/%,$M/musl/obj/%.o,$(basename $(musl_base) $(musl_own)))
c_src     := $(musl_ours) $(call c_of,lib/c)
c_obj     := $(call o_of,$(c_src),$M)
libc      := $M/musl/lib/libc.a
crt       := $M/musl/lib/crt1.o

$(musl_hdr): $B/src/ready.mk
	$qmkdir -p $(musl_inc)/bits $(musl_gen)/src/internal
	$qcp -R $(musl)/include/* $(musl_inc)
	$qfor d in generic $(ARCH); do cp $(musl)/arch/$$d/bits/*.h $(musl_inc)/bits || exit 1; done
	$qsed -f $(musl)/tools/mkalltypes.sed $(musl)/arch/$(ARCH)/bits/alltypes.h.in $(musl)/include/alltypes.h.in \
	    > $(musl_inc)/bits/alltypes.h
	$qcp $(musl)/arch/$(ARCH)/bits/syscall.h.in $(musl_inc)/bits/syscall.h
	$qsed -n -e s/__NR_/SYS_/p $(musl)/arch/$(ARCH)/bits/syscall.h.in >> $(musl_inc)/bits/syscall.h
	$qprintf '#define VERSION "%s"\n' "$$(cat $(musl)/VERSION)" > $(musl_gen)/src/internal/version.h && touch $@
$M/musl/obj/%.o: $(musl)/%.c | $(musl_hdr)
	@mkdir -p $(@D)
	$q$(CC) $(musl_flags) -MMD -MP -c -o $@ $<
$M/musl/obj/%.o: $(musl)/%.s | $(musl_hdr)
	@mkdir -p $(@D)
	$q$(CC) $(musl_flags) -c -o $@ $<
ours_flags = $(musl_flags) -Iabi -Ilib/l4/include -Ilib/l4re/include -Ilib/c/include
$(call objects,$M/obj/lib/c/musl,lib/c/musl/,ours_flags,$(musl_hdr))
$(libc): $(musl_obj) $(c_obj)
	$(mkdir)
	$qrm -f $@
	$(file >$M/musl/objects,$^)
	$q$(AR) rcs $@ @$M/musl/objects
$(crt): $(musl)/crt/crt1.c | $(musl_hdr)
	$(mkdir)
	$q$(CC) $(musl_flags) -MMD -MP -c -o $@ $<
lua       := $B/src/lua/src
lua_obj   := $(patsubst $(lua)/%.c,$M/obj/lua/%.o,$(filter-out %/lua.c %/luac.c,$(wildcard $(lua)/*.c)))
$M/obj/lua/%.o: $(lua)/%.c | $(musl_hdr)
	@mkdir -p $(@D)
	$q$(CC) $(user_flags) -w -MMD -MP -c -o $@ $<
$M/lib/liblua.a: $(lua_obj)
	$(mkdir)
	$qrm -f $@
	$q$(AR) rcs $@ $^

# ---- libraries and programs ----------------------------------------------------------------------------------------

user_inc   := -Iabi $(patsubst %,-I%,$(wildcard lib/*/include)) -I$(lua) -Itest
user_flags := -std=gnu11 -O2 -g -fno-pic -fno-pie -fno-stack-protector -fcf-protection=none -fno-strict-aliasing \
    -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections $(warn) $(user_inc) \
    -nostdinc -isystem $(musl_inc) -isystem $(shell $(CC) -print-file-name=include)
own_flags  := $(user_flags) -Werror
$(call objects,$O/obj,,own_flags,$(musl_hdr))
$(foreach f,$(wildcard server/*/*.S),$(eval $(call o_of,$f,$O): $(wildcard $(dir $f)*.lua))) # by .incbin

define library
$O/lib/lib$1.a: $(call o_of,$(call c_of,lib/$1),$O)
	$$(mkdir)
	$qrm -f $$@
	$q$$(AR) rcs $$@ $$^
endef
$(foreach n,$(libs),$(eval $(call library,$n)))
libs: $(foreach n,$(libs),$O/lib/lib$n.a) $(libc)

# Per program: link address (physical = virtual for sigma0 and moe) and what it is linked with. "c" is musl; a program
# of the default kind starts at musl's crt1.
app_libs    := l4re l4 c
addr_sigma0 := 0x1000000
libs_sigma0 := l4
addr_moe    := 0x1400000
libs_moe    := loader line region l4re l4 c
addr_rm     := 0x70000000
libs_rm     := loader region l4re l4 c
libs_ned    := lua loader edit l4re l4 c
libs_ned-prompt := edit l4re l4 c
libs_cons   := line l4re l4 c
own_start   := sigma0 moe rm
addr_app    := 0x400000
addr_root   := 0x4000000
archive    = $(if $(filter c,$1),$(libc),$(if $(filter lua,$1),$M/lib/liblua.a,$O/lib/lib$1.a))
archives   = $(foreach l,$1,$(call archive,$l))
libs_for   = $(or $(libs_$1),$(app_libs))
start_for  = $(if $(filter $1,$(own_start)),$(wildcard server/$1/*.ld),$(crt))
libgcc    := $(shell $(CC) -print-libgcc-file-name)
user_link := -static -nostdlib -Wl,--gc-sections,--build-id=none,-z,noexecstack,-z,max-page-size=4096
# link ADDRESS: the objects and archives among the prerequisites; a linker script (server/NAME/*.ld) replaces ADDRESS.
link = $(CC) $(user_link) $(or $(patsubst %,-T %,$(filter %.ld,$^)),-Wl$(comma)-Ttext-segment=$1) -o $@ \
    $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) $(libgcc) -Wl,--end-group
comma := ,
# program NAME,SOURCES
define program
$(call bin_of,$1): $(call o_of,$2,$O) $(call archives,$(call libs_for,$1)) $(call start_for,$1)
	$$(mkdir)
	$q$$(call link,$(or $(addr_$1),$(addr_app)))
endef
$(foreach n,$(servers),$(eval $(call program,$n,$(call c_of,server/$n))))
other_c = $(filter-out $(mains),$(call c_of,$(dir $1)))
$(foreach f,$(mains),$(eval $(call program,$(notdir $(call example_of,$f)),$f $(call other_c,$f))))

$O/test/root-%: $O/obj/test/root/%.o $O/lib/libl4.a
	$(mkdir)
	$q$(call link,$(addr_root))
# These use no FPU registers: no switch to them has to move any.
$O/obj/bench/%.o $O/obj/lib/l4/%.o $O/obj/lib/l4re/%.o $O/obj/server/sigma0/%.o: own_flags += -mgeneral-regs-only
$O/bin/bench: $(call o_of,$(wildcard bench/*.c),$O) $O/lib/libl4.a
	$(mkdir)
	$q$(call link,$(addr_root))
$H/bench/trace-%.so: bench/trace/plugin.c
	$(mkdir)
	$q$(HOSTCC) -std=gnu11 -O2 $(warn) -Werror -fPIC -shared -DAPI_VERSION=$* -o $@ $<
bench: $O/bin/bench $O/rom/bench $(foreach v,1 2,$H/bench/trace-$v.so)
$O/test/%: $O/obj/test/qemu/%.o $(call archives,$(app_libs)) $(crt)
	$(mkdir)
	$q$(call link,$(addr_app))

$O/rom/%: $O/bin/%
	$(mkdir)
	$qobjcopy --strip-all $< $@
rom: $(patsubst $O/bin/%,$O/rom/%,$(programs) $O/bin/kernel)

# What ./labe needs to build a folder outside the tree, or a changed kernel file (tool/mutants.pl), in the same way.
vars:
	@printf '%s\n' "O='$O'" "H='$H'" "CC='$(CC)'" "user_flags='$(user_flags)'" "user_link='$(user_link)'" \
	    "programs='$(notdir $(programs))'" "addr_app='$(addr_app)'" "crt='$(crt)'" "libgcc='$(libgcc)'" \
	    "archives='$(call archives,$(app_libs))'" "HOSTCC='$(HOSTCC)'" "san='$(san)'" "host_flags='$(host_flags)'"

clean:
	$qrm -rf $B

-include $(shell find $O $H $M/musl -name '*.d' 2>/dev/null)
