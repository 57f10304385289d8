#include "CFaultVFS.h"

#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512, KINDS = 5 };

// A write or truncation that no sync has covered.
typedef struct change {
  struct change *next;
  int is_truncation;
  sqlite3_int64 offset;  // of a truncation: the new size
  size_t length;
  unsigned char bytes[];
} change;

typedef struct shadow {
  struct shadow *next;
  char *name;  // without the folder
  unsigned char *durable;
  size_t size;
  change *first, *last;
  int has_durable_name;
  int is_deleted;  // and the deletion is not known to be durable
} shadow;

struct fault_disk {
  struct fault_disk *next;
  char *folder;  // with a slash at its end
  shadow *files;
  uint64_t counts[KINDS];
  int mask;
  uint64_t nth, seen;
  int effect, code;
  uint64_t random;
  int has_failed, is_dead;
  int open_files, is_abandoned;
};

typedef struct fault_file {
  sqlite3_file base;
  fault_disk *disk;
  shadow *shadow;
  int is_journal;
  sqlite3_file *real;  // behind this struct
} fault_file;

// Guards everything below, the disks and their files.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static fault_disk *disks;
static sqlite3_vfs *real_vfs;
static sqlite3_vfs fault_vfs;

static const size_t header = (sizeof(fault_file) + 15) & ~(size_t)15;

// SplitMix64.
static uint64_t next_random(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// MARK: Images

static void grow(unsigned char **bytes, size_t *size, size_t wanted) {
  if (wanted <= *size) return;
  unsigned char *larger = realloc(*bytes, wanted);
  if (!larger) abort();
  memset(larger + *size, 0, wanted - *size);
  *bytes = larger;
  *size = wanted;
}

// Applies a change, or those of its sectors that chance picks.
static void apply(const change *c, unsigned char **bytes, size_t *size, uint64_t *chance) {
  if (c->is_truncation) {
    if (chance && (next_random(chance) & 1)) return;
    if ((size_t)c->offset < *size) *size = (size_t)c->offset;
    return;
  }
  size_t done = 0;
  while (done < c->length) {
    size_t at = (size_t)c->offset + done;
    size_t step = SECTOR - at % SECTOR;
    if (step > c->length - done) step = c->length - done;
    if (!chance || (next_random(chance) & 1)) {
      grow(bytes, size, at + step);
      memcpy(*bytes + at, c->bytes + done, step);
    }
    done += step;
  }
}

static void forget_changes(shadow *s) {
  while (s->first) {
    change *c = s->first;
    s->first = c->next;
    free(c);
  }
  s->last = NULL;
}

// Makes all changes durable, or those that chance picks, and forgets the others.
static void settle(shadow *s, uint64_t *chance) {
  for (change *c = s->first; c; c = c->next) apply(c, &s->durable, &s->size, chance);
  forget_changes(s);
}

static void record(shadow *s, int is_truncation, sqlite3_int64 offset, const void *bytes, size_t length) {
  change *c = malloc(sizeof(change) + length);
  if (!c) abort();
  *c = (change){.is_truncation = is_truncation, .offset = offset, .length = length};
  if (length) memcpy(c->bytes, bytes, length);
  if (s->last) s->last->next = c; else s->first = c;
  s->last = c;
}

static void free_shadow(shadow *s) {
  forget_changes(s);
  free(s->durable);
  free(s->name);
  free(s);
}

static fault_disk *disk_of(const char *path) {
  if (!path) return NULL;
  for (fault_disk *d = disks; d; d = d->next)
    if (strncmp(path, d->folder, strlen(d->folder)) == 0) return d;
  return NULL;
}

static shadow *find(fault_disk *d, const char *name) {
  for (shadow *s = d->files; s; s = s->next)
    if (!s->is_deleted && strcmp(s->name, name) == 0) return s;
  return NULL;
}

// What there was before the disk was watched is durable.
static shadow *watch(fault_disk *d, const char *path) {
  const char *name = path + strlen(d->folder);
  shadow *s = find(d, name);
  if (s) return s;
  s = calloc(1, sizeof(shadow));
  if (!s || !(s->name = strdup(name))) abort();
  FILE *file = fopen(path, "rb");
  if (file) {
    unsigned char buffer[4096];
    size_t count;
    while ((count = fread(buffer, 1, sizeof buffer, file)) > 0) {
      size_t start = s->size;
      grow(&s->durable, &s->size, start + count);
      memcpy(s->durable + start, buffer, count);
    }
    fclose(file);
    s->has_durable_name = s->size > 0;
  }
  s->next = d->files;
  d->files = s;
  return s;
}

// MARK: Plans

static int kind_index(int kind) {
  int index = 0;
  while (kind > 1) {
    kind >>= 1;
    index++;
  }
  return index;
}

// Counts the operation. - Returns: SQLITE_OK when it is to be done.
static int begin(fault_disk *d, int kind) {
  if (d->is_dead) return SQLITE_IOERR;
  d->counts[kind_index(kind)]++;
  if (!(d->mask & kind)) return SQLITE_OK;
  d->seen++;
  int now = d->seen == d->nth;
  if (!now && !(d->has_failed && d->effect == FAULT_FROM_THEN_ON)) return SQLITE_OK;
  d->has_failed = 1;
  if (d->effect == FAULT_KILL || d->effect == FAULT_TORN) d->is_dead = 1;
  return d->code;
}

// MARK: Files

static void free_disk(fault_disk *disk) {
  while (disk->files) {
    shadow *s = disk->files;
    disk->files = s->next;
    free_shadow(s);
  }
  free(disk->folder);
  free(disk);
}

static int fault_close(sqlite3_file *file) {
  fault_file *f = (fault_file *)file;
  int code = f->real->pMethods->xClose(f->real);
  pthread_mutex_lock(&lock);
  f->disk->open_files--;
  if (f->disk->is_abandoned && f->disk->open_files == 0) free_disk(f->disk);
  pthread_mutex_unlock(&lock);
  return code;
}

static int fault_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
  fault_file *f = (fault_file *)file;
  return f->real->pMethods->xRead(f->real, bytes, count, offset);
}

static int fault_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
  fault_file *f = (fault_file *)file;
  pthread_mutex_lock(&lock);
  int was_dead = f->disk->is_dead;
  int code = begin(f->disk, FAULT_WRITE);
  int length = count;
  if (code != SQLITE_OK) {
    length = 0;
    if (!was_dead && f->disk->effect == FAULT_TORN && count > 1)
      length = 1 + (int)(next_random(&f->disk->random) % (uint64_t)(count - 1));
    // The last write before a kill may have reached the page cache whole.
    if (!was_dead && f->disk->effect == FAULT_KILL && (next_random(&f->disk->random) & 1)) length = count;
  }
  if (length > 0) {
    int done = f->real->pMethods->xWrite(f->real, bytes, length, offset);
    if (done == SQLITE_OK) record(f->shadow, 0, offset, bytes, (size_t)length);
    if (code == SQLITE_OK) code = done;
  }
  pthread_mutex_unlock(&lock);
  return code;
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size) {
  fault_file *f = (fault_file *)file;
  pthread_mutex_lock(&lock);
  int code = begin(f->disk, FAULT_TRUNCATE);
  if (code == SQLITE_OK) code = f->real->pMethods->xTruncate(f->real, size);
  if (code == SQLITE_OK) record(f->shadow, 1, size, NULL, 0);
  pthread_mutex_unlock(&lock);
  return code;
}

static int fault_sync(sqlite3_file *file, int flags) {
  (void)flags;
  fault_file *f = (fault_file *)file;
  pthread_mutex_lock(&lock);
  int was_dead = f->disk->is_dead;
  int code = begin(f->disk, FAULT_SYNC);
  if (code == SQLITE_OK) {
    settle(f->shadow, NULL);
    f->shadow->has_durable_name = 1;
    if (f->is_journal) {
      // The system's VFS syncs the folder with a new journal.
      for (shadow *s = f->disk->files; s; s = s->next)
        if (s->is_deleted) s->has_durable_name = 0;
    }
  } else if (!was_dead && f->disk->effect != FAULT_KILL) {
    // Pages that could not be written are clean for the kernel from here on: a later sync does not try them again.
    settle(f->shadow, &f->disk->random);
  }
  pthread_mutex_unlock(&lock);
  return code;
}

static int fault_size(sqlite3_file *file, sqlite3_int64 *size) {
  fault_file *f = (fault_file *)file;
  return f->real->pMethods->xFileSize(f->real, size);
}
static int fault_lock(sqlite3_file *file, int level) {
  fault_file *f = (fault_file *)file;
  return f->real->pMethods->xLock(f->real, level);
}
static int fault_unlock(sqlite3_file *file, int level) {
  fault_file *f = (fault_file *)file;
  return f->real->pMethods->xUnlock(f->real, level);
}
static int fault_check_lock(sqlite3_file *file, int *result) {
  fault_file *f = (fault_file *)file;
  return f->real->pMethods->xCheckReservedLock(f->real, result);
}
static int fault_control(sqlite3_file *file, int op, void *argument) {
  fault_file *f = (fault_file *)file;
  return f->real->pMethods->xFileControl(f->real, op, argument);
}
static int fault_sector_size(sqlite3_file *file) {
  fault_file *f = (fault_file *)file;
  return f->real->pMethods->xSectorSize(f->real);
}
static int fault_characteristics(sqlite3_file *file) {
  fault_file *f = (fault_file *)file;
  return f->real->pMethods->xDeviceCharacteristics(f->real);
}
// The shared memory is no file that outlives a crash: it is made anew from the write-ahead log.
static int fault_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory) {
  fault_file *f = (fault_file *)file;
  return f->real->pMethods->xShmMap(f->real, page, size, extend, memory);
}
static int fault_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
  fault_file *f = (fault_file *)file;
  return f->real->pMethods->xShmLock(f->real, offset, count, flags);
}
static void fault_shm_barrier(sqlite3_file *file) {
  fault_file *f = (fault_file *)file;
  f->real->pMethods->xShmBarrier(f->real);
}
static int fault_shm_unmap(sqlite3_file *file, int is_deleted) {
  fault_file *f = (fault_file *)file;
  return f->real->pMethods->xShmUnmap(f->real, is_deleted);
}

// Version 2: shared memory, no memory-mapped files.
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_check_lock,
    .xFileControl = fault_control,
    .xSectorSize = fault_sector_size,
    .xDeviceCharacteristics = fault_characteristics,
    .xShmMap = fault_shm_map,
    .xShmLock = fault_shm_lock,
    .xShmBarrier = fault_shm_barrier,
    .xShmUnmap = fault_shm_unmap,
};

// MARK: The VFS

static int fault_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out) {
  (void)vfs;
  pthread_mutex_lock(&lock);
  fault_disk *disk = disk_of(path);
  if (!disk) {
    pthread_mutex_unlock(&lock);
    return real_vfs->xOpen(real_vfs, path, file, flags, out);
  }
  fault_file *f = (fault_file *)file;
  memset(f, 0, header);
  f->real = (sqlite3_file *)((char *)file + header);
  memset(f->real, 0, (size_t)real_vfs->szOsFile);
  int code = SQLITE_OK;
  if ((flags & SQLITE_OPEN_MAIN_DB) && (flags & SQLITE_OPEN_READWRITE)) {
    code = begin(disk, FAULT_OPEN);
    // The system's VFS opens a file that may not be written for reading.
    if (code == SQLITE_READONLY) {
      flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
      code = SQLITE_OK;
    }
  } else if (disk->is_dead && (flags & SQLITE_OPEN_CREATE)) {
    code = SQLITE_CANTOPEN;
  }
  if (code == SQLITE_OK) {
    f->disk = disk;
    f->is_journal = (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
    f->shadow = watch(disk, path);
    code = real_vfs->xOpen(real_vfs, path, f->real, flags, out);
    if (code == SQLITE_OK) disk->open_files++;
  }
  pthread_mutex_unlock(&lock);
  if (code == SQLITE_OK) f->base.pMethods = &methods;
  return code;
}

static int fault_delete(sqlite3_vfs *vfs, const char *path, int is_synced) {
  (void)vfs;
  pthread_mutex_lock(&lock);
  fault_disk *disk = disk_of(path);
  int code = disk ? begin(disk, FAULT_DELETE) : SQLITE_OK;
  if (code == SQLITE_OK) code = real_vfs->xDelete(real_vfs, path, is_synced);
  if (disk && code == SQLITE_OK) {
    shadow *s = find(disk, path + strlen(disk->folder));
    if (s) s->is_deleted = 1;
    if (s && is_synced) s->has_durable_name = 0;
  }
  pthread_mutex_unlock(&lock);
  return code;
}

int fault_vfs_install(void) {
  pthread_mutex_lock(&lock);
  int code = SQLITE_OK;
  if (!real_vfs) {
    code = sqlite3_initialize();
    sqlite3_vfs *found = code == SQLITE_OK ? sqlite3_vfs_find(NULL) : NULL;
    if (found) {
      fault_vfs = *found;
      fault_vfs.pNext = NULL;
      fault_vfs.zName = "frame-fault";
      fault_vfs.szOsFile = (int)header + found->szOsFile;
      fault_vfs.xOpen = fault_open;
      fault_vfs.xDelete = fault_delete;
      real_vfs = found;
      code = sqlite3_vfs_register(&fault_vfs, 1);
    } else if (code == SQLITE_OK) {
      code = SQLITE_ERROR;
    }
  }
  pthread_mutex_unlock(&lock);
  return code;
}

// MARK: Disks

fault_disk *fault_disk_new(const char *directory) {
  char *path = realpath(directory, NULL);
  fault_disk *d = path ? calloc(1, sizeof(fault_disk)) : NULL;
  if (d && (d->folder = malloc(strlen(path) + 2))) {
    strcpy(d->folder, path);
    strcat(d->folder, "/");
    pthread_mutex_lock(&lock);
    d->next = disks;
    disks = d;
    pthread_mutex_unlock(&lock);
  } else {
    free(d);
    d = NULL;
  }
  free(path);
  return d;
}

void fault_disk_free(fault_disk *disk) {
  pthread_mutex_lock(&lock);
  for (fault_disk **d = &disks; *d; d = &(*d)->next) {
    if (*d != disk) continue;
    *d = disk->next;
    break;
  }
  disk->is_abandoned = 1;
  if (disk->open_files == 0) free_disk(disk);
  pthread_mutex_unlock(&lock);
}

void fault_disk_plan(fault_disk *disk, int mask, uint64_t nth, int effect, int code, uint64_t seed) {
  pthread_mutex_lock(&lock);
  disk->mask = mask;
  disk->nth = nth;
  disk->seen = 0;
  disk->effect = effect;
  disk->code = code;
  disk->random = seed;
  disk->has_failed = 0;
  disk->is_dead = 0;
  pthread_mutex_unlock(&lock);
}

uint64_t fault_disk_count(fault_disk *disk, int mask) {
  uint64_t sum = 0;
  pthread_mutex_lock(&lock);
  for (int index = 0; index < KINDS; index++)
    if (mask & 1 << index) sum += disk->counts[index];
  pthread_mutex_unlock(&lock);
  return sum;
}

int fault_disk_has_failed(fault_disk *disk) {
  pthread_mutex_lock(&lock);
  int result = disk->has_failed;
  pthread_mutex_unlock(&lock);
  return result;
}

static int write_image(const shadow *s, const char *directory, uint64_t *chance) {
  char path[PATH_MAX];
  int length = snprintf(path, sizeof path, "%s/%s", directory, s->name);
  if (length < 0 || (size_t)length >= sizeof path) return -1;
  size_t size = 0;
  unsigned char *bytes = NULL;
  grow(&bytes, &size, s->size);
  if (s->size) memcpy(bytes, s->durable, s->size);
  for (const change *c = s->first; c; c = c->next) apply(c, &bytes, &size, chance);
  FILE *file = fopen(path, "wb");
  int result = file && fwrite(bytes, 1, size, file) == size ? 0 : -1;
  if (file && fclose(file) != 0) result = -1;
  free(bytes);
  return result;
}

int fault_disk_image(fault_disk *disk, const char *directory, uint64_t seed) {
  int result = 0;
  pthread_mutex_lock(&lock);
  for (shadow *s = disk->files; s && result == 0; s = s->next) {
    // A name that was never synced may be missing; a file whose deletion was not may be back.
    if (s->is_deleted && (!s->has_durable_name || find(disk, s->name))) continue;
    int is_certain = s->has_durable_name && !s->is_deleted;
    if (!is_certain && (next_random(&seed) & 1)) continue;
    result = write_image(s, directory, &seed);
  }
  pthread_mutex_unlock(&lock);
  return result;
}
