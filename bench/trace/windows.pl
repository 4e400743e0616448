#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# windows.pl TRACE KERNEL LOG FIGURES [SUFFIX]: the longest windows with interrupts off that bench/trace/plugin.c has
# written down, one per load that LOG, the serial output of the same run, names. A line per load:
#
#     NAME INSTRUCTIONS  ENTRY, FUNCTION PERCENT, FUNCTION PERCENT
#
# ENTRY is how the window began: a system call, an exception, an interrupt (also the one that ends sleep), or the
# rest of an operation that had let interrupts in. The functions are those in which it spent most. The figure
# latency-longest-windowSUFFIX goes to the file FIGURES.
use strict;
use warnings;

$SIG{__DIE__} = sub { print STDERR @_; exit 1 };
@ARGV == 4 || @ARGV == 5 or die "usage: windows.pl TRACE KERNEL LOG FIGURES [SUFFIX]\n";
my ($trace, $kernel, $log, $figures, $suffix) = (@ARGV, '');

sub lines_of {
    my ($file) = @_;
    open my $f, '<', $file or die "windows.pl: $file: $!\n";
    chomp(my @lines = <$f>);
    s/\r$// for @lines;
    return @lines;
}

my @names = map { /^latency (\S+)/ ? $1 : () } lines_of($log);
my (@windows, $window);
for (lines_of($trace)) {
    if (/^window (\d+) (\d+)/) { $window = { length => $1, cpu => $2, blocks => [] } }
    elsif ($_ eq 'end') { push @windows, $window; $window = undef }
    elsif ($window) { push @{ $window->{blocks} }, [split] }
}
@windows == @names or die 'windows.pl: ' . @windows . ' windows in the trace, ' . @names . " in the log\n";

# Function of each address, inlined functions apart.
my (%function, %symbol);
{
    my %all = map { $_->[0] => 1 } map { @{ $_->{blocks} } } @windows;
    my @list = sort keys %all;
    while (my @some = splice @list, 0, 2000) {
        my $at;
        open my $f, '-|', 'addr2line', '-a', '-f', '-e', $kernel, @some or die "windows.pl: addr2line: $!\n";
        while (<$f>) {
            chomp;
            if (/^0x0*([0-9a-f]+)$/) { $at = $1; next }
            $function{$at} = $_;
            <$f>;
        }
        close $f;
    }
}

sub entry_of {
    my ($function) = @_;
    return 'system call' if $function =~ /^syscall_entry/;
    return 'exception' if $function =~ /^exception_/;
    return 'interrupt' if $function =~ /^interrupt_/;
    return 'rest of an operation' if $function =~ /window/;
    return 'after sleep' if $function eq 'trap_idle';
    return $function;
}

my ($longest, $owner) = (0, 'nobody');
for my $i (grep { $names[$_] ne 'start' } 0 .. $#names) { # before that the kernel booted
    my $w = $windows[$i];
    my %count;
    $count{ $function{ $_->[0] } } += $_->[1] for @{ $w->{blocks} };
    my @order = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
    my $said = join ', ', entry_of(@{ $w->{blocks} } ? $function{ $w->{blocks}[0][0] } : 'none'),
        map { sprintf '%s %d%%', $_, 100 * $count{$_} / $w->{length} } grep { defined } @order[ 0 .. 1 ];
    $said = "CPU $w->{cpu}: $said" if $suffix;
    printf "%-48s %10d  %s\n", $names[$i], $w->{length}, $said;
    ($longest, $owner) = ($w->{length}, $names[$i]) if $w->{length} > $longest;
}
print "\nthe longest window$suffix: $longest instructions, $owner\n";
open my $f, '>>', $figures or die "windows.pl: $figures: $!\n";
print $f "latency-longest-window$suffix $longest\n";
close $f;
