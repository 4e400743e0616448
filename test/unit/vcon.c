/* SPDX-License-Identifier: MIT */
/* vcon.c: output, input and its ring, translation flags, the line that tells of input, the kernel's own messages. */
#include "tap.h"
#include "machine.h"
#include "preempt.h"
#include <string.h>

enum { IRQ = 0x40, NO_W = 0x41 };

static long console(unsigned words, word_t op, word_t w1, word_t w2, word_t w3)
{
    return call_words(L4_SLOT_LOG, L4_PROTO_LOG, 0, words, op, w1, w2, w3);
}

static void write_text(const char *text, word_t length)
{
    root->utcb->mr[0] = L4_OP_VCON_WRITE;
    root->utcb->mr[1] = length;
    memcpy(&root->utcb->mr[2], text, strlen(text));
    host_syscall(SEL(L4_SLOT_LOG) | L4_OP_SEND, l4_tag_make(L4_PROTO_LOG, 10, 0, 0).raw, 0, 0);
}

/* Reads up to `size` characters into mr[1]...; returns how many, *more: something is left. */
static word_t read_text(word_t size, bool *more)
{
    console(1, L4_OP_VCON_READ | size << 16, 0, 0, 0);
    *more = !(root->utcb->mr[0] & L4_VCON_READ_EXHAUSTED);
    return root->utcb->mr[0] & 0xffffu;
}

static bool text_is(const char *want) { return memcmp(&root->utcb->mr[1], want, strlen(want)) == 0; }

static void test_output(void)
{
    host_output(true);
    write_text("one\ntwo", 7);
    ok(strcmp(host_output(true), "one\r\ntwo") == 0, "text comes out, a line end as two characters");
    write_text("nothing", L4_VCON_WRITE_MAX + 1);
    ok(host_output(true)[0] == '\0', "what cannot be in a message is not read");
    write_text("nothing", ~0ul);
    ok(host_output(true)[0] == '\0', "however long it says it is");
    is(error_of(root), 0, "a write has no answer");
}

static void test_input(void)
{
    bool more;

    console(4, L4_OP_VCON_SET_ATTR, 0, 0, 0);
    is(read_text(10, &more), 0, "nothing to read");
    host_input("hello");
    work_slice = work_left = 1;
    is(read_text(3, &more), 3, "three of five characters");
    work_slice = work_left = 1 << 30;
    ok(text_is("hel") && more, "in order, with a window between them, and there are more");
    is(read_text(10, &more), 2, "the rest");
    ok(text_is("lo") && !more, "and no more");
    for (unsigned i = 0; i < 30; i++)
        host_input("0123456789");
    is(read_text(L4_VCON_READ_MAX + 1000, &more), 256, "what does not fit into the ring is lost");
    ok(!more && host_output(true)[0] == '\0', "nothing was echoed");
    cap_copy(L4_SLOT_LOG, NO_W, L4_RIGHT_R | L4_RIGHT_S);
    is(call_words(NO_W, L4_PROTO_LOG, 0, 1, L4_OP_VCON_READ, 0, 0, 0), -L4_ERR_PERM, "reading needs the right");
}

static void test_flags(void)
{
    bool more;

    console(4, L4_OP_VCON_SET_ATTR, L4_VCON_ICRNL, 0, L4_VCON_ECHO);
    is(console(1, L4_OP_VCON_GET_ATTR, 0, 0, 0), 0, "the flags");
    ok(root->utcb->mr[1] == L4_VCON_ICRNL && root->utcb->mr[3] == L4_VCON_ECHO, "are what was set");
    ok(root->utcb->mr[2] & L4_VCON_ONLCR, "but for the line ends of the output");
    host_input("a\rb");
    read_text(10, &more);
    ok(text_is("a\nb"), "carriage return becomes a line end");
    ok(strcmp(host_output(true), "a\r\nb") == 0, "and is echoed");
    console(4, L4_OP_VCON_SET_ATTR, L4_VCON_IGNCR | L4_VCON_INLCR, 0, 0);
    host_input("a\rb\n");
    is(read_text(10, &more), 3, "carriage return is left out");
    ok(text_is("ab\r"), "a line end becomes one");
}

static void test_line(void)
{
    bool more;

    create(L4_PROTO_IRQ_SENDER, IRQ);
    call_words(IRQ, L4_PROTO_KOBJECT, L4_SLOT_THREAD, 2, L4_OP_IRQ_BIND, 0x300, 0, 0);
    is(call_words(L4_SLOT_LOG, L4_PROTO_IRQ, IRQ, 2, L4_OP_ICU_BIND, 0, 0, 0), 0, "an IRQ at the console's line");
    host_input("x");
    host_input("y");
    host_syscall(SELF | WAIT, 0, 0, L4_TIMEOUT_ZERO);
    is(frame_label(&root->arch.frame), 0x300, "tells of input");
    host_syscall(SELF | WAIT, 0, 0, L4_TIMEOUT_ZERO);
    is(error_of(root), L4_IPC_RECV_TIMEOUT, "once, until it has been read");
    read_text(10, &more);
    host_input("z");
    host_syscall(SELF | WAIT, 0, 0, L4_TIMEOUT_ZERO);
    is(error_of(root), 0, "then again");
    delete_slot(IRQ);
}

static void test_errors(void)
{
    is(console(0, 0, 0, 0, 0), -L4_ERR_MSGTOOSHORT, "no operation");
    is(console(1, 77, 0, 0, 0), -L4_ERR_NOSYS, "no such operation");
    is(call_words(L4_SLOT_LOG, L4_PROTO_TASK, 0, 1, 0, 0, 0, 0), -L4_ERR_BADPROTO, "another protocol");
}

static void test_kernel_messages(void)
{
    host_output(true);
    kprintf("%s|%c|%d|%u|%x|%ld|%lx|%%\n", "text", 'c', -5, 7u, 0xbeefu, (long)(1ul << 63), ~0ul);
    ok(strcmp(host_output(true), "text|c|-5|7|beef|-9223372036854775808|ffffffffffffffff|%\r\n") == 0,
       "the kernel's own messages");
    kprintf("%p", (void *)0x1234);
    ok(strcmp(host_output(true), "0x1234") == 0, "and a pointer in one");
}

int main(void)
{
    machine_start();
    test_output();
    test_input();
    test_flags();
    test_line();
    test_errors();
    test_kernel_messages();
    machine_check();
    return tap_done();
}
