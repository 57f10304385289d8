#define _GNU_SOURCE
#include "CFrameSystem.h"

#include <errno.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

int frame_set_dumpable(int dumpable) {
#ifdef __linux__
  return prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0);
#else
  (void)dumpable;
  errno = ENOSYS;
  return -1;
#endif
}

int frame_pidfd_open(int32_t pid) {
#if defined(__linux__) && defined(SYS_pidfd_open)
  return (int)syscall(SYS_pidfd_open, pid, 0);
#else
  (void)pid;
  errno = ENOSYS;
  return -1;
#endif
}
