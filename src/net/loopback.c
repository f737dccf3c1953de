/* Keeping user-mode networking off the host's loopback.
 *
 * passt opens its sockets in the host's network namespace, to whatever address the guest wrote into a packet.
 * --no-map-gw only says that the gateway's address is not translated: a guest whose root removes 127.0.0.1 from its own
 * interface and routes it to the gateway would be connected to the host's own services. passt of 2023 (Debian 12) does
 * not look. So the kernel does: a small BPF program on our control group answers EPERM to each connect() and sendto()
 * of 127.0.0.0/8, 0.0.0.0/8, ::/96 (which has ::1) and the IPv4 ones as ::ffff:0:0/96. It belongs to the group, not to
 * a process: neither passt nor one who took it over can take it off.
 *
 * BPF_PROG_TYPE_CGROUP_SOCK_ADDR, Linux' Documentation/bpf/. A program is a few instructions, made here without a
 * compiler: load a word of the address, compare, answer 1 (go on) or 0 (EPERM). */
#include "net/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

/* Where `jump` of an instruction goes: written as a label, made a distance when the program is whole. */
enum { ALLOW = 1000, DENY = 1001 };

typedef struct Program {
	struct bpf_insn code[64];
	guint length;
} Program;

static void add(Program *program, struct bpf_insn instruction)
{
	program->code[program->length++] = instruction;
}

/* to = the 32-bit member of the context at this offset, in network order as it is there */
static void load(Program *program, guint8 to, gsize offset)
{
	add(program, (struct bpf_insn){.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = to & 15, .src_reg = BPF_REG_1,
			     .off = (gint16)offset});
}

static void jump(Program *program, guint8 operation, guint8 reg, guint32 value, gint16 target)
{
	add(program, (struct bpf_insn){.code = (guint8)(BPF_JMP32 | operation | BPF_K), .dst_reg = reg & 15,
			     .off = target, .imm = (gint32)value});
}

static void answer(Program *program, gint32 value)
{
	add(program, (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = value});
	add(program, (struct bpf_insn){.code = BPF_JMP | BPF_EXIT});
}

static void finish(Program *program)
{
	guint allow = program->length, deny = allow + 2;
	answer(program, 1);
	answer(program, 0);
	for (guint i = 0; i < allow; i++) {
		gint16 *off = &program->code[i].off;
		guint8 class = BPF_CLASS(program->code[i].code);
		if (class == BPF_JMP32 && (*off == ALLOW || *off == DENY))
			*off = (gint16)((*off == ALLOW ? allow : deny) - i - 1);
	}
}

/* For a word of an IPv4 address: denied in 0.0.0.0/8 and 127.0.0.0/8, else allowed. */
static void judge_ip4(Program *program, gsize offset)
{
	load(program, BPF_REG_2, offset);
	add(program, (struct bpf_insn){.code = BPF_ALU | BPF_AND | BPF_K, .dst_reg = BPF_REG_2,
			     .imm = (gint32)htonl(0xff000000)});
	jump(program, BPF_JEQ, BPF_REG_2, 0, DENY);
	jump(program, BPF_JEQ, BPF_REG_2, htonl(0x7f000000), DENY);
}

static void make_ip4(Program *program)
{
	judge_ip4(program, offsetof(struct bpf_sock_addr, user_ip4));
	finish(program);
}

static void make_ip6(Program *program)
{
	gsize words = offsetof(struct bpf_sock_addr, user_ip6);
	for (guint i = 0; i < 2; i++) {
		load(program, BPF_REG_2, words + i * 4);
		jump(program, BPF_JNE, BPF_REG_2, 0, ALLOW);
	}
	load(program, BPF_REG_2, words + 8);
	jump(program, BPF_JEQ, BPF_REG_2, 0, DENY);
	jump(program, BPF_JNE, BPF_REG_2, htonl(0xffff), ALLOW);
	judge_ip4(program, words + 12);
	finish(program);
}

static int load_program(const Program *program, enum bpf_attach_type type)
{
	union bpf_attr attr = {0};
	attr.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
	attr.expected_attach_type = type;
	attr.insns = (guint64)(gsize)program->code;
	attr.insn_cnt = program->length;
	attr.license = (guint64)(gsize)"Apache-2.0";
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);
}

/* Without BPF_F_ALLOW_MULTI a second program takes the first one's place. */
static gboolean attach(int group, const Program *program, enum bpf_attach_type type)
{
	union bpf_attr attr = {0};
	fd_auto int fd = load_program(program, type);
	attr.target_fd = (guint32)group;
	attr.attach_bpf_fd = (guint32)fd;
	attr.attach_type = type;
	return fd >= 0 && syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof attr) == 0;
}

gboolean loopback_deny(const char *group, GError **error)
{
	Program ip4 = {0}, ip6 = {0};
	fd_auto int fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_ip4(&ip4);
	make_ip6(&ip6);
	if (fd >= 0 && attach(fd, &ip4, BPF_CGROUP_INET4_CONNECT) && attach(fd, &ip4, BPF_CGROUP_UDP4_SENDMSG) &&
		attach(fd, &ip6, BPF_CGROUP_INET6_CONNECT) && attach(fd, &ip6, BPF_CGROUP_UDP6_SENDMSG))
		return TRUE;
	error_set_errno(error, errno, "cannot close the host's loopback to the control group '%s'", group);
	return FALSE;
}

gboolean loopback_is_far(const char *address)
{
	struct in_addr ip4;
	struct in6_addr ip6;
	if (inet_pton(AF_INET, address, &ip4) == 1)
		return ntohl(ip4.s_addr) >> 24 != 0 && ntohl(ip4.s_addr) >> 24 != 127;
	/* An address of one link would need its scope. */
	return inet_pton(AF_INET6, address, &ip6) == 1 && !IN6_IS_ADDR_LINKLOCAL(&ip6) && !IN6_IS_ADDR_LOOPBACK(&ip6) &&
	       !IN6_IS_ADDR_V4MAPPED(&ip6) && !IN6_IS_ADDR_UNSPECIFIED(&ip6);
}
