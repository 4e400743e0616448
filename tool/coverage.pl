#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# coverage.pl [-v] ROOT OBJECTS: lines and branches of kernel/ (without arch/) that the programs built in OBJECTS have
# executed, per file and in total; called by tool/coverage.sh. OBJECTS is the folder of the objects; gcov's counts lie
# beside them. What a header's inline functions did is the sum over all objects. -v: also every branch never taken.
#
# Not counted: the failing branch of kassert, knever and kpanic. That one must never be taken; mutants show that it can.
#
# test/coverage-exceptions says which lines cannot be reached, and why. A line there is
#     FILE | TEXT | REASON        TEXT: a part of the source line; it stands for all uncovered lines that have it
#     FILE | NAME() | REASON      all uncovered lines of that function
# Exit status 1: below the goal, an uncovered line is not listed, or something is listed that is covered.
use strict;
use warnings;

my $goal_lines = 95;
my $goal_branches = 85;

my $verbose = @ARGV && $ARGV[0] eq '-v' && shift @ARGV;
my ($root, $objects) = @ARGV;
defined $objects or die "usage: coverage.pl [-v] ROOT OBJECTS\n";
chdir $root or die "coverage.pl: $root: $!\n";

my (%line, %branch, %text);    # {file}{line}: count; {file}{line}: [count...]; {file}[line]

# The lines of a file that belong to an assertion, whose branches do not count.
sub assertions {
    my ($file) = @_;
    my (%in, $depth);

    for my $n (1 .. $#{$text{$file}}) {
        my $s = $text{$file}[$n];
        $depth = 0 if !$depth && $s =~ s/.*?\b(kassert|knever|kpanic)(?=\()//;
        next if !defined $depth;
        $in{$n} = 1;
        for my $c ($s =~ /[()]/g) {
            $depth += $c eq '(' ? 1 : -1;
            last if $depth == 0;
        }
        undef $depth if $depth == 0;
    }
    return \%in;
}

sub read_source {
    my ($file) = @_;

    open my $in, '<', $file or die "coverage.pl: $file: $!\n";
    $text{$file} = ['', <$in>];
    chomp @{$text{$file}};
}

# One object's counts, in gcov's text form: "COUNT: LINE:TEXT" and, after their line, "branch N taken COUNT".
sub read_counts {
    my ($data) = @_;
    my ($file, $number, $next);

    open my $in, '-|', 'gcov', '-b', '-c', '-t', $data or die "coverage.pl: gcov: $!\n";
    while (<$in>) {
        if (/^\s*-:\s*0:Source:(.*)/) {
            $file = $1 =~ m{^(?:.*/)?(kernel/[^/]+\.[ch])$} ? $1 : undef;
            read_source($file) if defined $file && !$text{$file};
        } elsif (!defined $file) {
            next;
        } elsif (/^\s*(#####|=====|-|\d+)\*?:\s*(\d+):/) {
            (my $count, $number, $next) = ($1, $2, 0);
            next if $count eq q(-) || $number == 0;
            $line{$file}{$number} += $count =~ /^\d/ ? $count : 0;
        } elsif (/^branch\s+\d+ (?:taken (\d+)|never executed)/) {
            $branch{$file}{$number}[$next++] += $1 // 0;
        }
    }
    close $in or die "coverage.pl: gcov failed for $data\n";
}

open my $find, '-|', 'find', $objects, '-name', '*.gcda' or die "coverage.pl: find: $!\n";
my @data = sort <$find>;
chomp @data;
@data or die "coverage.pl: nothing has run in $objects\n";
read_counts($_) for @data;

# A file of the kernel that no program contains has no counts at all; that must not look like success.
for my $file (glob 'kernel/*.c') {
    die "coverage.pl: $file is in no program\n" if !$line{$file};
}

my (@exceptions, %missing, %untaken, @sum);
open my $in, '<', 'test/coverage-exceptions' or die "coverage.pl: test/coverage-exceptions: $!\n";
while (<$in>) {
    next if /^#|^\s*$/;
    chomp;
    my ($file, $part, $reason) = split /\s+\|\s+/, $_, 3;
    die "coverage.pl: test/coverage-exceptions:$.: not FILE | TEXT | REASON\n" if !defined $reason;
    push @exceptions, { file => $file, text => $part, reason => $reason, at => $., used => 0 };
}

my $percent = sub { $_[1] ? 100 * $_[0] / $_[1] : 100 };
printf "%-24s %15s %15s\n", 'file', 'lines', 'branches';
for my $file (sort keys %line) {
    my $asserts = assertions($file);
    my ($lines, $hit, $branches, $taken) = (0, 0, 0, 0);

    for my $n (sort { $a <=> $b } keys %{$line{$file}}) {
        $lines++;
        if ($line{$file}{$n}) { $hit++ } else { push @{$missing{$file}}, $n }
        next if !$branch{$file}{$n} || $asserts->{$n};
        for my $count (@{$branch{$file}{$n}}) {
            $branches++;
            if ($count) { $taken++ } else { $untaken{$file}{$n}++ }
        }
    }
    printf "%-24s %4d/%4d %5.1f %4d/%4d %5.1f\n", $file, $hit, $lines, $percent->($hit, $lines), $taken, $branches,
        $percent->($taken, $branches);
    $sum[0] += $hit, $sum[1] += $lines, $sum[2] += $taken, $sum[3] += $branches;
}

# The name of the function that line n of a file is in.
sub function_of {
    my ($file, $n) = @_;

    for (; $n > 0; $n--) {
        return $1 if $text{$file}[$n] =~ /^[\w_][^=;#]*?\b(\w+)\(/ && $1 !~ /^(__attribute__|_Static_assert)$/;
        return $1 if $text{$file}[$n] =~ /^__attribute__\(.*?\)\).*?\b(\w+)\(/;
    }
    return '';
}

# Does an entry of the list stand for that line?
sub stands_for {
    my ($e, $file, $n) = @_;

    return 0 if $e->{file} ne $file;
    return function_of($file, $n) eq $1 if $e->{text} =~ /^(\w+)\(\)$/;
    return index($text{$file}[$n], $e->{text}) >= 0;
}

my $bad = 0;
for my $file (sort keys %missing) {
    for my $n (@{$missing{$file}}) {
        my @why = grep { stands_for($_, $file, $n) } @exceptions;

        $_->{used}++ for @why;
        next if @why;
        print "not covered and not listed: $file:$n:$text{$file}[$n]\n";
        $bad = 1;
    }
}
for my $e (grep { !$_->{used} } @exceptions) {
    print "test/coverage-exceptions:$e->{at}: listed, but covered or not there: $e->{file} | $e->{text}\n";
    $bad = 1;
}
if ($verbose) {
    for my $file (sort keys %untaken) {
        print "branches never taken ($untaken{$file}{$_}): $file:$_:$text{$file}[$_]\n"
            for sort { $a <=> $b } keys %{$untaken{$file}};
    }
}
my ($lines, $branches) = ($percent->(@sum[0, 1]), $percent->(@sum[2, 3]));
printf "coverage: %.1f %% of %d lines (goal %d), %.1f %% of %d branches (goal %d)\n", $lines, $sum[1], $goal_lines,
    $branches, $sum[3], $goal_branches;
exit($bad || $lines < $goal_lines || $branches < $goal_branches);
