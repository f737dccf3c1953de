/* A virtual machine in few instructions: opens /dev/kvm, has real-mode code add two numbers and write the sum to a port,
 * and prints what came out, or where it failed. To be run inside a guest, to see whether guests of its own would run there;
 * without libc, so that it is small enough to be typed into a console.
 *
 * "inner guest: 2+3=5", or "failed: STEP ERRNO". */
#include <asm/unistd.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/mman.h>

static const unsigned char code[] = {
	0xba, 0xf8, 0x03, /* mov $0x3f8, %dx */
	0x00, 0xd8,       /* add %bl, %al */
	0x04, '0',        /* add $'0', %al */
	0xee,             /* out %al, (%dx) */
	0xf4,             /* hlt */
};
enum { CODE_ADDRESS = 0x1000, PAGE = 4096, EXITS_MAX = 100 };

static long call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static void print(const char *text)
{
	long length = 0;
	while (text[length])
		length++;
	call(__NR_write, 1, (long)text, length, 0, 0, 0);
}

__attribute__((noreturn)) static void leave(int code_of_exit)
{
	for (;;)
		call(__NR_exit_group, code_of_exit, 0, 0, 0, 0, 0);
}

/* Ends the program if that was an error. */
static long need(const char *step, long result)
{
	if (result >= 0 || result < -4095)
		return result;
	char number[] = {(char)('0' + -result / 100), (char)('0' + -result / 10 % 10), (char)('0' + -result % 10), '\n', 0};
	print("failed: ");
	print(step);
	print(" ");
	print(number);
	leave(1);
}

static long control(const char *step, long fd, unsigned long request, const void *argument)
{
	return need(step, call(__NR_ioctl, fd, (long)request, (long)argument, 0, 0, 0));
}

static char *map(const char *step, long size, int flags, long fd)
{
	return (char *)need(step, call(__NR_mmap, 0, size, PROT_READ | PROT_WRITE, flags, fd, 0));
}

static void set_registers(long cpu)
{
	struct kvm_sregs special;
	struct kvm_regs registers = {.rip = CODE_ADDRESS, .rax = 2, .rbx = 3, .rflags = 2};
	control("special registers", cpu, KVM_GET_SREGS, &special);
	special.cs.base = 0;
	special.cs.selector = 0;
	control("special registers", cpu, KVM_SET_SREGS, &special);
	control("registers", cpu, KVM_SET_REGS, &registers);
}

__attribute__((used, noreturn)) static void begin(void)
{
	char text[] = "inner guest: 2+3=?\n";
	long kvm = need("/dev/kvm", call(__NR_open, (long)"/dev/kvm", O_RDWR | O_CLOEXEC, 0, 0, 0, 0));
	long vm = control("machine", kvm, KVM_CREATE_VM, 0);
	char *memory = map("memory", PAGE, MAP_SHARED | MAP_ANONYMOUS, -1);
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = CODE_ADDRESS, .memory_size = PAGE, .userspace_addr = (unsigned long)memory};
	for (unsigned i = 0; i < sizeof code; i++)
		((volatile char *)memory)[i] = (char)code[i];
	control("memory", vm, KVM_SET_USER_MEMORY_REGION, &region);
	long cpu = control("processor", vm, KVM_CREATE_VCPU, 0);
	struct kvm_run *run = (struct kvm_run *)map(
		"processor", control("processor", kvm, KVM_GET_VCPU_MMAP_SIZE, 0), MAP_SHARED, cpu);
	set_registers(cpu);
	for (int i = 0; i < EXITS_MAX; i++) {
		control("run", cpu, KVM_RUN, 0);
		if (run->exit_reason == KVM_EXIT_IO)
			text[17] = *((char *)run + run->io.data_offset);
		else if (run->exit_reason == KVM_EXIT_HLT) {
			print(text);
			leave(0);
		} else
			break;
	}
	print("failed: unexpected exit\n");
	leave(1);
}

__asm__(".globl _start\n_start:\n\tand $-16, %rsp\n\tcall begin\n");
