/* What yadod tells yado-launch, and what yado-launch answers. Shared by both; plain C, no library.
 *
 * yado-launch gets no arguments. Descriptor LAUNCH_FD_SPEC is a file of records, each a word, a space, a value and a
 * NUL. Values may hold any byte but NUL. Unknown words, a missing "end" or a missing required record are errors.
 *
 *   program PATH      what to execute (required); argv[0] is PATH
 *   arg TEXT          the next argument; repeated
 *   rundir PATH       where pid, exit and the view's mount point are (required)
 *   log PATH          where the program's stdout and stderr go (required)
 *   uid NUMBER        uid and gid
 *   network host      stay in the host's network namespace (otherwise an empty one)
 *   ro PATH, rw PATH  a path that appears in the view, in this order; devices too
 *   fd NUMBER         this descriptor of yado-launch is for the program; all others are closed
 *   cgroup PATH       the directory of a control group (version 2) that the program's process is made in
 *   tasks PATH        the file `tasks` of a control group (version 1) that it joins before all else; repeated
 *   group PATH        the directory of a control group (version 2) that yado-launch itself and all that it starts are in
 *   scope yes         somebody else puts yado-launch and all that it starts into a control group: see below
 *   input TEXT        stdin is a pipe with this text that never comes to an end
 *   lifeline yes      LAUNCH_FD_LIFELINE is a pipe; the program is killed when its other end closes
 *   share-ro PATH, share-rw PATH  a directory that appears as LAUNCH_SHARE_DIR; the program is root of a user
 *                     namespace in which each id is itself, with what privileges a file server needs
 *   memlock yes       no limit of locked memory
 *   seccomp yes       LAUNCH_FD_SECCOMP is a file with a compiled filter (an array of struct sock_filter)
 *   end yes           the last record
 *
 * LAUNCH_FD_STATUS is a socket. The answer is one line, written after the program was executed or has failed to be:
 *   "ok PID START_TIME\n"   or   "error TEXT\n"
 * With "scope", there is a line before that, whose reader writes back one byte when the processes are in their group:
 *   "scope PID PID PID\n"
 * When nobody is there to read it (yadod has died), the program is not begun, or is killed.
 *
 * Files in rundir: LAUNCH_PID_FILE before the program begins, LAUNCH_EXIT_FILE when the program has ended. Each is lines
 * of a word, a space and a value; each is written beside and renamed, the exit file synced before that.
 *   pid:  pid, start (clock ticks since boot), boot (boot id), launcher (pid of yado-launch)
 *   exit: code (-1 if by signal), signal (0 if by exit), time (UTC, microseconds), boot, told (pid of who sent SIGTERM
 *         to yado-launch before that, if anybody has: systemd does when it stops a scope)
 * The log is bounded: past LAUNCH_LOG_MAX / 2 it is renamed to "PATH.old" (replacing the former) and begun anew. */
#pragma once

#define LAUNCH_FD_SPEC 3
#define LAUNCH_FD_STATUS 4
#define LAUNCH_FD_LIFELINE 5
#define LAUNCH_FD_SECCOMP 6
#define LAUNCH_FD_FIRST 10 /* the program's own descriptors begin here */

#define LAUNCH_SPEC_MAX (1 << 20)
#define LAUNCH_LOG_MAX (256 * 1024)
#define LAUNCH_INPUT_MAX 4096 /* what any pipe takes without a reader (pipe(7), PIPE_BUF) */
#define LAUNCH_PID_FILE "pid"
#define LAUNCH_EXIT_FILE "exit"
#define LAUNCH_SHARE_DIR "/share"
#define LAUNCH_ROOT_DIR "root" /* mount point of the view, in the program's own mount namespace only */
