/* SPDX-License-Identifier: MIT */
/*
 * Finds files in the search folders and reads them; takes debug information off ELF files and unpacks compressed ones
 * by calling objcopy, gzip and xz.
 */
#include "mkimage.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDERS_MAX 64u

static const char *folder[FOLDERS_MAX];
static unsigned folder_count;

void search_path_add(const char *path)
{
    if (folder_count == FOLDERS_MAX)
        fail("more than %u search folders", FOLDERS_MAX);
    folder[folder_count++] = path;
}

char *folder_of(const char *file)
{
    const char *slash = strrchr(file, '/');

    if (slash == NULL)
        return text_format(".");
    return slash == file ? text_format("/") : text_format("%.*s", (int)(slash - file), file);
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* The list's own folder first, then the others in their order; NULL: nowhere. */
const char *file_find(const char *name, const char *list_folder)
{
    if (name[0] == '/')
        return is_file(name) ? name : NULL;
    char *path = text_format("%s/%s", list_folder, name);
    if (is_file(path))
        return path;
    for (unsigned i = 0; i < folder_count; i++) {
        path = text_format("%s/%s", folder[i], name);
        if (is_file(path))
            return path;
    }
    return NULL;
}

const char *search_path_text(const char *list_folder)
{
    char *text = text_format("%s", list_folder);

    for (unsigned i = 0; i < folder_count; i++)
        if (strcmp(folder[i], list_folder) != 0)
            text = text_format("%s, %s", text, folder[i]);
    return text;
}

/* One zero byte follows the content, so that text can be read as a string. */
struct bytes file_read(const char *path)
{
    struct bytes b = { NULL, 0 };
    FILE *f = fopen(path, "rb");
    size_t room = 0, got;

    if (f == NULL)
        fail("cannot read '%s': %s", path, strerror(errno));
    do {
        if (b.size + 65536 + 1 > room) {
            room = 2 * room + 65536 + 1;
            b.data = realloc(b.data, room);
            if (b.data == NULL)
                fail("out of memory");
        }
        got = fread(b.data + b.size, 1, 65536, f);
        b.size += got;
    } while (got > 0);
    if (ferror(f))
        fail("cannot read '%s': %s", path, strerror(errno));
    fclose(f);
    b.data[b.size] = 0;
    return b;
}

/* Runs a program; its standard output goes to the descriptor unless that is -1. */
static void run(const struct module *m, char *const argv[], int output)
{
    int status;
    pid_t pid = fork();

    if (pid < 0)
        fail("cannot start %s: %s", argv[0], strerror(errno));
    if (pid == 0) {
        if (output >= 0)
            dup2(output, STDOUT_FILENO);
        execvp(argv[0], argv);
        fprintf(stderr, "mkimage: cannot start %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status != 0)
        fail_at(m->at, "%s failed for '%s'", argv[0], m->path);
}

static struct bytes filtered(const struct module *m, bool strip, const char *program)
{
    const char *tmp = getenv("TMPDIR");
    char *path = text_format("%s/mkimage.XXXXXX", tmp != NULL && *tmp != 0 ? tmp : "/tmp");
    int fd = mkstemp(path);

    if (fd < 0)
        fail("cannot make the file '%s': %s", path, strerror(errno));
    const char *before = output_started(path);
    char *file = text_format("%s", m->path), *name = text_format("%s", program);
    if (strip)
        run(m, (char *[]){ name, "--strip-all", file, path, NULL }, -1);
    else
        run(m, (char *[]){ name, "-dc", file, NULL }, fd);
    close(fd);
    struct bytes b = file_read(path);
    unlink(path);
    output_started(before);
    return b;
}

/* Has it symbols or debug information that can go? Whatever looks strange is left as it is: the stage will say. */
static bool can_strip(struct bytes b)
{
    const Elf64_Ehdr *h = (const Elf64_Ehdr *)b.data;

    if (b.size < sizeof(*h) || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_ident[EI_CLASS] != ELFCLASS64)
        return false;
    if (h->e_shentsize != sizeof(Elf64_Shdr) || h->e_shoff > b.size ||
        (uint64_t)h->e_shnum * sizeof(Elf64_Shdr) > b.size - h->e_shoff)
        return false;
    for (unsigned i = 0; i < h->e_shnum; i++) {
        Elf64_Shdr s;
        memcpy(&s, b.data + h->e_shoff + i * sizeof(s), sizeof(s));
        if (s.sh_type == SHT_SYMTAB)
            return true;
    }
    return false;
}

struct bytes module_read(const struct module *m)
{
    static const uint8_t gzip[] = { 0x1f, 0x8b }, xz[] = { 0xfd, '7', 'z', 'X', 'Z' };
    struct bytes b = file_read(m->path);

    if (m->uncompress && b.size >= sizeof(gzip) && memcmp(b.data, gzip, sizeof(gzip)) == 0)
        return filtered(m, false, "gzip");
    if (m->uncompress && b.size >= sizeof(xz) && memcmp(b.data, xz, sizeof(xz)) == 0)
        return filtered(m, false, "xz");
    if (!m->no_strip && can_strip(b))
        return filtered(m, true, "objcopy");
    return b;
}
