#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# read.pl TRACE KERNEL BENCH WEIGHTS LOG [NAME]: what the rounds in TRACE (bench/trace/plugin.c) were made of. LOG is
# the serial output of the same run, which names the rows. Without NAME one line per row:
#
#     NAME INSTRUCTIONS WEIGHTED ENTRIES CR3 CR0 MSR IRET TLB LINES
#
#   ENTRIES  times the kernel was entered          CR3, CR0, MSR  writes to them
#   IRET     returns by iret                       TLB            flushes: writes to CR3 (there are no PCIDs), invlpg
#   LINES    distinct 64-byte lines that kernel instructions read or wrote, from the first entry to the first return
#            to user mode: one way of a message (UTCBs included, page tables and descriptors that the CPU reads not)
#
# With NAME: the path of that row, each stay in the kernel and outside apart: INSTRUCTIONS WEIGHTED FUNCTION (inlined
# functions count as functions; reading the clock twice belongs to "user"). Then the data lines of the first stay.
use strict;
use warnings;

$SIG{__DIE__} = sub { print STDERR @_; exit 1 };
@ARGV == 5 || @ARGV == 6 or die "usage: read.pl TRACE KERNEL BENCH WEIGHTS LOG [NAME]\n";
my ($trace, $kernel, $bench, $weights, $log, $wanted) = @ARGV;

sub lines_of {
    my ($file) = @_;
    open my $f, '<', $file or die "read.pl: $file: $!\n";
    chomp(my @lines = <$f>);
    return @lines;
}

# ---- the names of the rows, the weights, the two programs ----

my @names = map { /^bench (\S+)\s+\d/ ? $1 : () } lines_of($log);
my @weights;
for (lines_of($weights)) {
    next if /^\s*(#|$)/;
    my ($mnemonic, $operands, $weight, $source) = split;
    defined $source && $weight =~ /^\d+$/ or die "read.pl: $weights: not a line of four words: $_\n";
    push @weights, [qr/^$mnemonic$/, qr/^$operands$/, $weight];
}

my (%mnemonic, %operands);
for my $file ($kernel, $bench) {
    open my $dump, '-|', 'objdump', '-d', '--no-show-raw-insn', $file or die "read.pl: objdump: $!\n";
    while (<$dump>) {
        my ($address, $text) = /^\s*([0-9a-f]+):\s+(.*?)\s*(?:[#<].*)?$/ or next;
        $text =~ s/^(?:(?:rep|repz|repnz|lock|data16|cs|gs|rex\.W)\s+)+(?=[a-z])//;
        ($mnemonic{$address}, $operands{$address}) = split ' ', $text, 2;
        $operands{$address} = '' unless defined $operands{$address};
    }
    close $dump or die "read.pl: objdump of $file failed\n";
}

my %weight_of;
sub weight {
    my ($mnemonic, $operands) = @_;
    return $weight_of{"$mnemonic $operands"} //= do {
        my $w = 1;
        for (@weights) {
            if ($mnemonic =~ $_->[0] && $operands =~ $_->[1]) { $w = $_->[2]; last }
        }
        $w;
    };
}

# ---- the trace ----

my @rows;
{
    my $row;
    for (lines_of($trace)) {
        if (/^row (\d+)/) { $row = { rounds => $1, insns => [] } }
        elsif ($_ eq 'end') { push @rows, $row; $row = undef }
        elsif ($row) { push @{ $row->{insns} }, $_ }
    }
}
@rows == @names or die 'read.pl: ' . @rows . ' rows in the trace, ' . @names . " in the log\n";

sub in_kernel { return length $_[0] == 16 && $_[0] =~ /^f/ ? 1 : 0 }

# The address of the 64 bytes that an address lies in. (All addresses have at least two digits.)
sub line_of { return substr($_[0], 0, -2) . sprintf '%02x', hex(substr $_[0], -2) & 0xc0 }

# Reading the clock costs what is beyond 1,000 instructions in the row of 1,000 nops; its instructions are the first
# ones of a round and the last two.
my $clock = 0;
for my $i (0 .. $#names) {
    $clock = @{ $rows[$i]{insns} } - 1000 if $names[$i] eq 'calibration-1000-nops';
}
$clock >= 2 or die "read.pl: no row calibration-1000-nops\n";

sub count {
    my ($row) = @_;
    my %n = (insns => 0, weighted => 0, entries => 0, cr3 => 0, cr0 => 0, msr => 0, iret => 0, tlb => 0, left => 0);
    my ($was_kernel, $previous, %lines) = (0, '');
    for (@{ $row->{insns} }) {
        my ($address, @data) = split;
        my ($m, $o) = ($mnemonic{$address}, $operands{$address});
        defined $m or die "read.pl: no instruction at $address in the programs: other than those that ran?\n";
        my $kernel = in_kernel($address);
        $n{insns}++;
        $n{weighted} += weight($m, $o);
        if ($kernel && !$was_kernel) {
            $n{entries}++;
            $n{weighted} += weight('entry', '') if $previous ne 'syscall';
        }
        $n{left} = 1 if !$kernel && $was_kernel;
        if ($kernel) {
            $n{cr3}++ if $m eq 'mov' && $o =~ /,%cr3$/;
            $n{cr0}++ if $m eq 'clts' || ($m eq 'mov' && $o =~ /,%cr0$/);
            $n{msr}++ if $m eq 'wrmsr';
            $n{iret}++ if $m =~ /^iret/;
            $n{tlb}++ if ($m eq 'mov' && $o =~ /,%cr3$/) || $m =~ /^inv(lpg|pcid)/;
            if (!$n{left}) {
                $lines{ line_of(substr $_, 1) } = 1 for @data;
            }
        }
        ($was_kernel, $previous) = ($kernel, $m);
    }
    $n{insns} -= $clock;
    $n{weighted} -= $clock;
    $n{lines} = keys %lines;
    return \%n;
}

if (!defined $wanted) {
    for my $i (0 .. $#rows) {
        next if !@{ $rows[$i]{insns} };    # a row of values, not of rounds
        my $n = count($rows[$i]);
        print join(' ', $names[$i], @$n{qw(insns weighted entries cr3 cr0 msr iret tlb lines)}), "\n";
    }
    exit 0;
}

# ---- the steps of one row ----

my ($index) = grep { $names[$_] eq $wanted } 0 .. $#names;
defined $index or die "read.pl: no row $wanted\n";
my @insns = @{ $rows[$index]{insns} };
my @addresses = map { (split)[0] } @insns;

# Functions an instruction belongs to, the innermost inlined one first.
my %chain;
{
    my %kernel_addresses = map { $_ => 1 } grep { in_kernel($_) } @addresses;
    my @list = sort keys %kernel_addresses;
    my $at;
    open my $f, '-|', 'addr2line', '-a', '-i', '-f', '-e', $kernel, @list or die "read.pl: addr2line: $!\n";
    while (<$f>) {
        chomp;
        if (/^0x([0-9a-f]+)$/) { $at = $1; next }
        push @{ $chain{$at} }, $_;
        <$f>;
    }
    close $f;
}

# Stays in the kernel and outside; in each, what a function did in all. Functions of one or two instructions count as
# their callers.
my (@stays, $previous);
for (0 .. $#addresses) {
    my $address = $addresses[$_];
    push @stays, { kernel => in_kernel($address), at => [] }
        if !@stays || in_kernel($address) != $stays[-1]{kernel};
    push @{ $stays[-1]{at} }, $_;
}
my %name_at;
for my $stay (@stays) {
    my %depth = map { $_ => 0 } map { $addresses[$_] } @{ $stay->{at} };
    for (1 .. 3) {
        my %total;
        last unless $stay->{kernel};
        $total{ $chain{$_}[ $depth{$_} ] }++ for map { $addresses[$_] } @{ $stay->{at} };
        for (grep { $stay->{kernel} } keys %depth) {
            my $functions = $chain{$_} or next;
            $depth{$_}++ if $total{ $functions->[ $depth{$_} ] } <= 2 && $depth{$_} < $#$functions;
        }
    }
    my (@order, %insns, %weighted);
    for my $i (@{ $stay->{at} }) {
        my $address = $addresses[$i];
        my $name = $stay->{kernel} ? $chain{$address}[ $depth{$address} ] : 'user';
        push @order, $name unless $insns{$name};
        $insns{$name}++;
        $weighted{$name} += weight($mnemonic{$address}, $operands{$address});
        $weighted{$name} += weight('entry', '')
            if $stay->{kernel} && $i == $stay->{at}[0] && ($previous // 'syscall') ne 'syscall';
        $previous = $mnemonic{$address};
        $name_at{$i} = $name;
    }
    printf "%6d %9d  %s\n", $insns{$_}, $weighted{$_}, $_ for @order;
    print "\n";
}

# The data of the first stay in the kernel, a line of 64 bytes each: who read and wrote it.
my ($stay) = grep { $_->{kernel} } @stays or exit 0;
my (%users, @lines);
for my $i (@{ $stay->{at} }) {
    my (undef, @data) = split ' ', $insns[$i];
    for (@data) {
        my ($kind, $line) = (substr($_, 0, 1), line_of(substr $_, 1));
        push @lines, $line unless $users{$line};
        push @{ $users{$line} }, "$name_at{$i} $kind" unless grep { $_ eq "$name_at{$i} $kind" } @{ $users{$line} };
    }
}
print "data lines of the first way: ", scalar @lines, "\n";
printf "%s  %s\n", $_, join(', ', @{ $users{$_} }) for @lines;
