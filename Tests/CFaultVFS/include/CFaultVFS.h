// A SQLite VFS whose disks fail when they are told to. For tests only.
//
// It stands in front of the system's VFS as the process's default. Files below the folder of a `fault_disk` are watched:
// beside the file that SQLite sees (what the kernel's page cache would hold) each has an image of what is durable, and the
// writes that no sync has covered yet. `fault_disk_image` writes the files as a power cut would leave them. All other files
// go straight through.
//
// All functions may be called from any thread.
#ifndef CFAULTVFS_H
#define CFAULTVFS_H

#include <stdint.h>

typedef struct fault_disk fault_disk;

/// What SQLite asks of a disk; each is a bit.
enum {
  FAULT_WRITE = 1,
  FAULT_SYNC = 2,
  FAULT_TRUNCATE = 4,
  FAULT_DELETE = 8,
  FAULT_OPEN = 16,  // of a database file, for writing
};

/// What happens at the operation that a plan names.
enum {
  /// It fails, and the next one does not.
  FAULT_ONCE,
  /// It fails, and so do all of its kind from then on: a full disk, a disk mounted read-only.
  FAULT_FROM_THEN_ON,
  /// The process is gone: nothing that comes later reaches the disk.
  FAULT_KILL,
  /// The same, and of the write itself only the first bytes have reached the file.
  FAULT_TORN,
};

/// Makes the VFS the process's default. - Returns: an SQLite result code. Later calls do nothing.
int fault_vfs_install(void);

/// A disk for the existing folder `directory`, without a plan. - Returns: NULL when there is no such folder, or no memory.
fault_disk *fault_disk_new(const char *directory);

/// Files of it that are still open are let go of when they are closed.
void fault_disk_free(fault_disk *disk);

/// Has the `nth` operation (from 1, counted from now) of the kinds in `mask` fail with the SQLite result code `code`.
/// - Parameter seed: decides what of a failed sync was written all the same, and how much of a torn write.
void fault_disk_plan(fault_disk *disk, int mask, uint64_t nth, int effect, int code, uint64_t seed);

/// How many operations of the kinds in `mask` there were.
uint64_t fault_disk_count(fault_disk *disk, int mask);

/// Whether the plan's operation has come.
int fault_disk_has_failed(fault_disk *disk);

/// Writes the files as a power cut at this moment would leave them into the existing folder `directory`: what was synced,
/// and of the rest each 512-byte sector of each write as `seed` decides. Files that were never synced may be missing.
/// - Returns: 0, or -1 when a file could not be written.
int fault_disk_image(fault_disk *disk, const char *directory, uint64_t seed);

#endif
