/*
 * Firmware of the acceleration probe: real mode, protected mode, long mode, some arithmetic that only 64-bit code can
 * do, then the word "long-mode" to the debug console (port 0xe9) and a reset, which ends a QEMU with -no-reboot.
 * Wrong arithmetic ends in a reset without the word. Linked to 0xffff0000, where the last 64 KiB of the address space
 * are; the processor starts 16 bytes below their end.
 */
	.text
	.globl	_start
base:
	.org	0xf000
_start:
	.code16
	cli
	cld
	lgdtl	%cs:(gdt_pointer - base)
	movl	%cr0, %eax
	orl	$1, %eax
	movl	%eax, %cr0
	ljmpl	$0x08, $protected_mode

	.code32
protected_mode:
	movl	$0x10, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$0x8000, %esp
	/* Page tables at 0x1000: 2 MiB pages for the first memory and for this firmware. */
	movl	$0x1000, %edi
	movl	$0x1000, %ecx
	xorl	%eax, %eax
	rep stosl
	movl	$0x2003, 0x1000
	movl	$0x3003, 0x2000
	movl	$0x4003, 0x2018
	movl	$0x00000083, 0x3000
	movl	$0xffe00083, 0x4ff8
	movl	$0x1000, %eax
	movl	%eax, %cr3
	movl	%cr4, %eax
	orl	$0x20, %eax		/* PAE */
	movl	%eax, %cr4
	movl	$0xc0000080, %ecx	/* EFER.LME */
	rdmsr
	orl	$0x100, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000000, %eax
	movl	%eax, %cr0
	ljmpl	$0x18, $long_mode

	.code64
long_mode:
	movl	$0x10, %eax
	movl	%eax, %ss
	/* 1000 rounds of x = x * 6364136223846793005 + 1, through memory. */
	movabsq	$6364136223846793005, %r8
	xorq	%r9, %r9
	movl	$1000, %ecx
1:	imulq	%r8, %r9
	incq	%r9
	pushq	%r9
	xorq	%r9, %r9
	popq	%r9
	decl	%ecx
	jnz	1b
	movabsq	$0x44c8b3ccaeceff78, %r10
	cmpq	%r10, %r9
	jne	reset
	leaq	word(%rip), %rsi
	movl	$(word_end - word), %ecx
	movw	$0xe9, %dx
	rep outsb
reset:
	movb	$0xfe, %al		/* the keyboard controller pulls the reset line */
	outb	%al, $0x64
2:	hlt
	jmp	2b

word:	.ascii	"long-mode\n"
word_end:
	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff	/* 08: 32-bit code */
	.quad	0x00cf93000000ffff	/* 10: data */
	.quad	0x00af9b000000ffff	/* 18: 64-bit code */
gdt_pointer:
	.word	gdt_pointer - gdt - 1
	.long	gdt

	.org	0xfff0
	.code16
	jmp	_start
	.org	0xffff
	.byte	0
	.section .note.GNU-stack, "", @progbits
