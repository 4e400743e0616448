#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# count.pl SOCKET KERNEL TEXT: instructions from the first one of the kernel to the end of the first output line with
# TEXT. Talks to QEMU's debugger stub at the UNIX socket SOCKET; QEMU was started stopped (-S), with
# -icount shift=0,rr=record, which makes "info replay" tell how many instructions were executed. The count is exact and
# the same in every run. Breakpoints are at the ELF entry of KERNEL and at its arch_console_put(char).
use strict;
use warnings;
use IO::Socket::UNIX;

my ($path, $kernel, $text) = @ARGV;
defined $text or die "usage: count.pl SOCKET KERNEL TEXT\n";

my ($entry) = `readelf -h '$kernel'` =~ /Entry point address:\s+0x([0-9a-f]+)/;
my ($put) = `nm '$kernel'` =~ /^([0-9a-f]+) T arch_console_put$/m;
defined $entry && defined $put or die "count.pl: $kernel has no entry or no arch_console_put\n";
$put =~ s/^0+//;

my $stub;
for (1 .. 100) {
    $stub = IO::Socket::UNIX->new(Peer => $path) and last;
    select undef, undef, undef, 0.1;
}
$stub or die "count.pl: no debugger stub at $path\n";
$stub->autoflush(1);
my $pending = '';

# The next packet's contents.
sub reply {
    while (1) {
        if ($pending =~ s/^[^\$]*\$([^#]*)#..//s) {
            my $packet = $1;
            print $stub '+';
            return $packet;
        }
        sysread $stub, my $more, 4096 or die "count.pl: QEMU ended before the text came\n";
        $pending .= $more;
    }
}

sub ask {
    my ($request) = @_;
    my $sum = 0;
    $sum += ord for split //, $request;
    printf $stub "\$%s#%02x", $request, $sum & 255;
    return reply();
}

# What QEMU's monitor answers.
sub monitor {
    my $answer = ask('qRcmd,' . unpack 'H*', shift);
    my $said = '';
    while ($answer =~ /^O([0-9a-f]+)$/) {
        $said .= pack 'H*', $1;
        $answer = reply();
    }
    return $said;
}

sub instructions {
    my $said = monitor('info replay');
    $said =~ /instruction count = (\d+)/ or die "count.pl: QEMU does not count: $said\n";
    return $1;
}

ask("Z1,$entry,1") eq 'OK' or die "count.pl: no breakpoint at the kernel's entry\n";
ask('c');
my $from = instructions();
ask("z1,$entry,1");
ask("Z1,$put,1");
my $line = '';
while (1) {
    ask('c') =~ /^[TS]05/ or die "count.pl: the machine stopped\n";
    my $c = chr hex substr ask('g'), 5 * 16, 2;    # rdi, the first argument
    last if $c eq "\n" && index($line, $text) >= 0;
    $line = $c eq "\n" ? '' : $line . $c;
    # Past the breakpoint, or it is hit again.
    ask("z1,$put,1");
    ask('s');
    ask("Z1,$put,1");
}
print instructions() - $from, "\n";
