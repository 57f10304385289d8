#ifndef CFRAMESYSTEM_H
#define CFRAMESYSTEM_H

#include <stdint.h>

// What Swift cannot call by itself: functions with a variable number of arguments, and system calls that the C library may
// not wrap. All of them return -1 and set errno where the system does not have them.

/// Whether other processes of the same user may look into this one, and whether it leaves a core when it crashes (prctl(2),
/// PR_SET_DUMPABLE).
int frame_set_dumpable(int dumpable);

/// A descriptor that stands for the process `pid` as long as it is open, whatever becomes of the number (pidfd_open(2)).
int frame_pidfd_open(int32_t pid);

#endif
