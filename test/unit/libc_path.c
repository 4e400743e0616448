/* SPDX-License-Identifier: MIT */
/* lib/c/path.c: what becomes of a path name, and its limits. */
#include "../../lib/c/path.c"
#include <tap.h>

static void cleaned(const char *base, const char *path, const char *want, int want_directory)
{
    char out[64], name[128];
    int directory = 0;
    long n = labe_path_clean(base, path, out, sizeof out, &directory);

    snprintf(name, sizeof name, "'%s' in '%s' is '%s'%s", path, base, want, want_directory ? ", a directory" : "");
    ok(n == (long)strlen(want) && strcmp(out, want) == 0 && directory == want_directory, name);
}

int main(void)
{
    char out[8];
    int directory = 0;

    cleaned("", "rom/hello", "rom/hello", 0);
    cleaned("", "/rom/hello", "rom/hello", 0);
    cleaned("", "//rom///hello", "rom/hello", 0);
    cleaned("", "rom/", "rom", 1);
    cleaned("", "./rom/./hello", "rom/hello", 0);
    cleaned("", "rom/.", "rom", 1);
    cleaned("", "rom/..", "", 1);
    cleaned("", "/", "", 1);
    cleaned("", "..", "", 1);
    cleaned("", "../../x", "x", 0);
    cleaned("", "a/b/../c", "a/c", 0);
    cleaned("", "a/b/../../../c", "c", 0);
    cleaned("rom", "hello", "rom/hello", 0);
    cleaned("rom/sub", "../hello", "rom/hello", 0);
    cleaned("rom", "/hello", "hello", 0);
    cleaned("rom", ".", "rom", 1);
    cleaned("", "...", "...", 0);
    cleaned("", "..a/.b", "..a/.b", 0);
    is(labe_path_clean("", "", out, sizeof out, &directory), -ENOENT, "the empty path is nothing");
    is(labe_path_clean("", "1234567", out, sizeof out, &directory), 7, "a path of the buffer's length less one fits");
    is(labe_path_clean("", "12345678", out, sizeof out, &directory), -ENAMETOOLONG, "one more does not");
    is(labe_path_clean("", "123/4567", out, sizeof out, &directory), -ENAMETOOLONG, "the slash counts");
    is(labe_path_clean("", "123/456", out, sizeof out, &directory), 7, "and no more than that");
    is(labe_path_clean("1234567", "x", out, sizeof out, &directory), -ENAMETOOLONG, "the base counts");
    is(labe_path_clean("1234567", "../x", out, sizeof out, &directory), 1, "until it is left");
    return tap_done();
}
