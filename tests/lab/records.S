/*
 * A guest in one sector: writes numbered records to its disk, each flushed, and says so on its serial port.
 *
 * Record N is the sector N * 32 (so that every fourth one makes QEMU allocate a cluster of qcow2), filled with its number.
 * At its start it says "have N": N is the last record of an unbroken row from 1 on, found by halving. Then "ack N" after
 * each record whose write and flush the disk has
 * acknowledged. It drives the first disk of a PATA controller by its ports
 * (ATA/ATAPI-6: READ SECTORS, WRITE SECTORS, FLUSH CACHE), which needs no driver and boots at once, also under emulation.
 */
	.code16
	.text
	.globl	_start
_start:
	ljmp	$0, $1f
1:	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp
	cli
	cld
	/* The last record: from 2^16 down, a step is taken if the record there is whole. */
	xorl	%ebp, %ebp
	movl	$0x10000, %ebx
2:	movl	%ebp, %esi
	addl	%ebx, %esi
	call	has_record
	jne	3f
	movl	%esi, %ebp
3:	shrl	$1, %ebx
	jnz	2b
	movw	$word_have, %si
	call	say

write_next:
	incl	%ebp
	movl	%ebp, %esi
	movb	$0x30, %al		/* WRITE SECTORS */
	call	command
	call	fill
	movw	$buffer, %si
	movw	$0x1f0, %dx
	movw	$256, %cx
	rep outsw
	call	wait_idle
	movl	%ebp, %esi
	movb	$0xe7, %al		/* FLUSH CACHE */
	call	command
	movw	$word_ack, %si
	call	say
	sti				/* until the next tick of the timer, 55 ms at most */
	hlt
	cli
	jmp	write_next

/* The buffer is record ESI, in the form in which it is compared and written; keeps all but AX, CX, DI. */
fill:
	movl	%esi, %eax
	movw	$buffer, %di
	movw	$128, %cx
	rep stosl
	ret

/* Whether sector ESI * 32 holds record ESI (ZF). */
has_record:
	movb	$0x20, %al		/* READ SECTORS */
	call	command
	movw	$buffer, %di
	movw	$0x1f0, %dx
	movw	$256, %cx
	rep insw
	movl	%esi, %eax
	movw	$buffer, %di
	movw	$128, %cx
	repe scasl
	ret

/* Sends command AL for one sector, that of record ESI, and waits until the disk is ready for the data, or done. */
command:
	pushw	%ax
	call	wait_idle
	movl	%esi, %ecx
	shll	$5, %ecx
	movw	$0x1f2, %dx		/* how many sectors, then the number of the first */
	movb	$1, %al
	outb	%al, %dx
	incw	%dx
	movb	%cl, %al
	outb	%al, %dx
	incw	%dx
	movb	%ch, %al
	outb	%al, %dx
	shrl	$16, %ecx
	incw	%dx
	movb	%cl, %al
	outb	%al, %dx
	incw	%dx
	movb	%ch, %al
	orb	$0xe0, %al		/* LBA, first disk */
	outb	%al, %dx
	popw	%ax
	incw	%dx
	outb	%al, %dx
wait_idle:
	movw	$0x1f7, %dx
	inb	%dx, %al
	testb	$0x80, %al		/* busy */
	jnz	wait_idle
	testb	$0x21, %al		/* error, fault */
	jnz	failed
	ret

failed:
	movw	$word_error, %si
	call	say
1:	hlt
	jmp	1b

/* Prints the word at SI and the number EBP. */
say:
	lodsb
	testb	%al, %al
	jz	1f
	call	put
	jmp	say
1:	movl	%ebp, %eax
	movl	$10, %ebx
	xorw	%cx, %cx
2:	xorl	%edx, %edx
	divl	%ebx
	pushw	%dx
	incw	%cx
	testl	%eax, %eax
	jnz	2b
3:	popw	%ax
	addb	$'0', %al
	call	put
	loop	3b
	movb	$'\r', %al
	call	put
	movb	$'\n', %al
put:	pushw	%ax
	movw	$0x3fd, %dx
1:	inb	%dx, %al
	testb	$0x20, %al		/* room for a byte */
	jz	1b
	popw	%ax
	movw	$0x3f8, %dx
	outb	%al, %dx
	ret

word_have:	.asciz	"have "
word_ack:	.asciz	"ack "
word_error:	.asciz	"disk error after "
	.org	510
	.word	0xaa55
	.equ	buffer, 0x8000
	.section .note.GNU-stack, "", @progbits
