#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# mutants.pl ROOT OBJECTS JOBS [--quick] [--named] [NAME...]: for each test/mutants/*.patch (whose name contains a NAME)
# makes the fault, builds what depends on it, and runs tests until one fails; called by tool/mutants.sh with the tests
# built. --quick: twelve of them, others every day. --named: only the tests that a patch names, and no others.
#
# A patch:
#     What the fault is, in one line.
#     tests: cap capmap sim          units (and simulation) that are tried first; all other units, then the simulation
#     --- kernel/cap.c
#      context
#     -old line
#     +new line
# There are no line numbers. The old text (context and "-" lines) must occur exactly once in the file; blanks at the
# ends of lines do not matter. More than one hunk: another "---" line.
#
# Nothing in the tree is touched: each job has a folder of links to the sources, in which the changed file is a file.
# One line per mutant. Exit status 1 when one survives, does not apply, or does not compile; 2 when the tests fail
# without any fault.
use strict;
use warnings;
use Cwd 'abs_path';
use File::Basename;
use File::Path qw(make_path remove_tree);
use Time::HiRes 'time';

$| = 1;
my ($root, $objects, $jobs, @names) = @ARGV;
defined $jobs or die "usage: mutants.pl ROOT OBJECTS JOBS [--quick] [--named] [NAME...]\n";
$objects = abs_path($objects);
my %option;
while (@names && $names[0] =~ /^-/) {
    if ($names[0] !~ /^--(quick|named)$/) {
        print STDERR "mutants: unknown option '$names[0]'\nusage: ./labe sim --mutants [--quick] [--named] [NAME...]\n";
        exit 2;
    }
    $option{$1} = 1;
    shift @names;
}
my $quick = $option{quick};
my $cc = $ENV{HOSTCC} // 'gcc';
my ($flags, $link_flags) = @ENV{qw(host_flags san)};
defined $flags && defined $link_flags or die "mutants.pl: host_flags and san must be in the environment\n";
chdir $root or die "mutants.pl: $root: $!\n";

# Fixed histories: one CPU and two, allocations failing.
my @histories = ('--seed 1 --steps 12000', '--seed 2 --steps 12000 --cpus 2');
my $sim_flags = '--shrink 0 --save /dev/null';
my $cpu_seconds = 25;     # of one unit or history; more is a hang, which is a failure, too
my $wall_seconds = 240;

# ---- what depends on what, from the compiler's .d files ----

my (%objects_of, @kernel_objects, @sim_objects, %unit);
for my $d (split /\n/, `find '$objects/kernel' '$objects/test/unit' '$objects/test/sim' -name '*.d'`) {
    open my $in, '<', $d or die "mutants.pl: $d: $!\n";
    local $/;
    my $rule = <$in>;
    my $object = substr($d, length($objects) + 1, -2);
    next if !-e "$object.c";    # left over from a file that has gone
    $rule =~ s/\\\n//g;
    $rule =~ s/\n.*//s;
    my (undef, @sources) = split ' ', $rule;
    1 while grep { s{[^/]+/\.\./}{} } @sources;
    push @{$objects_of{$_}}, $object for @sources;
    if ($object =~ m{^test/unit/(.*)}) { $unit{$1} = 1 if grep { m{^kernel/} } @sources }
    elsif ($object =~ m{^test/sim/}) { push @sim_objects, $object }
    else { push @kernel_objects, $object }
}
%unit && @sim_objects && @kernel_objects or die "mutants.pl: no objects in $objects\n";

# ---- patches ----

sub read_patch {
    my ($path) = @_;
    my %m = (path => $path, name => basename($path, '.patch'), hunks => []);

    open my $in, '<', $path or die "mutants.pl: $path: $!\n";
    while (<$in>) {
        chomp;
        if (/^--- (\S+)$/) { push @{$m{hunks}}, { file => $1, old => [], new => [] } }
        elsif (!@{$m{hunks}} && /^tests: (.*)/) { $m{tests} = [split ' ', $1] }
        elsif (!@{$m{hunks}}) { $m{what} = defined $m{what} ? "$m{what} $_" : $_ }
        elsif (/^([ +-])(.*)/) {
            push @{$m{hunks}[-1]{old}}, $2 if $1 ne '+';
            push @{$m{hunks}[-1]{new}}, $2 if $1 ne '-';
        } else { $m{error} = "$path:$.: not a line of a patch" }
    }
    $m{error} //= "$path: no hunk" if !@{$m{hunks}};
    $m{error} //= "$path: no line 'tests: …'" if !$m{tests};
    for my $t (@{$m{tests} // []}) {
        $m{error} //= "$path: no unit '$t'" if $t ne 'sim' && !$unit{$t};
    }
    return \%m;
}

# The changed text of each file; dies when the old text is not there exactly once.
sub apply {
    my ($m) = @_;
    my %text;

    for my $h (@{$m->{hunks}}) {
        if (!defined $text{$h->{file}}) {
            open my $in, '<', $h->{file} or die "no file $h->{file}\n";
            local $/;
            $text{$h->{file}} = <$in>;
        }
        my $old = join '[ \t]*\n', map { s/\s+$//r =~ s/(\W)/\\$1/gr } @{$h->{old}};
        my $new = join "\n", @{$h->{new}};
        my $times = () = $text{$h->{file}} =~ /^$old[ \t]*$/mg;
        die "the old text occurs $times times in $h->{file}\n" if $times != 1;
        $text{$h->{file}} =~ s/^$old[ \t]*$/$new/m;
    }
    return \%text;
}

# ---- one job ----

my ($dir, %built);

sub shell { return system('/bin/sh', '-c', @_) }

sub compile {
    my ($object) = @_;

    return if $built{$object}++;
    make_path(dirname("$dir/obj/$object"));
    shell("cd '$dir/tree' && exec $cc $flags -w -c -o '../obj/$object.o' '$object.c' 2> ../messages.txt") == 0
        and return;
    open my $in, '<', "$dir/messages.txt";
    die "does not compile: " . ((grep { /error:/ } <$in>)[0] // "$object\n");
}

sub object { my $made = "$dir/obj/$_[0].o"; return -e $made ? $made : "$objects/$_[0].o" }

# Links one test with the changed objects and runs it; what it says when it fails, or nothing.
sub run_test {
    my ($test, $changed, $options) = @_;
    my @own = $test eq 'sim' ? @sim_objects : "test/unit/$test";
    my %own = map { $_ => 1 } @own;
    my @kernel = grep { m{^kernel/} && !$own{$_} } @$changed;

    compile($_) for grep { $own{$_} || m{^kernel/} } @$changed;
    if (!-e "$dir/$test") {
        my ($own, $list) = map { join ' ', map { "'" . object($_) . "'" } @$_ } \@own, \@kernel;
        # The archive with its changed members; a test may have its own version of one.
        my $archive = "$objects/../libkernel.a";
        if (@kernel) {
            shell("cp '$archive' '$dir/kernel.a' && ar rs '$dir/kernel.a' $list 2> '$dir/messages.txt'") == 0
                or die "ar failed\n";
            $archive = "$dir/kernel.a";
        }
        my $line = "$cc $link_flags -o '$dir/$test' $own '$archive' 2> '$dir/messages.txt'";
        die "does not link: $test\n" if shell($line) != 0;
    }
    my $status = shell("ulimit -t $cpu_seconds; ulimit -c 0; exec timeout $wall_seconds '$dir/$test' $options " .
        "> '$dir/output.txt' 2>&1 < /dev/null");
    return if $status == 0;
    die "$test cannot be run\n" if $status >> 8 == 126 || $status >> 8 == 127;
    open my $in, '<', "$dir/output.txt";
    local $_;
    my @out = <$in>;
    my ($why) = grep { /^not ok|assertion failed|^never:|ERROR: AddressSanitizer|runtime error|sim: / &&
        !/^sim: seed|replay/ } @out;
    $why = $out[-1] // '' if !defined $why && ($status & 127) == 0 && $status >> 8 < 124;
    return defined $why ? $why =~ s/\s+$//r : 'hangs or dies without a word';
}

# 'killed' | 'SURVIVED' | 'FAILED', and by what.
sub try_mutant {
    my ($m) = @_;
    my ($text, %changed);

    die "$m->{error}\n" if $m->{error};
    $text = apply($m);
    remove_tree("$dir/obj");
    %built = ();
    unlink glob "$dir/*" if -d $dir;
    for my $file (keys %$text) {
        unlink "$dir/tree/$file";
        open my $out, '>', "$dir/tree/$file" or die "$dir/tree/$file: $!\n";
        print $out $text->{$file};
        $changed{$_} = 1 for @{$objects_of{$file} // []};
    }
    %changed or die "no test contains " . join(' ', keys %$text) . "\n";
    my @changed = sort keys %changed;
    my %first = map { $_ => 1 } @{$m->{tests}};
    my @rest = $option{named} ? () : grep { !$first{$_} } (sort keys %unit), 'sim';
    for my $test (@{$m->{tests}}, @rest) {
        for my $options ($test eq 'sim' ? map { "$_ $sim_flags" } @histories : '') {
            my $why = run_test($test, \@changed, $options);
            if (defined $why && !$first{$test} && $test ne 'sim') { # named tests have been run without a fault
                shell("exec timeout $wall_seconds '$objects/../unit/$test' > /dev/null 2>&1 < /dev/null") == 0
                    or die "unit/$test fails without any fault\n";
            }
            my $by = $test eq 'sim' ? 'sim ' . $options =~ s/ --shrink.*//r : "unit/$test";
            return ('killed', "$by: $why") if defined $why;
        }
    }
    return ('SURVIVED', '');
}

sub job_start {
    my ($n) = @_;

    $dir = "$objects/../mutants.$n";
    remove_tree($dir);
    make_path("$dir/tree");
    shell("cp -as '$root/kernel' '$root/abi' '$root/test' '$root/lib' '$dir/tree'") == 0
        or die "mutants.pl: cp failed\n";
}

# Puts the links back.
sub job_clean {
    my ($m) = @_;

    for my $h (@{$m->{hunks}}) {
        next if -l "$dir/tree/$h->{file}" || !-e "$dir/tree/$h->{file}";
        unlink "$dir/tree/$h->{file}";
        symlink "$root/$h->{file}", "$dir/tree/$h->{file}" or die "mutants.pl: $h->{file}: $!\n";
    }
}

# ---- all of them ----

my @mutants = map { read_patch($_) } sort glob 'test/mutants/*.patch';
if (@names) {
    my @chosen;
    for my $name (@names) {
        my @found = grep { index($_->{name}, $name) >= 0 } @mutants;
        if (!@found) {
            print STDERR "mutants: none has '$name' in its name\n";
            exit 2;
        }
        push @chosen, @found;
    }
    my %seen;
    @mutants = grep { !$seen{$_->{path}}++ } @chosen;
} elsif ($quick) {
    # Twelve of them, others every day.
    my $step = @mutants / 12;
    my $first = int(time / 86400) % (int($step) || 1);
    @mutants = map { $mutants[int($_ * $step) + $first] // () } 0 .. 11 if $step > 1;
}

my $start = time;
job_start(0);
# Without a fault every test must pass, or nothing is shown.
if (!$quick) {
    my %wanted = map { $_ => 1 } map { @{$_->{tests} // []} } @mutants;
    for my $test (sort grep { $_ eq 'sim' || $unit{$_} } keys %wanted) {
        for my $options ($test eq 'sim' ? map { "$_ $sim_flags" } @histories : '') {
            my $why = run_test($test, [], $options);
            next if !defined $why;
            print "mutants: $test $options fails without any fault: $why\n";
            exit 2;
        }
    }
}

# The jobs take numbers from one pipe and write lines to another.
pipe my $numbers_out, my $numbers or die "mutants.pl: pipe: $!\n";
pipe my $lines, my $lines_in or die "mutants.pl: pipe: $!\n";
syswrite $numbers, pack('n*', 0 .. $#mutants);
close $numbers;
my @pids;
local $SIG{TERM} = local $SIG{INT} = sub { kill 'TERM', @pids; exit 1 };
for my $n (1 .. $jobs) {
    my $pid = fork // die "mutants.pl: fork: $!\n";
    push @pids, $pid;
    next if $pid;
    $SIG{TERM} = $SIG{INT} = sub { kill 'TERM', -$$; exit 1 };    # what it runs ends with it
    setpgrp;
    job_start($n);
    while (sysread($numbers_out, my $number, 2) == 2) {
        my $m = $mutants[unpack 'n', $number];
        my $since = time;
        my ($result, $by) = eval { try_mutant($m) };
        ($result, $by) = ('FAILED', $@ =~ s/\s+$//r) if !defined $result;
        $by = $m->{what} if $result eq 'SURVIVED';
        syswrite $lines_in, sprintf("%-8s %-30s %4.1f s  %s\n", $result, $m->{name}, time - $since,
            substr($by, 0, 400));
        job_clean($m);
    }
    remove_tree($dir);
    exit 0;
}
close $lines_in;
my %count = (killed => 0, SURVIVED => 0, FAILED => 0);
while (<$lines>) {
    print;
    $count{$1}++ if /^(\S+)/;
}
wait for 1 .. $jobs;
remove_tree("$objects/../mutants.0");
my $missing = @mutants - $count{killed} - $count{SURVIVED} - $count{FAILED};
printf "mutants: %d killed, %d survived, %d failed, %.0f s\n", @count{qw(killed SURVIVED)}, $count{FAILED} + $missing,
    time - $start;
exit($count{killed} != @mutants || @mutants == 0);
