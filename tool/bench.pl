#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# bench.pl [--pattern P] [--json F] [--lower] [--budget F] [--trace F] [--figures F] LOG: the table of ./labe bench.
#
#   LOG          serial output of the benchmark (bench/bench.c)
#   --trace F    what bench/trace/read.pl printed: counters and weights of one round per row
#   --figures F  other figures, a line "NAME VALUE" each
#   --budget F   limits (bench/budget.txt); without it nothing is compared
#   --lower      limits above what was reached are lowered to it in that file (building and booting excepted)
#
# Prints a line per row; writes JSON to the file of --json. Exit status 1 when a figure is over its limit, is missing,
# or when the trace is not of the same run.
use strict;
use warnings;

my %option = (pattern => '');
while (@ARGV && $ARGV[0] =~ /^--(lower)$/ || @ARGV > 1 && $ARGV[0] =~ /^--(pattern|json|budget|trace|figures)$/) {
    shift;
    $option{$1} = $1 eq 'lower' ? 1 : shift;
}
@ARGV == 1 or die "usage: bench.pl [OPTION...] LOG\n";

# fail STATUS, TEXT
sub fail {
    my ($status, $text) = @_;
    print STDERR "labe: $text\n";
    exit $status;
}

sub lines_of {
    my ($file) = @_;
    open my $f, '<', $file or fail(1, "$file: $!");
    chomp(my @lines = <$f>);
    s/\r$// for @lines;
    return @lines;
}

# ---- what was measured ----

my ($unit, %row, @order) = ('');
for (lines_of($ARGV[0])) {
    $unit = $1 if /^bench: unit (\S+)/;
    fail(1, "the benchmark failed: $1") if /^bench: failed: (.*)/;
    next unless /^bench (\S+)\s+(\d+)\s+(\d+)\s+(\d+)/;
    $row{$1} = { min => $2, median => $3, p99 => $4 };
    push @order, $1;
}
$unit ne '' or fail(1, 'the benchmark printed no unit');

my @counters = qw(weighted entries cr3 cr0 msr iret tlb lines);
my $wrong = 0;
for ($option{trace} ? lines_of($option{trace}) : ()) {
    my ($name, $insns, @values) = split;
    $row{$name} or next;
    @{ $row{$name} }{@counters} = @values;
    # An instruction that faulted is executed twice, but counted once.
    if (abs($insns - $row{$name}{median}) > 2 && $row{$name}{min} == $row{$name}{p99}) {
        print "$name: the trace has $insns instructions, the run $row{$name}{median}\n";
        $wrong = 1;
    }
}
for ($option{figures} ? lines_of($option{figures}) : ()) {
    my ($name, $value) = split;
    $row{$name} = { median => $value };
    push @order, $name;
}

# ---- the budget ----

my (%limit, %aim, @limits);
for ($option{budget} ? lines_of($option{budget}) : ()) {
    next if /^\s*(#|$)/;
    my ($name, $limit, $aim, $more) = split;
    defined $aim && !defined $more && "$limit $aim" =~ /^(\d+|[a-z0-9-]+\+\d+%) (\d+|[a-z0-9-]+\+\d+%)$/
        or fail(1, "$option{budget}: not a line of a name and two limits: $_");
    !exists $limit{$name} or fail(1, "$option{budget}: $name is there twice");
    ($limit{$name}, $aim{$name}) = ($limit, $aim);
    push @limits, $name;
}

sub value {
    my ($name) = @_;
    my ($of, $counter) = split /:/, $name;
    return $row{$of} ? $row{$of}{ $counter // 'median' } : undef;
}

# A limit as a number.
sub number {
    my ($limit) = @_;
    return undef unless defined $limit;
    return $limit if $limit =~ /^\d+$/;
    my ($of, $percent) = $limit =~ /^(.*)\+(\d+)%$/;
    my $base = value($of);
    return defined $base ? int($base * (100 + $percent) / 100) : undef;
}

sub shown { return index($_[0], $option{pattern}) >= 0 }

# ---- the table ----

my @over;
sub verdict {
    my ($name) = @_;
    my ($value, $limit, $aim) = (value($name), number($limit{$name}), number($aim{$name}));
    return '' unless exists $limit{$name};
    if (!defined $value || !defined $limit) {
        push @over, $name;
        return 'missing';
    }
    if ($value > $limit) {
        push @over, $name;
        return 'over';
    }
    return $value <= $aim ? 'aim reached' : '';
}
sub cell { return defined $_[0] ? $_[0] : '-' }

my %status;
if (grep { shown($_) && defined $row{$_}{min} } @order) {
    printf "%-36s %8s %8s %8s %8s %8s %8s\n", $unit, 'min', 'median', 'p99', 'limit', 'aim', 'weighted';
    for my $name (grep { defined $row{$_}{min} && shown($_) } @order) {
        my $r = $row{$name};
        $status{$name} = verdict($name);
        printf "%-36s %8d %8d %8d %8s %8s %8s  %s\n", $name, @$r{qw(min median p99)}, cell(number($limit{$name})),
            cell(number($aim{$name})), cell($r->{weighted}), $status{$name};
    }
}
if (my @rows = grep { shown($_) && defined $row{$_}{lines} && $row{$_}{entries} } @order) {
    printf "\n%-36s %8s %8s %8s %8s %8s %8s %8s\n", 'counted in one round', @counters[ 1 .. $#counters ];
    printf "%-36s %8d %8d %8d %8d %8d %8d %8d\n", $_, @{ $row{$_} }{ @counters[ 1 .. $#counters ] } for @rows;
}
my @others = grep { shown($_) && !exists $status{$_} && (/:/ || !$row{$_} || !defined $row{$_}{min}) } @limits;
# What was not counted in this run is not missing.
@others = grep { !/:/ || $option{trace} } @others;
my %group = map { /^([a-z]+)-/ ? ($1 => 1) : () } @order;
@others = grep { !/^(boot|kernel|latency|memory)-/ || $group{$1} } @others;
if (@others) {
    printf "\n%-46s %10s %10s %10s\n", '', 'measured', 'limit', 'aim';
    for my $name (@others) {
        $status{$name} = verdict($name);
        printf "%-46s %10s %10s %10s  %s\n", $name, cell(value($name)), cell(number($limit{$name})),
            cell(number($aim{$name})), $status{$name};
    }
}
%status or fail(2, "bench: no figure has '$option{pattern}' in its name");

# ---- JSON ----

if (defined $option{json}) {
    my @objects;
    for my $name (grep { exists $status{$_} } @order, @others) {
        next if $name =~ /:/;
        my $r = $row{$name} // {};
        my @pairs = map { defined $r->{$_} ? "\"$_\": $r->{$_}" : () } qw(min median p99), @counters;
        push @pairs, '"limit": ' . number($limit{$name}) if defined number($limit{$name});
        push @pairs, '"aim": ' . number($aim{$name}) if defined number($aim{$name});
        push @pairs, '"over": ' . ($status{$name} =~ /over|missing/ ? 'true' : 'false') if exists $limit{$name};
        push @objects, "    \"$name\": { " . join(', ', @pairs) . ' }' unless grep { /^\s+"\Q$name\E":/ } @objects;
    }
    my @counted = map { "    \"$_\": { \"measured\": " . (value($_) // 'null') . ", \"limit\": $limit{$_} }" }
        grep { /:/ && exists $status{$_} } @limits;
    open my $f, '>', $option{json} or fail(1, "--json: $option{json}: $!");
    print $f "{\n  \"unit\": \"$unit\",\n  \"rows\": {\n" . join(",\n", @objects) . "\n  },\n  \"counted\": {\n" .
        join(",\n", @counted) . "\n  }\n}\n";
    close $f or fail(1, "--json: $option{json}: $!");
}

# ---- lower limits ----

if ($option{lower}) {
    my @lines = lines_of($option{budget});
    for (@lines) {
        my ($name, $limit) = /^([a-z][^\s#]*)\s+(\d+)\s/ or next;
        my $value = value($name);
        next if $name =~ /^(boot|kernel)-/ || !shown($name) || !defined $value || $value >= $limit;
        my $number = sprintf '%*d', length $limit, $value;
        s/^(\S+\s+)\d+/$1$number/;
        print "$name: limit $limit, now $value\n";
    }
    open my $f, '>', $option{budget} or fail(1, "$option{budget}: $!");
    print $f "$_\n" for @lines;
    close $f or fail(1, "$option{budget}: $!");
}

print "\nover the limit: @over\n" if @over;
exit(@over || $wrong ? 1 : 0);
