"""Which system calls a program in the sandbox may make, with which arguments.

Everything that is not named is answered with EPERM, as if the rights were missing; what is newer
than the shipped tables with ENOSYS, as if the kernel were older. What no honest program calls ends
the process. Arguments in memory cannot be looked at, so calls that carry flags there (openat2,
clone3) do not exist.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

OWN_PID: Final = 0x7FFF_FF01
"""Stands for the process's own number, which stage 2 alone knows."""


@dataclass(frozen=True, slots=True)
class Without:
    """The argument has none of these bits."""

    argument: int
    bits: int


@dataclass(frozen=True, slots=True)
class OneOf:
    """The argument is one of these; `wide` where the kernel looks at all 64 bits of it."""

    argument: int
    values: Sequence[int]
    wide: bool = False


@dataclass(frozen=True, slots=True)
class NotBoth:
    """Not some of these bits of one argument together with some of those of another."""

    argument: int
    bits: int
    other: int
    other_bits: int


Test = Without | OneOf | NotBoth


def _names(*groups: str) -> tuple[str, ...]:
    return tuple(" ".join(groups).split())


_MODE: Final = 0o7000  # set-user-id, set-group-id, sticky
_EXEC: Final = 4
_WRITE: Final = 2
_ANONYMOUS: Final = 0x20
_HUGE: Final = 0x40000
# What pthread_create passes, of glibc and of musl: a thread, no process, no namespace.
_THREADS: Final = (0x3D0F00, 0x7D0F00)
# F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW, the same for open file
# descriptions, F_DUPFD_CLOEXEC: no size of a pipe, no owner, no lease, no notice, no seal.
_FCNTL: Final = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030)
# FIONREAD, FIONCLEX, FIOCLEX, TCGETS, TIOCGWINSZ
_IOCTL: Final = (0x541B, 0x5450, 0x5451, 0x5401, 0x5413)
_PRCTL: Final = (15, 16)  # PR_SET_NAME, PR_GET_NAME

ALLOWED: Final = _names(
    # files by descriptor
    "read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close "
    "close_range dup dup2 dup3 fstat fsync fdatasync ftruncate flock fadvise64 readahead "
    "getdents getdents64 fchdir fstatfs pipe pipe2 poll ppoll select pselect6 eventfd2 sendfile "
    "copy_file_range",
    # files by name: Landlock and the mounts say which, but for modes, owners and times, which
    # Landlock leaves to whoever owns the file
    "stat lstat newfstatat statx access faccessat faccessat2 readlink readlinkat getcwd chdir "
    "statfs truncate unlink unlinkat rename renameat rmdir umask",
    # memory, which one process's address space bounds
    "munmap mremap brk madvise mincore msync",
    # threads and their waiting
    "futex set_robust_list set_tid_address rseq sched_yield sched_getaffinity sched_getparam "
    "sched_getscheduler sched_get_priority_max sched_get_priority_min getpriority getcpu "
    "membarrier exit exit_group restart_syscall",
    # signals to itself
    "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend "
    "sigaltstack pause alarm getitimer setitimer",
    # time
    "nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times",
    # itself
    "getpid gettid getppid getuid geteuid getgid getegid getresuid getresgid getgroups getpgid "
    "getpgrp getsid getrlimit getrusage uname sysinfo getrandom capget",
)

CHECKED: Final[Mapping[str, tuple[Test, ...]]] = {
    # No mode that would let others run a file as its owner.
    "open": (Without(2, _MODE),),
    "openat": (Without(3, _MODE),),
    "creat": (Without(1, _MODE),),
    "mkdir": (Without(1, _MODE),),
    "mkdirat": (Without(2, _MODE),),
    "renameat2": (Without(4, 4),),  # leaves no device behind
    # What can run was there before: from a file, never written, never anonymous.
    "mmap": (
        Without(3, _HUGE),
        NotBoth(2, _EXEC, 2, _WRITE),
        NotBoth(2, _EXEC, 3, _ANONYMOUS),
    ),
    "mprotect": (Without(2, _EXEC),),
    "clone": (OneOf(0, _THREADS, wide=True),),
    "fallocate": (OneOf(1, (0, 1)),),  # no holes, no collapsing
    "fcntl": (OneOf(1, _FCNTL),),
    "ioctl": (OneOf(1, _IOCTL),),
    "prctl": (OneOf(0, _PRCTL),),
    "prlimit64": (OneOf(0, (0,)),),
    "kill": (OneOf(0, (OWN_PID,)),),
    "tgkill": (OneOf(0, (OWN_PID,)),),
}

ABSENT: Final = _names(
    # C libraries fall back to clone, openat and fchmodat, whose arguments can be looked at.
    "clone3 openat2 fchmodat2",
)

DEADLY: Final = _names(
    # other mounts and namespaces
    "mount umount2 pivot_root chroot unshare setns open_tree move_mount fsopen fsconfig fsmount "
    "fspick mount_setattr statmount listmount",
    # other processes' memory
    "ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd",
    # calls that go around the filter, and doors to much of the kernel
    "bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register",
    # keys, and files by number
    "add_key request_key keyctl open_by_handle_at name_to_handle_at",
    # the machine itself
    "init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff "
    "acct quotactl quotactl_fd settimeofday clock_settime clock_adjtime adjtimex personality "
    "modify_ldt iopl ioperm vhangup syslog lookup_dcookie fanotify_init fanotify_mark",
    # the filter
    "seccomp",
)
